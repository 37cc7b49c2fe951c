//! Beginning a conversation: take a key package, found the group, open its mailbox, send the
//! Welcome. Each step starts when the one before is durable, so a crash resumes where it was.

use telesphor_clinical::message::{DepositMessage, Welcome};
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_sealing::package::open_package;
use telesphor_sealing::{
    Binding, Founding, GroupSession, PackageAddress, PackageRules, Suite, VerifiedPackage, WelcomeLetter,
};
use telesphor_vault::Table;
use telesphor_wire::answer::Taken;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, FirstAccess, SignedVoucher, Take, TakeRequest};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::ids::{CommandId, IdentityId, MailboxId};
use telesphor_wire::mailbox::{Cursor, MailboxKind, Policy};
use telesphor_wire::receipt::Receipt;
use telesphor_wire::sign::SigningKey;

use super::policy::policy_hash;
use super::rows::Rows;
use crate::core::Ctx;
use crate::core::records::{Entry, Held, Job, Known, MailboxChoice, PackageJob, Padding, Via, What};
use crate::error::{Error, Result};
use crate::exchange::record::{FarSay, FarWish};
use crate::mailbox::open::{NO_END, Plan, may_draw};
use crate::mailbox::owner::COMMAND_LIFE_MS;
use crate::sync::answers::is_of_the_road;

/// Extension of a Welcome: the key that owns the mailbox (canonical `PublicKey`).
pub(crate) const OWNER_KEY_EXTENSION: u32 = 1;

/// How long to wait for a contact to leave key packages before asking again, milliseconds.
const RETRY_MS: u64 = 30_000;

impl Ctx<'_, '_> {
    /// Begins a conversation with a contact, if a mailbox can be opened for it; else it is looked at
    /// again later: somebody admits this identity once more.
    pub(crate) fn begin_conversation(&mut self, mut known: Known) -> Result<()> {
        let contact = known.contact.record.identity;
        if !may_draw(self.tx, self.now)? {
            known.retry_at = self.now + RETRY_MS;
            return self.put(Table::Contacts, &contact.0, &known);
        }
        known.opening = true;
        self.put(Table::Contacts, &contact.0, &known)?;
        self.take_package(&PackageJob {
            contact,
            used: MailboxUse::Conversation,
            into: None,
            room: None,
        })
    }

    /// Takes one of a contact's key packages; the rest follows from the answer.
    pub(crate) fn take_package(&mut self, job: &PackageJob) -> Result<()> {
        let elsewhere = self.elsewhere(&job.contact)?;
        if elsewhere.is_some() && job.used != MailboxUse::Shared {
            return Err(ErrorCode::NotForwardable.into());
        }
        let known: Known = self
            .get(Table::Contacts, &job.contact.0)?
            .ok_or(Error::of(ErrorCode::NotFound))?;
        let address = known
            .contact
            .record
            .addresses
            .first()
            .ok_or(Error::fault("address"))?;
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
        if let Some(there) = elsewhere {
            let say = FarSay {
                domain: there.domain,
                mailbox: there.mailbox,
                wish: FarWish::Command(Bytes(canonical::encode(&command))),
            };
            self.wish(say, Job::Package(*job), None)?;
            return Ok(());
        }
        self.enqueue_entry(Entry {
            what: What::Ready(MailboxChoice {
                mailbox: Some(address.mailbox),
            }),
            command: Some(Bytes(canonical::encode(&command))),
            via: Via::Signed(true),
            job: Job::Package(*job),
            after: None,
            queued: self.now,
        })?;
        Ok(())
    }

    /// A package is here: a group is founded and its mailbox opened, or it is added to one.
    pub(crate) fn package_taken(&mut self, job: &PackageJob, taken: &Taken) -> Result<()> {
        let contact = &job.contact;
        let Some(mut known) = self.get::<Known>(Table::Contacts, &contact.0)? else {
            return Ok(());
        };
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
        let package = open_package(&taken.package, &to, &record.contact_secret, &rules);
        if job.used == MailboxUse::Conversation && job.into.is_none() {
            known.opening = false;
        }
        let Ok(package) = package else {
            // Worth nothing; the next look at the waiting messages takes another one. The last
            // resort would be the same one again: until its owner comes online, there is no other.
            if taken.last_resort {
                known.retry_at = self.now + RETRY_MS;
            }
            self.room_without_package(job, 0)?;
            return self.put(Table::Contacts, &contact.0, &known);
        };
        if job.room.is_some() {
            return self.found_room(job, package);
        }
        let mailbox = match job.into {
            Some(mailbox) => return self.add_member(&mailbox, package, *contact),
            None => {
                let place = match self.draw_mailbox() {
                    // The last one went while the key package was fetched.
                    Err(error) if error.code == ErrorCode::AdmissionInvalid => {
                        known.retry_at = self.now + RETRY_MS;
                        return self.put(Table::Contacts, &contact.0, &known);
                    }
                    place => place?,
                };
                self.found_group(job, package, place, NO_END)?
            }
        };
        if job.used == MailboxUse::Conversation {
            known.conversations.push(mailbox);
        }
        self.put(Table::Contacts, &contact.0, &known)
    }

