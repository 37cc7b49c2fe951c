//! The reckoning over a history of fills: whether what everybody was told can have happened, in one
//! order that agrees with the clock on the wall, without more being handed out than there was.
//!
//! Every step says its number, the step before, and is bound to both by its hash. So the order is
//! not searched for but read, and then everything else is held against it.

use std::collections::{BTreeMap, BTreeSet};

use telesphor_wire::hash::Digest;
use telesphor_wire::ids::EntryId;
use telesphor_wire::ledger::{EntryStanding, Step, StepKind};
use telesphor_wire::limits::RX_PARTS;
use telesphor_wire::sign::PublicKey;

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Parts were to be set aside.
    Reserve,
    /// They were to be confirmed.
    Confirm,
    /// They were to be let go.
    Release,
}

/// One act, from its beginning to its answer.
#[derive(Clone, Debug)]
pub struct Did {
    /// On which entry.
    pub entry: EntryId,
    /// What.
    pub what: What,
    /// When it was asked first, nanoseconds.
    pub began: u64,
    /// When it was answered.
    pub ended: u64,
    /// The step that it was told; none if refused.
    pub step: Option<Step>,
    /// How the entry was said to stand.
    pub standing: Option<EntryStanding>,
}

impl Did {
    /// Whether it was told that something was handed over.
    pub fn is_confirmed(&self) -> bool {
        self.step.as_ref().is_some_and(|s| s.kind == StepKind::Confirmed)
    }
}

/// Something that cannot have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// More was handed over than was prescribed, in units.
    Overdraw(EntryId, u64),
    /// Two different steps have one number.
    TwoAtOnePlace(EntryId, u64),
    /// A step that nobody was told of, or that was lost.
    Missing(EntryId, u64),
    /// A step that does not follow the one before it.
    Broken(EntryId, u64),
    /// A key drew twice.
    Twice(EntryId, u64),
    /// An act that had ended before another began stands behind it.
    AgainstTheClock(EntryId, u64),
    /// An answer that does not fit the steps up to its own.
    WrongAccount(EntryId, u64),
    /// The ledger's last word is not what was confirmed.
    LostAtTheEnd(EntryId),
}

/// Judges a history, with how each entry stood at the end.
pub fn judge(history: &[Did], ends: &[(EntryId, EntryStanding)], units: u32) -> Vec<Found> {
    let mut found = Vec::new();
    for (id, end) in ends {
        let own: Vec<&Did> = history.iter().filter(|d| d.entry == *id).collect();
        found.extend(one(id, &own, end, units));
    }
    found
}

fn one(id: &EntryId, history: &[&Did], end: &EntryStanding, units: u32) -> Vec<Found> {
    let mut found = Vec::new();
    let mut steps: BTreeMap<u64, &Step> = BTreeMap::new();
    // When the first answer with this step was had, and when the last asking for it began.
    let mut times: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for did in history {
        let Some(step) = &did.step else { continue };
        if steps.insert(step.seq, step).is_some_and(|before| before != step) {
            found.push(Found::TwoAtOnePlace(*id, step.seq));
        }
        let at = times.entry(step.seq).or_insert((did.began, did.ended));
        *at = (at.0.min(did.began), at.1.min(did.ended));
    }
    let (mut previous, mut expected) = (Digest(id.0), 1);
    let (mut confirmed, mut drawn) = (0u64, BTreeSet::<PublicKey>::new());
    let mut accounts: BTreeMap<u64, u64> = BTreeMap::new();
    for (seq, step) in &steps {
        if *seq != expected {
            found.push(Found::Missing(*id, expected));
        } else if step.previous != previous {
            found.push(Found::Broken(*id, *seq));
        }
        (previous, expected) = (step.digest(), seq + 1);
        if step.kind == StepKind::Confirmed {
            if !drawn.insert(step.key) {
                found.push(Found::Twice(*id, *seq));
            }
            confirmed = confirmed.saturating_add(step.parts);
        }
        accounts.insert(*seq, confirmed);
    }
    found.extend(clock(id, &times));
    for did in history {
        let (Some(step), Some(standing)) = (&did.step, &did.standing) else {
            continue;
        };
        // An answer given again tells how it stands now: never less than at its step.
        let at_step = accounts.get(&step.seq).copied().unwrap_or(0);
        let sum = standing.confirmed.saturating_add(standing.reserved);
        if standing.confirmed < at_step || sum > RX_PARTS || standing.confirmed > confirmed {
            found.push(Found::WrongAccount(*id, step.seq));
        }
    }
    let share = RX_PARTS / u64::from(units.max(1));
    let whole = confirmed.div_ceil(share.max(1));
    if confirmed > RX_PARTS || whole > u64::from(units) {
        found.push(Found::Overdraw(*id, whole));
    }
    if end.confirmed != confirmed {
        found.push(Found::LostAtTheEnd(*id));
    }
    found
}

