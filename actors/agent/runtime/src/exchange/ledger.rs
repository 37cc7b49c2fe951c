//! The dispense ledger of another hospital: its acts speak for themselves, so they go sealed as any
//! command does, and what it answers is what it would answer on a session.

use telesphor_vault::{Records, Table};
use telesphor_wire::answer::Refusal;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ledger::{LedgerAnswer, LedgerCommand};
use telesphor_wire::text::Domain;

use super::news::UNPROVED_MS;
use super::record::{Away, FACTS, Facts, FarSay, FarWish};
use crate::core::Ctx;
use crate::core::records::{Entry, Job};
use crate::error::{Error, Result};
use crate::sync::answers::Done;

impl Ctx<'_, '_> {
    /// Queues an act on another domain's ledger. What concerns one entry goes in its order, and has
    /// its id from here on: in whatever seal it goes, it is one command over there.
    pub(crate) fn wish_of_ledger(
        &mut self,
        domain: &Domain,
        command: LedgerCommand,
        job: Job,
    ) -> Result<u64> {
        let say = FarSay {
            domain: domain.clone(),
            mailbox: command.entry.place(),
            wish: FarWish::Command(Bytes(canonical::encode(&Command::Ledger(Box::new(command))))),
        };
        self.wish(say, job, None)
    }

    /// The other domain's ledger has answered. A step is believed once that domain's relays attest it.
    pub(super) fn ledger_answered(
        &mut self,
        seq: u64,
        away: &Away,
        entry: Entry,
        answer: LedgerAnswer,
    ) -> Result<()> {
        let Job::Ledger(job) = &entry.job else {
            return self.came_back(seq, away, entry, &Refusal::of(ErrorCode::Malformed));
        };
        let (relays, quorum) = self.attesting(&away.say.domain)?;
        if !answer.is_proved(&job.entry, &relays, quorum) {
            // Perhaps by a relay that has come since home heard of them. It is asked again under
            // the same id, and answered the same.
            self.doubt_exchange()?;
            return self.seal_anew(seq, away, entry, UNPROVED_MS);
        }
        self.settle(seq, Done::Ledger(Box::new(answer)))
    }

    /// Refused where home is not known to exchange with a domain. Asks nobody, and waits for nothing.
    ///
    /// # Errors
    /// [`ErrorCode::DomainUnknown`].
    pub(crate) fn must_be_joined(&mut self, domain: &Domain) -> Result<()> {
        let facts: Option<Facts> = self.get(Table::Settings, FACTS)?;
        let said = facts.and_then(|facts| facts.said);
        let joined = said.is_some_and(|said| said.peers.iter().any(|p| p.record.record.domain == *domain));
        match joined {
            true => Ok(()),
            false => Err(Error::of(ErrorCode::DomainUnknown)),
        }
    }

    /// Home is asked about other domains, if it never was.
    pub(crate) fn ask_of_domains(&mut self) -> Result<()> {
        self.fx.exchange |= !self.tx.contains(Table::Settings, FACTS)?;
        Ok(())
    }
}
