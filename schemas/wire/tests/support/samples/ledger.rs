//! The dispense ledger: an entry's opening, every word in it, its steps and answers.

use telesphor_wire::ledger::*;
use telesphor_wire::limits::RX_PARTS;

use super::every::{Sample, sample};
use super::*;

pub fn opening() -> Opening {
    Opening {
        salt: Nonce([0x5a; 32]),
        holder: EntryKey::Shown(public(21)),
        cancel: EntryKey::Hidden(key_hash(&public(22))),
    }
}

pub fn entry_statement() -> EntryStatement {
    EntryStatement {
        domain: domain(),
        salt: opening().salt,
        holder: opening().holder.digest(),
        cancel: opening().cancel.digest(),
    }
}

fn entry() -> EntryId {
    entry_statement().id()
}

pub fn ticket(offline: bool) -> Ticket {
    Ticket {
        offline,
        ..Ticket::new(entry(), public(23), RX_PARTS / 2, NOW + 24 * HOUR)
    }
}

pub fn ledger_acts() -> Vec<(&'static str, LedgerAct)> {
    let (holder, cancel, pharmacy) = (key(21), key(22), key(23));
    let ext = Extensions::none;
    let parts = RX_PARTS / 2;
    let lift = LiftWord {
        entry: entry(),
        held: public(23),
        ext: ext(),
    };
    let confirm = ConfirmWord {
        entry: entry(),
        parts,
        ext: ext(),
    };
    let hold = HoldWord {
        entry: entry(),
        until: NOW + HOUR,
        ext: ext(),
    };
    let settle = SettleWord {
        entry: entry(),
        parts,
        ext: ext(),
    };
    let cancelled = CancelWord {
        entry: entry(),
        ext: ext(),
    };
    let released = ReleaseWord {
        entry: entry(),
        ext: ext(),
    };
    vec![
        ("look", LedgerAct::Look(opening())),
        (
            "reserve",
            LedgerAct::Reserve(Box::new(Reserve {
                opening: opening(),
                ticket: ticket(false).signed(&holder),
            })),
        ),
        ("confirm", LedgerAct::Confirm(ByPharmacy::new(&pharmacy, confirm))),
        (
            "release",
            LedgerAct::Release(ByPharmacy::new(&pharmacy, released)),
        ),
        (
            "cancel",
            LedgerAct::Cancel(Box::new(ByPrescriber::new(&opening(), &cancel, cancelled))),
        ),
        ("hold", LedgerAct::Hold(ByPharmacy::new(&pharmacy, hold))),
        ("lift", LedgerAct::Lift(ByPharmacy::new(&pharmacy, lift.clone()))),
        (
            "answered",
            LedgerAct::Answered(Box::new(ByPrescriber::new(&opening(), &cancel, lift))),
        ),
        (
            "settle",
            LedgerAct::Settle(Box::new(Settle {
                opening: opening(),
                ticket: ticket(true).signed(&holder),
                supplied: ByPharmacy::new(&pharmacy, settle),
            })),
        ),
    ]
}

pub fn ledger_command(act: LedgerAct) -> Command {
    Command::Ledger(Box::new(LedgerCommand {
        entry: entry(),
        act,
        command_id: command_id(0x2a),
        not_after: NOW + HOUR,
        ext: Extensions::none(),
    }))
}

pub fn step() -> Step {
    Step {
        entry: entry(),
        seq: 1,
        previous: Digest(entry().0),
        kind: StepKind::Reserved,
        key: public(23),
        parts: RX_PARTS / 2,
        over: 0,
        until: NOW + HOUR / 2,
        stamp: NOW,
        ext: Extensions::none(),
    }
}

pub fn standing() -> EntryStanding {
    EntryStanding {
        now: NOW,
        free: RX_PARTS / 2,
        confirmed: 0,
        reserved: RX_PARTS / 2,
        next_free: NOW + HOUR / 2,
        over: 0,
        held_until: 0,
        cancelled: 0,
    }
}

pub fn ledger_answer() -> LedgerAnswer {
    LedgerAnswer {
        standing: standing(),
        step: Some(step()),
        receipt: Some(receipt()),
        ext: Extensions::none(),
    }
}

pub fn ledger_looked() -> LedgerAnswer {
    LedgerAnswer {
        step: None,
        receipt: None,
        ..ledger_answer()
    }
}

pub fn ledger_structures() -> Vec<Sample> {
    vec![
        sample("entry-statement", &entry_statement()),
        sample("entry-id", &entry()),
        sample("entry-opening", &opening()),
        sample("ticket", &ticket(false)),
        sample("ticket-offline", &ticket(true)),
        sample("ledger-step", &step()),
        sample("ledger-step-leaf", &step().leaf()),
        sample("entry-standing", &standing()),
    ]
}
