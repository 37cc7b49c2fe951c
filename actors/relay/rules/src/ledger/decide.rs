//! The order of the checks on a ledger entry: whose it is, whether it still lives, then each act.

use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::EntryId;
use telesphor_wire::ledger::{LedgerAct, LedgerCommand, Opening, Step, StepKind};
use telesphor_wire::sign::PublicKey;

use super::acts;
use super::entry::{Entry, Fill};
use crate::decide::Case;
use crate::effects::{Decision, Effects, Gave, GivenStep, LedgerChange, Remembered};
use crate::facts::Facts;

pub(crate) fn decide<F: Facts>(case: &Case<'_, F>, command: &LedgerCommand) -> Result<Decision, Refusal> {
    command.check()?;
    if let Some(opening) = opening(&command.act)
        && opening.entry(&case.domain.domain) != command.entry
    {
        return Err(ErrorCode::RxNotThisLedger.into());
    }
    let now = case.at.now;
    let known = case.facts.entry(&command.entry);
    if known.as_ref().is_some_and(|e| now > e.ends()) {
        return Err(ErrorCode::RxTooOld.into());
    }
    let counter = Counter {
        case,
        id: command.entry,
        entry: known.unwrap_or_else(|| Entry::new(&command.entry, now)),
    };
    match &command.act {
        LedgerAct::Look(_) => Ok(counter.look()),
        LedgerAct::Reserve(r) => acts::reserve(&counter, &r.ticket.ticket),
        LedgerAct::Confirm(said) => acts::confirm(&counter, said.key, said.word.parts),
        LedgerAct::Release(said) => acts::release(&counter, said.key),
        LedgerAct::Cancel(said) => acts::cancel(&counter, shown(&said.opening)?),
        LedgerAct::Hold(said) => acts::hold(&counter, said.key, said.word.until),
        LedgerAct::Lift(said) if said.key != said.word.held => Err(ErrorCode::RxNotReserved.into()),
        LedgerAct::Lift(said) => acts::lift(&counter, said.word.held),
        LedgerAct::Answered(said) => acts::lift(&counter, said.word.held),
        LedgerAct::Settle(s) => acts::settle(&counter, &s.ticket.ticket, s.supplied.word.parts),
    }
}

/// What proves that the speaker holds the prescription. Who reserved needs no more than the key.
fn opening(act: &LedgerAct) -> Option<&Opening> {
    match act {
        LedgerAct::Look(opening) => Some(opening),
        LedgerAct::Reserve(r) => Some(&r.opening),
        LedgerAct::Settle(s) => Some(&s.opening),
        LedgerAct::Cancel(said) => Some(&said.opening),
        LedgerAct::Answered(said) => Some(&said.opening),
        LedgerAct::Confirm(_) | LedgerAct::Release(_) | LedgerAct::Hold(_) | LedgerAct::Lift(_) => None,
    }
}

fn shown(opening: &Opening) -> Result<PublicKey, Refusal> {
    opening
        .cancel
        .shown()
        .copied()
        .ok_or(ErrorCode::BadSignature.into())
}

/// One entry and what is asked of it.
pub(super) struct Counter<'a, F> {
    case: &'a Case<'a, F>,
    id: EntryId,
    pub(super) entry: Entry,
}

impl<F: Facts> Counter<'_, F> {
    pub(super) fn now(&self) -> u64 {
        self.case.at.now
    }

    pub(super) fn fill(&self, key: &PublicKey) -> Option<Fill> {
        self.case.facts.fill(&self.id, key)
    }

    fn look(&self) -> Decision {
        Decision::Told(Gave::Step(Box::new(GivenStep {
            standing: self.entry.standing(self.now()),
            step: None,
        })))
    }

    /// What was done before gets its answer again, whoever asks and under whatever id.
    pub(super) fn again(&self, seq: u64) -> Result<Decision, Refusal> {
        let known = self.case.facts.step(&self.id, seq).ok_or(ErrorCode::Internal)?;
        Ok(Decision::Repeated(Remembered {
            body: self.case.prepared.body,
            keep_until: 0,
            place: known.place,
            gave: Gave::Step(Box::new(GivenStep {
                standing: self.entry.standing(self.now()),
                step: Some(known.step),
            })),
        }))
    }

    /// A step with nothing in it yet but its place.
    pub(super) fn step(&self, kind: StepKind, key: PublicKey) -> Step {
        Step {
            entry: self.id,
            seq: self.entry.seq.saturating_add(1),
            previous: self.entry.hash,
            kind,
            key,
            parts: 0,
            over: 0,
            until: 0,
            stamp: self.now(),
            ext: Extensions::none(),
        }
    }

    /// Makes a step. One that would not fit is our own fault, and changes nothing.
    pub(super) fn make(&self, step: Step, fill: Option<Fill>) -> Result<Decision, Refusal> {
        let entry = self.entry.after(&step).ok_or(ErrorCode::Internal)?;
        let fill = match step.kind {
            StepKind::Cancelled => None,
            _ => Some(Fill::after(fill.as_ref(), &step).ok_or(ErrorCode::Internal)?),
        };
        let given = GivenStep {
            standing: entry.standing(self.now()),
            step: Some(step.clone()),
        };
        Ok(Decision::Accepted(Box::new(Effects {
            ledger: Some(Box::new(LedgerChange { entry, fill, step })),
            ..self.case.effects(Gave::Step(Box::new(given)))
        })))
    }
}
