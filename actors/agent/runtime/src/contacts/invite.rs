//! The inviter's side: a one-time mailbox with an offer in it, and a link that leads there.
//!
//! The one-time mailbox is a shared one whose access key is the link's deposit key, so whoever
//! holds the link reads the offer and may answer; its lease ends with the invitation. The
//! first event after the offer is the answer that counts: the order decides who was first.

use serde::{Deserialize, Serialize};
use telesphor_clinical::contact::ContactRecord;
use telesphor_clinical::invite::{InviteLink, InviteOffer};
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_vault::{Records, Snapshot, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, Deposit, FirstAccess, OwnerAct, SignedVoucher};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{CommandId, IdentityId, MailboxId};
use telesphor_wire::mailbox::{Cursor, EventKind, MailboxKind, Policy};
use telesphor_wire::seal::SealingKey;
use telesphor_wire::sign::{PublicKey, SigningKey};

use super::packages::STOCK;
use crate::core::records::{
    Acquaintance, Entry, Held, Job, MailboxChoice, MailboxState, MemberVia, Via, What,
};
use crate::core::{Core, Ctx};
use crate::endpoints::adding::adding_at;
use crate::error::{Error, Result};
use crate::exchange::record::FarSay;
use crate::link::Credential;
use crate::mailbox::open::Plan;
use crate::mailbox::owner::COMMAND_LIFE_MS;

/// An invitation as kept by either side.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Invited {
    pub(crate) link: InviteLink,
    /// The private half of the offered key (inviter only).
    pub(crate) key: Option<SealingKey>,
    /// This endpoint's pseudonym at the one-time mailbox.
    pub(crate) pseudonym: Secret,
    /// For whom it is meant, or whom it came from, in one's own words.
    pub(crate) name: String,
    /// The record given to the other side.
    pub(crate) given: Option<ContactRecord>,
    /// The outbox entry that makes the given record usable.
    pub(crate) usable_after: Option<u64>,
    /// Who took it.
    pub(crate) taken_by: Option<IdentityId>,
    /// How many answers came after the one that counted.
    pub(crate) late: u32,
    /// Whether the offer has been put into the outbox, or the answer.
    pub(crate) said: bool,
}

impl Ctx<'_, '_> {
    pub(crate) fn invited(&self, mailbox: &MailboxId) -> Result<Option<Invited>> {
        self.get(Table::Invitations, &mailbox.0)
    }

    pub(crate) fn put_invited(&mut self, invited: &Invited) -> Result<()> {
        self.put(Table::Invitations, &invited.link.mailbox.0, invited)
    }

    /// Makes an invitation; the link is worth something once the mailbox and the offer are
    /// durable.
    pub(crate) fn invite(&mut self, meant_for: &str, expires: u64) -> Result<InviteLink> {
        let (given, allowed) = self.new_record()?;
        let usable = self.leave_packages(&given, Some(allowed))?;
        let (mailbox, voucher) = self.draw_mailbox()?;
        let (link, key) = InviteLink::create(self.profile.domain().clone(), self.me(), mailbox, expires);
        self.open_one_time(mailbox, voucher, link.deposit_key().public(), expires)?;
        self.put_invited(&Invited {
            link: link.clone(),
            key: Some(key),
            pseudonym: Secret::random(),
            name: meant_for.to_owned(),
            given: Some(given),
            usable_after: Some(usable),
            taken_by: None,
            late: 0,
            said: false,
        })?;
        Ok(link)
    }

    /// Opens a one-time mailbox: whoever holds the link's key reads and writes there, until then.
    pub(crate) fn open_one_time(
        &mut self,
        mailbox: MailboxId,
        voucher: SignedVoucher,
        key: PublicKey,
        expires: u64,
    ) -> Result<()> {
        let access = FirstAccess {
            epoch: 0,
            key,
            lease: expires,
            ceiling: expires,
        };
        let plan = Plan {
            id: mailbox,
            voucher,
            kind: MailboxKind::Shared,
            used: MailboxUse::OneTime,
            with: None,
            min_suite: self.min_suite(),
            policy: Policy {
                max_bytes: 1 << 20,
                max_events: 64,
                ..Policy::standard()
            },
            access: Some(access),
            deposit_keys: Vec::new(),
            name: String::new(),
        };
        self.open_mailbox(plan, None)?;
        Ok(())
    }

