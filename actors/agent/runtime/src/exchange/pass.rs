//! Sealing for another domain, and putting it into one's outbox at home.

use telesphor_clinical::contact::ContactAddress;
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, Deposit};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::ask::{Ask, Wish};
use telesphor_wire::forward::outbox::Passing;
use telesphor_wire::ids::{CommandId, IdentityId, Nonce};
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::receipt::Receipt;
use telesphor_wire::seal::SealingKey;
use telesphor_wire::sign::SigningKey;
use telesphor_wire::text::SupportCode;

use super::record::{Away, FarSay, FarWish, files_lane_name, follow_lane_name, lane_name};
use super::{LARGEST_ELSEWHERE, file, follow};
use crate::core::records::{Entry, Job, Known, Via, What};
use crate::core::{Ctx, names};
use crate::error::{Error, Result};
use crate::mailbox::owner::COMMAND_LIFE_MS;

impl Ctx<'_, '_> {
    /// Where a contact is reached, if that is at another domain.
    pub(crate) fn elsewhere(&self, contact: &IdentityId) -> Result<Option<ContactAddress>> {
        let known: Option<Known> = self.get(Table::Contacts, &contact.0)?;
        let address = known.and_then(|k| k.contact.record.addresses.into_iter().next());
        Ok(address.filter(|a| a.domain != *self.profile.domain()))
    }

    /// The largest message that reaches a contact, bytes as it is padded: what is sealed once more for another
    /// domain must still lie in an outbox.
    pub(crate) fn largest_for(&self, contact: &IdentityId) -> Result<usize> {
        Ok(self.elsewhere(contact)?.map_or(usize::MAX, |_| LARGEST_ELSEWHERE))
    }

    /// Refused for whoever is at another hospital: what is meant needs a mailbox that both read.
    pub(crate) fn must_be_at_home(&self, contact: &IdentityId) -> Result<()> {
        match self.elsewhere(contact)? {
            Some(_) => Err(ErrorCode::NotForwardable.into()),
            None => Ok(()),
        }
    }

    /// A deposit for a mailbox elsewhere, with a signature of its own.
    pub(crate) fn signed_wish(&self, mut deposit: Deposit, key: &SigningKey) -> FarWish {
        deposit.signature = Some((key.public(), key.sign(&deposit.statement())));
        FarWish::Command(Bytes(canonical::encode(&Command::Deposit(deposit))))
    }

    /// Queues a wish that is made whole.
    pub(crate) fn wish(&mut self, say: FarSay, job: Job, after: Option<u64>) -> Result<u64> {
        self.enqueue(What::Elsewhere(say), job, after)
    }

    /// An entry that was sealed before goes anew as what it was: to another key, but with the
    /// command's own id, so that it cannot be carried out twice.
    pub(crate) fn seal_again(&mut self, seq: u64, since: u64) -> Result<Option<(Command, Via)>> {
        let away = self.away(seq)?.ok_or(Error::fault("away"))?;
        self.seal_for_domain((seq, since), away.say)
    }

    /// Seals an entry's wish, queued then, for its domain. Nothing if that cannot be done yet.
    pub(crate) fn seal_for_domain(
        &mut self,
        (seq, since): (u64, u64),
        say: FarSay,
    ) -> Result<Option<(Command, Via)>> {
        let Some((out, key)) = self.road(&say.domain, since)? else {
            return Ok(None);
        };
        let reply = SealingKey::generate();
        let last = self.now + COMMAND_LIFE_MS;
        let (wish, not_after) = match &say.wish {
            FarWish::Command(bytes) => {
                let command: Command = canonical::decode(bytes).map_err(|_| Error::fault("wish"))?;
                let until = command.not_after().min(last);
                (Wish::Command(Box::new(command)), until)
            }
            FarWish::Look(mailbox) => {
                let read = self.reading(mailbox, &say.domain, &reply.public(), last)?;
                (Wish::Read(Box::new(read)), last)
            }
            FarWish::Follow(mailbox) => {
                let end = self.now + follow::HELD_MS;
                let read = self.following(mailbox, &reply.public(), end)?;
                (Wish::Follow(Box::new(read)), end)
            }
            FarWish::File(request) => {
                let end = self.now + file::LIFE_MS;
                let read = self.file_reading(request, &reply.public(), end)?;
                (Wish::File(Box::new(read)), end)
            }
        };
        let ask = Ask {
            wish,
            reply: reply.public(),
            not_after,
            ext: Extensions::none(),
        };
        let sealed = ask.seal(&say.domain, &key);
        let request = sealed.map_err(|error| Error::of(error.code()))?;
        let passing = Passing {
            lane: self.lane(&say)?,
            support: SupportCode::random(),
            request,
            ext: Extensions::none(),
        };
        let deposit = Deposit {
            mailbox: out,
            branch: 0,
            epoch: 0,
            kind: EventKind::FORWARD,
            command_id: CommandId::random(),
            not_after: last,
            payload: Bytes(canonical::encode(&passing)),
            ext: Extensions::none(),
            signature: None,
        };
        let away = Away {
            say,
            request: passing.request,
            reply,
            support: passing.support,
            lies: None,
        };
        self.put_away(seq, &away)?;
        Ok(Some((Command::Deposit(deposit), Via::Owner(out))))
    }

    /// What goes to one mailbox goes in its order, and home learns no more than that.
    fn lane(&mut self, say: &FarSay) -> Result<Nonce> {
        let name = match &say.wish {
            FarWish::Follow(mailbox) => follow_lane_name(mailbox),
            FarWish::File(request) => files_lane_name(&request.mailbox()),
            _ => lane_name(&say.mailbox),
        };
        if let Some(lane) = self.get(Table::Outbox, &name)? {
            return Ok(lane);
        }
        let lane = Nonce::random();
        self.put(Table::Outbox, &name, &lane)?;
        Ok(lane)
    }

    /// It lies in the outbox at home: the entry waits for the other domain's answer.
    pub(crate) fn handed_over(&mut self, seq: u64, mut entry: Entry, receipt: &Receipt) -> Result<()> {
        let Some(mut away) = self.away(seq)? else {
            return Ok(());
        };
        away.lies = Some(receipt.leaf.seq);
        self.put_away(seq, &away)?;
        entry.via = Via::Passed(receipt.leaf.mailbox);
        self.tx
            .put_at(Table::Outbox, names::OUTBOX, seq, &canonical::encode(&entry))?;
        self.fx.outbox.push((seq, entry));
        Ok(())
    }

    /// Home has forgotten what it was given: the same bytes go again.
    pub(crate) fn hand_over_again(&mut self) -> Result<()> {
        for (seq, bytes) in self.tx.range(Table::Outbox, names::OUTBOX, 0, usize::MAX)? {
            let mut entry: Entry = canonical::decode(&bytes).map_err(|_| Error::fault("outbox"))?;
            let Via::Passed(out) = entry.via else {
                continue;
            };
            entry.via = Via::Owner(out);
            self.tx
                .put_at(Table::Outbox, names::OUTBOX, seq, &canonical::encode(&entry))?;
            self.fx.outbox.push((seq, entry));
        }
        Ok(())
    }
}
