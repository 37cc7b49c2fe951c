//! One prescription's ledger entry, with the keys of its people.

use telesphor_wire::batch::Submission;
use telesphor_wire::command::Command;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{EntryId, Nonce};
use telesphor_wire::ledger::*;
use telesphor_wire::sign::SigningKey;

use super::{DAY, NOW, command, domain, key};

/// One minute, milliseconds.
pub const MINUTE: u64 = 60_000;

#[derive(Clone)]
pub struct Rx {
    pub n: u64,
    pub holder: SigningKey,
    pub cancel: SigningKey,
    pub opening: Opening,
    pub id: EntryId,
    /// Command ids and their ends follow from these.
    pub now: u64,
}

impl Rx {
    pub fn new(n: u64) -> Self {
        let (holder, cancel) = (key("holder", n), key("cancel", n));
        let opening = Opening {
            salt: Nonce(key("salt", n).public().0),
            holder: EntryKey::Shown(holder.public()),
            cancel: EntryKey::Hidden(key_hash(&cancel.public())),
        };
        let id = opening.entry(&domain(1).domain);
        Self {
            n,
            holder,
            cancel,
            opening,
            id,
            now: NOW,
        }
    }

    /// A pharmacy's key for one fill.
    pub fn pharmacy(&self, fill: u64) -> SigningKey {
        key("pharmacy", self.n * 10_000 + fill)
    }

    pub fn says(&self, number: u64, act: LedgerAct) -> Submission {
        let command = LedgerCommand {
            entry: self.id,
            act,
            command_id: command(number),
            not_after: self.now + DAY,
            ext: Extensions::none(),
        };
        Submission {
            word: None,
            command: Command::Ledger(Box::new(command)),
        }
    }

    pub fn ticket(&self, fill: u64, parts: u64) -> Ticket {
        Ticket::new(self.id, self.pharmacy(fill).public(), parts, self.now + 30 * DAY)
    }

    pub fn reserve_on(&self, ticket: Ticket) -> LedgerAct {
        LedgerAct::Reserve(Box::new(Reserve {
            opening: self.opening.clone(),
            ticket: ticket.signed(&self.holder),
        }))
    }

    pub fn reserve(&self, fill: u64, parts: u64) -> LedgerAct {
        self.reserve_on(self.ticket(fill, parts))
    }

    pub fn confirm(&self, fill: u64, parts: u64) -> LedgerAct {
        let word = ConfirmWord {
            entry: self.id,
            parts,
            ext: Extensions::none(),
        };
        LedgerAct::Confirm(ByPharmacy::new(&self.pharmacy(fill), word))
    }

    pub fn release(&self, fill: u64) -> LedgerAct {
        let word = ReleaseWord {
            entry: self.id,
            ext: Extensions::none(),
        };
        LedgerAct::Release(ByPharmacy::new(&self.pharmacy(fill), word))
    }

    pub fn cancel(&self) -> LedgerAct {
        let word = CancelWord {
            entry: self.id,
            ext: Extensions::none(),
        };
        LedgerAct::Cancel(Box::new(ByPrescriber::new(&self.opening, &self.cancel, word)))
    }

    pub fn hold(&self, fill: u64, until: u64) -> LedgerAct {
        let word = HoldWord {
            entry: self.id,
            until,
            ext: Extensions::none(),
        };
        LedgerAct::Hold(ByPharmacy::new(&self.pharmacy(fill), word))
    }

    fn lift_word(&self, fill: u64) -> LiftWord {
        LiftWord {
            entry: self.id,
            held: self.pharmacy(fill).public(),
            ext: Extensions::none(),
        }
    }

    pub fn lift(&self, fill: u64) -> LedgerAct {
        LedgerAct::Lift(ByPharmacy::new(&self.pharmacy(fill), self.lift_word(fill)))
    }

    pub fn answered(&self, fill: u64) -> LedgerAct {
        let said = ByPrescriber::new(&self.opening, &self.cancel, self.lift_word(fill));
        LedgerAct::Answered(Box::new(said))
    }

    pub fn settle(&self, fill: u64, parts: u64) -> LedgerAct {
        let mut ticket = self.ticket(fill, parts);
        ticket.offline = true;
        let word = SettleWord {
            entry: self.id,
            parts,
            ext: Extensions::none(),
        };
        LedgerAct::Settle(Box::new(Settle {
            opening: self.opening.clone(),
            ticket: ticket.signed(&self.holder),
            supplied: ByPharmacy::new(&self.pharmacy(fill), word),
        }))
    }

    pub fn look(&self) -> LedgerAct {
        LedgerAct::Look(self.opening.clone())
    }
}
