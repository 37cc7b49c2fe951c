//! Properties of the dispense ledger over random histories.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use support::NOW;
use support::ledger::{MINUTE, Rx};
use support::model::Model;
use telesphor_rules::effects::{Decision, Gave};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ledger::{LedgerAct, Step, StepKind};
use telesphor_wire::limits::RX_PARTS;

/// One try: what, by which key, how many units, how long after the last one, under which id.
#[derive(Clone, Copy, Debug)]
struct Try {
    what: u8,
    fill: u64,
    units: u64,
    wait: u64,
    id: u64,
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let one =
        (0u8..20, 0u64..12, 1u64..40, 0u64..2_000, 0u64..200).prop_map(|(what, fill, units, wait, id)| Try {
            what,
            fill,
            units,
            wait,
            id,
        });
    prop::collection::vec(one, 1..120)
}

fn parts(units: u64, total: u64) -> u64 {
    ((u128::from(units) << 40) / u128::from(total)) as u64
}

fn units(parts: u64, total: u64) -> u64 {
    ((u128::from(parts) * u128::from(total)) >> 40) as u64
}

/// What a confirmation was answered: the step, or why there is none.
fn told(decision: &Decision) -> Result<Step, ErrorCode> {
    let gave = match decision {
        Decision::Accepted(effects) => &effects.remember.gave,
        Decision::Repeated(known) => &known.gave,
        Decision::Refused(refusal) => return Err(refusal.code),
        other => panic!("neither a step nor a refusal: {other:?}"),
    };
    match gave {
        Gave::Step(given) => Ok(given.step.clone().unwrap()),
        other => panic!("another answer: {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn more_is_dispensed_than_was_prescribed(tries in tries(), total in 1u64..60, settles: bool) {
        let (rx, mut model) = (Rx::new(1), Model::new());
        let mut now = NOW;
        // What each key handed over, and what it was told it may.
        let (mut confirmed, mut settled) = (BTreeMap::new(), BTreeMap::new());
        let mut answers = BTreeMap::new();
        // What each key was told of its confirmation, by a step or for good.
        let mut words = BTreeMap::new();
        for t in tries {
            now += t.wait * 1_000;
            let rx = Rx { now, ..rx.clone() };
            let p = parts(t.units.min(total), total);
            let act = match t.what {
                0..=7 => rx.reserve(t.fill, p),
                8..=13 => rx.confirm(t.fill, p),
                14 | 15 => rx.release(t.fill),
                16 => rx.hold(t.fill, now + 10 * MINUTE),
                17 => rx.answered(t.fill),
                18 if settles => rx.settle(100 + t.fill, p),
                18 => rx.lift(t.fill),
                _ if t.id.is_multiple_of(40) => rx.cancel(),
                _ => rx.look(),
            };
            let s = rx.says(t.id, act.clone());
            let before = model.entries.get(&rx.id).cloned();
            let decision = model.submit(&s, now);
            let after = model.entries.get(&rx.id).cloned();
            if let LedgerAct::Confirm(said) = &act
                && model.fills.get(&(rx.id, said.key)).is_some_and(|f| f.parts == said.word.parts)
            {
                // Asked at two relays, it is one word: whichever of them is carried out first.
                // A command's id that was used for something else is no word about a fill.
                let word = told(&decision);
                if word != Err(ErrorCode::OtherBody) {
                    let first = words.entry(said.key).or_insert_with(|| word.clone());
                    prop_assert_eq!(&*first, &word, "two things about one fill");
                }
            }
            match &decision {
                Decision::Accepted(effects) => {
                    let Gave::Step(given) = &effects.remember.gave else { panic!("no step") };
                    let step = given.step.clone().unwrap();
                    match step.kind {
                        StepKind::Confirmed => prop_assert_eq!(confirmed.insert(step.key, step.parts), None),
                        StepKind::Settled => prop_assert_eq!(settled.insert(step.key, step.parts), None),
                        _ => {}
                    }
                    // The same word of the same key, under an id not used yet, hears the same.
                    answers.insert(step.seq, step);
                }
                _ => prop_assert_eq!(&before, &after, "nothing else changes anything"),
            }
            if let Decision::Repeated(known) = &decision {
                let Gave::Step(given) = &known.gave else { panic!("no step") };
                let step = given.step.clone().unwrap();
                prop_assert_eq!(Some(&step), answers.get(&step.seq));
            }
            let Some(entry) = after else { continue };
            // The account: handed over at counters, and what the outages added within the whole.
            let handed: u64 = confirmed.values().sum();
            let outside: u64 = settled.values().sum();
            prop_assert_eq!(entry.confirmed + entry.over, handed + outside);
            prop_assert!(entry.confirmed <= RX_PARTS);
            if settled.is_empty() {
                prop_assert_eq!(entry.over, 0);
                let handed: u64 = confirmed.values().map(|p| units(*p + total, total)).sum();
                prop_assert!(handed <= total, "{} of {}", handed, total);
            }
            prop_assert!(entry.reserved(now) + entry.confirmed <= RX_PARTS || !settled.is_empty());
            prop_assert!(entry.running(now).count() <= 4);
        }
    }

    #[test]
    fn units_are_lost_or_won_by_counting_in_parts(total in 1u64..=1_000_000, wanted in prop::collection::vec(1u64..5_000, 1..400)) {
        let (mut free, mut left) = (RX_PARTS, total);
        for c in wanted {
            let c = c.min(total);
            prop_assert_eq!(parts(c, total) <= free, c <= left, "{} of {}", c, left);
            if c <= left {
                free -= parts(c, total);
                left -= c;
            }
            prop_assert_eq!(units(free, total), left);
        }
    }

    #[test]
    fn two_prescriptions_differ_in_more_than_random_bytes(tries in tries(), total in 1u64..60) {
        // The same history of two prescriptions of two people: keys and salts differ, nothing else.
        let run = |n: u64| {
            let (mut model, mut now) = (Model::new(), NOW);
            for t in &tries {
                now += t.wait * 1_000;
                let rx = Rx { now, ..Rx::new(n) };
                let p = parts(t.units.min(total), total);
                let act = match t.what {
                    0..=9 => rx.reserve(t.fill, p),
                    10..=15 => rx.confirm(t.fill, p),
                    16 | 17 => rx.release(t.fill),
                    _ => rx.settle(100 + t.fill, p),
                };
                model.submit(&rx.says(t.id, act), now);
            }
            let shape = |bytes: Vec<u8>| {
                // Random-looking values are 32 bytes behind `bin 32`; they are blotted out.
                let mut bytes = bytes;
                let mut at = 0;
                while let Some(found) = bytes[at..].windows(2).position(|w| w == [0xc4, 32]) {
                    at += found + 2;
                    let end = (at + 32).min(bytes.len());
                    bytes[at..end].fill(0);
                    at = end;
                }
                bytes
            };
            let steps = model.steps.values().map(|r| shape(canonical::encode(&r.step)));
            let entries = model.entries.values().map(|e| {
                (e.opened, e.seq, e.confirmed, e.over, e.fills, e.open.iter().map(|r| (r.parts, r.until)).collect::<Vec<_>>())
            });
            (steps.collect::<Vec<_>>(), entries.collect::<Vec<_>>())
        };
        prop_assert_eq!(run(1), run(2));
    }
}

#[test]
fn a_checker_of_histories_believes_everything() {
    // The sum that the property looks at would catch a planted overdraw: an entry that was handed a
    // step too much refuses it as impossible, whoever made it.
    let (rx, mut model) = (Rx::new(1), Model::new());
    model.must(&rx.says(1, rx.reserve(1, RX_PARTS)));
    model.must(&rx.says(2, rx.confirm(1, RX_PARTS)));
    let entry = &model.entries[&rx.id];
    let mut step = model.steps[&(rx.id, 2)].step.clone();
    step.seq = 3;
    step.previous = entry.hash;
    step.parts = 1;
    assert_eq!(entry.after(&step), None);
    assert_eq!(
        model.refuses(&rx.says(3, rx.reserve(2, 1))),
        ErrorCode::RxNotEnough
    );
}
