//! Beginning a conversation: take a key package, found the group, open its mailbox, send the
//! Welcome. Each step starts when the one before is durable, so a crash resumes where it was.

use telesphor_clinical::message::{DepositMessage, Welcome};
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_sealing::package::open_package;
use telesphor_sealing::{Binding, Founding, GroupSession, PackageAddress, PackageRules, Suite};
use telesphor_vault::Table;
use telesphor_wire::answer::Taken;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, FirstAccess, Take, TakeRequest};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::ids::{CommandId, IdentityId};
use telesphor_wire::mailbox::{MailboxKind, Policy};
use telesphor_wire::receipt::Receipt;
use telesphor_wire::sign::SigningKey;

use super::policy::policy_hash;
use super::rows::{Rows, apply};
use crate::core::Ctx;
use crate::core::records::{Entry, Held, Job, Known, MailboxChoice, Padding, Via, What};
use crate::error::{Error, Result};
use crate::mailbox::open::{NO_END, Plan};
use crate::mailbox::owner::COMMAND_LIFE_MS;

/// Extension of a Welcome: the key that owns the mailbox (canonical `PublicKey`).
pub(crate) const OWNER_KEY_EXTENSION: u32 = 1;

impl Ctx<'_, '_> {
    /// Takes one of the contact's key packages; the rest follows from the answer.
    pub(crate) fn begin_conversation(&mut self, mut known: Known) -> Result<()> {
        let record = &known.contact.record;
        let Some(address) = record.addresses.first() else {
            return Ok(());
        };
        let key = SigningKey::from_seed(&address.deposit_seed);
        let request = TakeRequest {
            mailbox: address.mailbox,
            contact: key.public(),
            command_id: CommandId::random(),
            not_after: self.now + COMMAND_LIFE_MS,
            ext: Extensions::none(),
        };
        let signature = key.sign(&request);
        let command = Command::Take(Take { request, signature });
        let contact = record.identity;
        self.enqueue_entry(Entry {
            what: What::Ready(MailboxChoice {
                mailbox: Some(address.mailbox),
            }),
            command: Some(Bytes(canonical::encode(&command))),
            via: Via::Signed(true),
            job: Job::Package(contact),
            after: None,
            queued: self.now,
        })?;
        known.opening = true;
        self.put(Table::Contacts, &contact.0, &known)
    }

    /// A package is here: the group is founded and its mailbox opened.
    pub(crate) fn package_taken(&mut self, contact: &IdentityId, taken: &Taken) -> Result<()> {
        let Some(mut known) = self.get::<Known>(Table::Contacts, &contact.0)? else {
            return Ok(());
        };
        known.opening = false;
        let record = known.contact.record.clone();
        let address = record.addresses.first().ok_or(Error::fault("address"))?;
        let to = PackageAddress {
            mailbox: address.mailbox,
            contact: SigningKey::from_seed(&address.deposit_seed).public(),
        };
        let history = self
            .history(contact)?
            .ok_or(Error::of(ErrorCode::BrokenHistory))?;
        let endpoints = crate::people::members(&history);
        let rules = PackageRules {
            endpoints: &endpoints,
            min_suite: self.min_suite(),
            now: self.now,
        };
        let Ok(package) = open_package(&taken.package, &to, &record.contact_secret, &rules) else {
            // Worth nothing; the next look at the waiting messages takes another one.
            return self.put(Table::Contacts, &contact.0, &known);
        };
        let (mailbox, voucher) = self.draw_mailbox()?;
        let used = MailboxUse::Conversation;
        let suite = Suite::default();
        let founding = Founding {
            binding: Binding::new(
                mailbox,
                self.profile.domain().clone(),
                self.me(),
                suite,
                policy_hash(used),
            ),
            suite,
            members: vec![package],
            now: self.now,
        };
        let step = GroupSession::found(&Rows(self.tx), &self.keys.member, &founding)?;
        let (_, founded) = step.commit(|diff, _| apply(self.tx, diff))?;
        let letter = founded.welcome.ok_or(Error::fault("welcome"))?;
        self.keep_letter(letter, *contact)?;
        let access = FirstAccess {
            epoch: founded.epoch,
            key: founded.access,
            lease: NO_END,
            ceiling: NO_END,
        };
        let plan = Plan {
            id: mailbox,
            voucher,
            kind: MailboxKind::Shared,
            used,
            with: Some(*contact),
            min_suite: self.min_suite(),
            policy: Policy::standard(),
            access: Some(access),
            deposit_keys: Vec::new(),
            name: String::new(),
        };
        self.open_mailbox(plan, None)?;
        known.conversations.push(mailbox);
        self.put(Table::Contacts, &contact.0, &known)
    }

    /// No key package could be had: the contact must come online once.
    pub(crate) fn no_package(&mut self, contact: &IdentityId, _code: ErrorCode) -> Result<()> {
        let Some(mut known) = self.get::<Known>(Table::Contacts, &contact.0)? else {
            return Ok(());
        };
        known.opening = false;
        self.put(Table::Contacts, &contact.0, &known)
    }

    /// The conversation's mailbox is open: the Welcome goes, and this endpoint introduces itself.
    pub(crate) fn conversation_open(&mut self, held: &Held, receipt: &Receipt) -> Result<()> {
        self.announce(&held.id, held.branch, held.epoch)?;
        let Some(waiting) = self.take_letter(&held.id)? else {
            return Ok(());
        };
        let owner_key = Extension {
            id: OWNER_KEY_EXTENSION,
            critical: false,
            body: Bytes(canonical::encode(&held.owner_key)),
        };
        let welcome = DepositMessage::Welcome(Box::new(Welcome {
            mailbox: held.id,
            domain: held.domain.clone(),
            used: held.used,
            owner: self.me(),
            branch: held.branch,
            epoch: held.epoch,
            from: telesphor_wire::mailbox::Cursor {
                seq: receipt.leaf.seq,
                hash: receipt.leaf.hash,
            },
            mls: Bytes(canonical::encode(&waiting.letter)),
            grant: None,
            ext: Extensions::none().with(owner_key),
        }));
        self.deposit_for(&waiting.to, welcome, Padding::Handshake, Job::Nothing(true))?;
        Ok(())
    }
}