/// What had ended before something else began stands before it.
fn clock(id: &EntryId, times: &BTreeMap<u64, (u64, u64)>) -> Vec<Found> {
    let mut found = Vec::new();
    // From the last step backwards: the earliest end of all steps behind.
    let mut earliest_end = u64::MAX;
    for (seq, (began, ended)) in times.iter().rev() {
        if earliest_end < *began {
            found.push(Found::AgainstTheClock(*id, *seq));
        }
        earliest_end = earliest_end.min(*ended);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use telesphor_wire::ext::Extensions;
    use telesphor_wire::ledger::StepKind as K;

    const UNITS: u32 = 10;
    const ID: EntryId = EntryId([7; 32]);

    /// A history as a good ledger makes it: four fills of two units each, one after the other.
    fn good() -> (Vec<Did>, Vec<(EntryId, EntryStanding)>) {
        let (mut all, mut previous, mut confirmed) = (Vec::new(), Digest(ID.0), 0);
        let mut time = 0;
        for n in 0u8..4 {
            for kind in [K::Reserved, K::Confirmed] {
                let parts = RX_PARTS / u64::from(UNITS) * 2;
                let step = Step {
                    entry: ID,
                    seq: all.len() as u64 + 1,
                    previous,
                    kind,
                    key: PublicKey([n; 32]),
                    parts,
                    over: 0,
                    until: 0,
                    stamp: time,
                    ext: Extensions::none(),
                };
                previous = step.digest();
                confirmed += if kind == K::Confirmed { parts } else { 0 };
                all.push(Did {
                    entry: ID,
                    what: if kind == K::Confirmed {
                        What::Confirm
                    } else {
                        What::Reserve
                    },
                    began: time,
                    ended: time + 5,
                    step: Some(step),
                    standing: Some(standing(confirmed)),
                });
                time += 10;
            }
        }
        let end = standing(confirmed);
        (all, vec![(ID, end)])
    }

    fn standing(confirmed: u64) -> EntryStanding {
        EntryStanding {
            now: 0,
            free: RX_PARTS - confirmed,
            confirmed,
            reserved: 0,
            next_free: 0,
            over: 0,
            held_until: 0,
            cancelled: 0,
        }
    }

    fn changed(n: usize, change: impl FnOnce(&mut Step)) -> Vec<Found> {
        let (mut all, ends) = good();
        change(all[n].step.as_mut().expect("a step"));
        judge(&all, &ends, UNITS)
    }

    #[test]
    fn a_good_history_is_called_bad() {
        let (all, ends) = good();
        assert_eq!(judge(&all, &ends, UNITS), []);
        // What two were told of one step is one step.
        let mut twice = all.clone();
        twice.push(all[3].clone());
        assert_eq!(judge(&twice, &ends, UNITS), []);
    }

    #[test]
    fn a_planted_fault_is_not_found() {
        let has = |found: &[Found], wanted: fn(&Found) -> bool| found.iter().any(wanted);
        let (all, ends) = good();

        // One confirmation too much.
        let mut over = all.clone();
        let mut last = over[7].clone();
        let step = last.step.as_mut().expect("a step");
        (step.seq, step.previous, step.key) = (
            9,
            over[7].step.as_ref().expect("a step").digest(),
            PublicKey([9; 32]),
        );
        step.parts = RX_PARTS / 2;
        over.push(last);
        assert!(has(&judge(&over, &ends, UNITS), |f| matches!(
            f,
            Found::Overdraw(..)
        )));

        // Two pharmacies were told the same place; a fill that nobody was told of; one that is gone at the end.
        let found = judge(
            &[
                all.clone(),
                vec![{
                    let mut other = all[4].clone();
                    other.step.as_mut().expect("a step").key = PublicKey([8; 32]);
                    other
                }],
            ]
            .concat(),
            &ends,
            UNITS,
        );
        assert!(has(&found, |f| matches!(f, Found::TwoAtOnePlace(..))));
        let mut lost = all.clone();
        lost.remove(3);
        assert!(has(&judge(&lost, &ends, UNITS), |f| matches!(
            f,
            Found::Missing(..)
        )));
        assert!(has(&judge(&lost, &ends, UNITS), |f| matches!(
            f,
            Found::LostAtTheEnd(..)
        )));
        assert!(has(&changed(2, |s| s.stamp += 1), |f| matches!(
            f,
            Found::Broken(..)
        )));

        // A key that drew twice, and an answer whose account does not fit.
        assert!(has(&changed(7, |s| s.key = PublicKey([0; 32])), |f| matches!(
            f,
            Found::Twice(..)
        )));
        let mut stale = all.clone();
        stale[7].standing = Some(standing(0));
        assert!(has(&judge(&stale, &ends, UNITS), |f| matches!(
            f,
            Found::WrongAccount(..)
        )));

        // An order that the clock on the wall contradicts: the first is asked for after the last was answered.
        let mut late = all;
        (late[0].began, late[0].ended) = (1_000, 1_005);
        assert!(has(&judge(&late, &ends, UNITS), |f| matches!(
            f,
            Found::AgainstTheClock(..)
        )));
    }
}