    /// Founds a group with a contact and opens its mailbox, which serves until `end`.
    pub(crate) fn found_group(
        &mut self,
        job: &PackageJob,
        package: VerifiedPackage,
        (mailbox, voucher): (MailboxId, SignedVoucher),
        end: u64,
    ) -> Result<MailboxId> {
        let suite = Suite::default();
        let domain = self.profile.domain().clone();
        let founding = Founding {
            binding: Binding::new(mailbox, domain, self.me(), suite, policy_hash(job.used)),
            suite,
            members: vec![package],
            now: self.now,
        };
        let step = GroupSession::found(&Rows(self.tx), &self.keys.member, &founding)?;
        let founded = self.write_group(step)?;
        let letter = founded.welcome.ok_or(Error::fault("welcome"))?;
        self.keep_letter(letter, job.contact)?;
        let access = FirstAccess {
            epoch: founded.epoch,
            key: founded.access,
            lease: end,
            ceiling: end,
        };
        let policy = match job.used {
            MailboxUse::Vitals => Policy::vitals(),
            _ => Policy::standard(),
        };
        let plan = Plan {
            id: mailbox,
            voucher,
            kind: MailboxKind::Shared,
            used: job.used,
            with: Some(job.contact),
            min_suite: self.min_suite(),
            policy,
            access: Some(access),
            deposit_keys: Vec::new(),
            name: String::new(),
        };
        self.open_mailbox(plan, None)?;
        Ok(mailbox)
    }

    /// No key package could be had: the contact must come online once.
    pub(crate) fn no_package(&mut self, job: &PackageJob, code: ErrorCode) -> Result<()> {
        if let Some(room) = job.room {
            if self.elsewhere(&job.contact)?.is_some() && is_of_the_road(code) {
                self.room_unreached(&room, code)?;
                return self.room_without_package(job, 0);
            }
            return self.room_without_package(job, RETRY_MS);
        }
        let Some(mut known) = self.get::<Known>(Table::Contacts, &job.contact.0)? else {
            return Ok(());
        };
        known.opening = false;
        known.retry_at = self.now + RETRY_MS;
        self.put(Table::Contacts, &job.contact.0, &known)
    }

    /// The group's mailbox is open: the Welcome goes, and this endpoint introduces itself.
    pub(crate) fn conversation_open(&mut self, held: &Held, receipt: &Receipt) -> Result<()> {
        self.announce(&held.id, held.branch, held.epoch)?;
        let from = Cursor {
            seq: receipt.leaf.seq,
            hash: receipt.leaf.hash,
        };
        self.hand_over_room(held)?;
        self.send_welcome(held, from)
    }

    /// Sends the letter that waits, if one does; the joiner reads on from `from`. Into a shared
    /// mailbox of documents it goes with the grant that the mailbox carries out.
    pub(crate) fn send_welcome(&mut self, held: &Held, from: Cursor) -> Result<()> {
        let grant = match held.used {
            MailboxUse::Shared => self.room_grant(&held.id)?,
            _ => None,
        };
        if held.used == MailboxUse::Shared && grant.is_none() {
            // Everything in it was taken back while it was being opened: nobody is let in.
            self.take_letter(&held.id)?;
            return Ok(());
        }
        let Some(waiting) = self.take_letter(&held.id)? else {
            return Ok(());
        };
        if let Some(endpoint) = waiting.endpoint {
            return self.welcome_sibling(held, &waiting.letter, endpoint, from);
        }
        let welcome = Welcome {
            grant,
            ..self.welcome_of(held, self.me(), &waiting.letter, from)
        };
        let welcome = DepositMessage::Welcome(Box::new(welcome));
        self.deposit_for(&waiting.to, welcome, Padding::Handshake, Job::Nothing(true))?;
        Ok(())
    }

    /// What leads a joiner into a group: the letter, and what stands around it.
    pub(crate) fn welcome_of(
        &self,
        held: &Held,
        owner: IdentityId,
        letter: &WelcomeLetter,
        from: Cursor,
    ) -> Welcome {
        let owner_key = Extension {
            id: OWNER_KEY_EXTENSION,
            critical: false,
            body: Bytes(canonical::encode(&held.owner_key)),
        };
        Welcome {
            mailbox: held.id,
            domain: held.domain.clone(),
            used: held.used,
            owner,
            branch: held.branch,
            epoch: held.epoch,
            from,
            mls: Bytes(canonical::encode(letter)),
            grant: None,
            ext: Extensions::none().with(owner_key),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::Ordering;

    use telesphor_clinical::message::GroupMessage;
    use telesphor_wire::bytes::Bytes;

    use super::*;
    use crate::testing::{Paper, Told};

    #[test]
    fn who_has_no_mailbox_left_for_a_conversation_is_cut_off_from_the_relay() {
        let mut paper = Paper::new();
        let (mut aino, mut doctor) = (paper.person("aino"), paper.person("doctor"));
        let told = paper.tell(&mut aino, &mut doctor, Told::Both);
        let mut spare = Vec::new();
        while let Ok(place) = doctor.write(|ctx| ctx.draw_mailbox()) {
            spare.push(place.1);
        }
        // What was asked for before the last one went: the answer is taken in like any other.
        paper.converse(&mut doctor, &told, false);
        let say = GroupMessage::Evidence(Bytes(vec![7]));
        let with = aino.profile.identity;
        doctor
            .write(|ctx| ctx.say_to(&with, &say, Padding::Message))
            .unwrap();
        let waits = doctor.index.outbox.len();
        assert_eq!(paper.carry(&mut doctor), 0, "no key package is taken in vain");
        assert_eq!(doctor.index.outbox.len(), waits);
        assert!(
            doctor.wants_admission().unwrap(),
            "nobody is told what it waits for"
        );
        // Admitted again, it goes on by itself.
        doctor.write(|ctx| ctx.enrolled(spare)).unwrap();
        assert!(!doctor.wants_admission().unwrap());
        paper.clock.fetch_add(RETRY_MS, Ordering::SeqCst);
        doctor
            .index
            .outbox
            .values_mut()
            .for_each(|slot| slot.not_before = None);
        doctor.seal_some(64).unwrap();
        let ready = doctor.take_ready(64).unwrap();
        assert!(matches!(ready[0].command, Command::Take(_)));
    }
}
