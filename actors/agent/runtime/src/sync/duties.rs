//! What a connection looks up in each round, in one go: every look is a change of threads, and an
//! agent at a change of shift makes thousands of rounds.

use std::time::{Duration, Instant};

use telesphor_wire::ids::MailboxId;

use super::answers::Ready;
use super::seal::Sealed;
use crate::core::Core;
use crate::core::records::Via;
use crate::error::Result;

/// Commands taken from the outbox at once.
const SEND_BATCH: usize = 128;
/// Entries sealed in one transaction.
const SEAL_BATCH: usize = 64;

/// What a connection has to see to.
pub(super) struct Duties {
    pub(super) leases: (Vec<MailboxId>, Option<u64>),
    pub(super) wanted: Vec<(MailboxId, Via, u64)>,
    pub(super) records_watched: bool,
    pub(super) fence_wanted: u64,
    pub(super) fence_reached: u64,
    /// Milliseconds until teams and mandates are looked at again.
    pub(super) teams: u64,
    pub(super) mandates: u64,
    /// A team was brought in line, or has spoken.
    pub(super) in_line: bool,
    pub(super) domain_due: bool,
    pub(super) exchange_due: bool,
    /// Milliseconds until home may be asked about other domains, if it is to be.
    pub(super) exchange: Option<u64>,
}

/// What is to go out.
pub(super) struct Outgoing {
    pub(super) sealed: usize,
    pub(super) then: Then,
}

pub(super) enum Then {
    Send(Vec<Ready>),
    LookAgain,
    /// Nothing; until something held back is due.
    Wait(Option<Duration>),
}

impl Core {
    pub(super) fn duties(&mut self) -> Result<Duties> {
        let (teams, in_line) = self.tend_teams()?;
        let mandates = self.tend_mandates()?;
        Ok(Duties {
            leases: self.leases(),
            wanted: self.wanted(),
            records_watched: self.index.records_watched,
            fence_wanted: self.index.fence_wanted,
            fence_reached: self.index.fence_reached,
            teams,
            mandates,
            in_line,
            domain_due: self.domain_due(),
            exchange_due: self.exchange_due(),
            exchange: self.exchange_pause(),
        })
    }

    /// Seals what can be sealed, and takes what can go.
    pub(super) fn outgoing(&mut self) -> Result<Outgoing> {
        let Sealed { sealed, more } = self.seal_some(SEAL_BATCH)?;
        let ready = self.take_ready(SEND_BATCH)?;
        let then = match ready.is_empty() {
            false => Then::Send(ready),
            true if self.tend()? => Then::LookAgain,
            true if more => Then::Wait(Some(Duration::ZERO)),
            true => {
                let due = self.index.next_due();
                Then::Wait(due.map(|t| t.saturating_duration_since(Instant::now())))
            }
        };
        Ok(Outgoing { sealed, then })
    }
}