    /// The one-time mailbox is open: the offer goes in.
    pub(crate) fn invitation_open(&mut self, held: &Held) -> Result<()> {
        if self.adding(&held.id)?.is_some() {
            return self.offer_seat(held);
        }
        let Some(mut invited) = self.invited(&held.id)? else {
            return Ok(());
        };
        let (Some(key), Some(given)) = (&invited.key, &invited.given) else {
            return Ok(());
        };
        let offer = InviteOffer {
            key: key.public(),
            record: given.clone(),
            history: Bytes(self.my_history()?),
            ext: Extensions::none(),
        };
        let payload = invited.link.seal_offer(&offer).map_err(|e| Error::of(e.code()))?;
        self.one_time_deposit(&held.id, payload, Job::Nothing(true), invited.usable_after)?;
        invited.said = true;
        self.put_invited(&invited)
    }

    /// Queues a deposit into a one-time mailbox.
    pub(crate) fn one_time_deposit(
        &mut self,
        mailbox: &MailboxId,
        payload: Vec<u8>,
        job: Job,
        after: Option<u64>,
    ) -> Result<u64> {
        let deposit = Deposit {
            mailbox: *mailbox,
            branch: 0,
            epoch: 0,
            kind: EventKind::MESSAGE,
            command_id: CommandId::random(),
            not_after: self.now + COMMAND_LIFE_MS,
            payload: payload.into(),
            ext: Extensions::none(),
            signature: None,
        };
        let domain = self.held(mailbox)?.domain;
        if domain != *self.profile.domain() {
            let invited = self.invited(mailbox)?.ok_or(Error::fault("invitation"))?;
            let say = FarSay {
                domain,
                mailbox: *mailbox,
                wish: self.signed_wish(deposit, &invited.link.deposit_key()),
            };
            return self.wish(say, job, after);
        }
        self.enqueue_entry(Entry {
            what: What::Ready(MailboxChoice {
                mailbox: Some(*mailbox),
            }),
            command: Some(Bytes(canonical::encode(&Command::Deposit(deposit)))),
            via: Via::Member(MemberVia {
                mailbox: *mailbox,
                branch: 0,
                epoch: 0,
            }),
            job,
            after,
            queued: self.now,
        })
    }

    /// An event of a one-time mailbox: to the inviter an answer, to the taker the offer.
    pub(crate) fn take_one_time(&mut self, held: &Held, payload: &[u8], at: &Cursor) -> Result<()> {
        if let Some(adding) = self.adding(&held.id)? {
            return self.device_asked(adding, payload);
        }
        let Some(invited) = self.invited(&held.id)? else {
            return Ok(());
        };
        match &invited.key {
            Some(key) => {
                let key = key.clone();
                self.answer_came(held, invited, &key, payload)
            }
            None => self.offer_came(held, invited, payload, at),
        }
    }

    fn answer_came(
        &mut self,
        held: &Held,
        mut invited: Invited,
        key: &SealingKey,
        payload: &[u8],
    ) -> Result<()> {
        // One's own offer comes back first.
        if invited.link.open_offer(payload).is_ok() {
            return Ok(());
        }
        if invited.taken_by.is_some() {
            invited.late += 1;
            return self.put_invited(&invited);
        }
        let answer = invited
            .link
            .open_answer(key, payload)
            .map_err(|e| Error::of(e.code()))?;
        let accept = answer.accept;
        let history = self.learn_history(&accept.taker, &accept.history)?;
        let signer_stands = history.now().live_endpoint(&accept.endpoint).is_some();
        if !signer_stands || history.head() != accept.taker_head || accept.taker == self.me() {
            return Err(ErrorCode::BadDocument.into());
        }
        invited.taken_by = Some(accept.taker);
        self.put_invited(&invited)?;
        if self.is_new(&accept.taker)? {
            let given = invited.given.clone().ok_or(Error::fault("given record"))?;
            self.add_contact(accept.record, given, &invited.name, Acquaintance::Settled, STOCK)?;
        }
        // Nobody needs it any more; the relay refuses whoever comes next.
        self.enqueue_act(
            held.id,
            OwnerAct::Close(Extensions::none()),
            Job::Nothing(true),
            None,
        )?;
        let mut held = held.clone();
        held.state = MailboxState::Ended;
        self.put_held(&held)
    }
}

impl Core {
    /// The right to a one-time mailbox: its access key comes from the link.
    pub(crate) fn one_time_credential(
        &self,
        snapshot: &Snapshot,
        mailbox: MailboxId,
    ) -> Result<Option<Credential>> {
        if let Some(adding) = adding_at(snapshot, &mailbox)? {
            return Ok(Some(adding.credential()));
        }
        let invited: Option<Invited> = snapshot.get_value(Table::Invitations, &mailbox.0)?;
        Ok(invited.map(|i| {
            let pseudonym = SigningKey::from_seed(&i.pseudonym);
            Credential::member(mailbox, 0, 0, &i.link.deposit_key(), pseudonym)
        }))
    }
}
