//! The dispense ledger on disk: what the rules say, over restarts; what was tampered with; its age.

use proptest::prelude::*;
use telesphor_rules::effects::Decision;
use telesphor_store::{Outcome, Store, StoreError};
use telesphor_wire::ledger::LedgerAct;
use telesphor_wire::limits::{RX_ENTRY_LIFE_MS, RX_PARTS};

use crate::at::{At, config, ordered};
use crate::support::NOW;
use crate::support::ledger::Rx;
use crate::support::model::Model;

fn act(rx: &Rx, (what, fill, parts): (u8, u64, u64)) -> LedgerAct {
    match what {
        0..=4 => rx.reserve(fill, parts),
        5..=8 => rx.confirm(fill, parts),
        9 => rx.release(fill),
        10 => rx.hold(fill, rx.now + 60_000),
        11 => rx.answered(fill),
        12 => rx.settle(100 + fill, parts),
        13 if parts.is_multiple_of(5) => rx.cancel(),
        _ => rx.look(),
    }
}

fn same(outcome: &Outcome, decision: &Decision) -> bool {
    match (outcome, decision) {
        (Outcome::Refused(a), Decision::Refused(b)) => a == b,
        (Outcome::Accepted(a), Decision::Accepted(b)) => a.gave == b.remember.gave,
        (Outcome::Repeated(a), Decision::Repeated(b)) => a.gave == b.gave,
        (Outcome::Told(a), Decision::Told(b)) => a == b,
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_does_what_the_rules_say(
        tries in prop::collection::vec((0u64..3, 0u8..15, 0u64..6, 1u64..9, 0u64..600, 0u64..90), 1..90),
        group in 1usize..12, restart in 1usize..5,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut at = At::create(&dir.path().join("store"));
        let (mut model, mut now) = (Model::new(), NOW);
        for (round, chunk) in tries.chunks(group).enumerate() {
            let (mut batches, mut decisions) = (Vec::new(), Vec::new());
            for (n, (rx, what, fill, eighths, wait, id)) in chunk.iter().enumerate() {
                now += wait * 1_000;
                let rx = Rx { now, ..Rx::new(*rx) };
                let s = rx.says(*id, act(&rx, (*what, *fill, eighths * (RX_PARTS / 8) + 1)));
                decisions.push(model.submit(&s, now));
                batches.push(ordered(0, at.next_position(0) + n as u64, vec![s], now));
            }
            let applied = at.applier.apply(&batches).unwrap();
            for (applied, decision) in applied.iter().zip(&decisions) {
                prop_assert!(same(&applied.outcomes[0], decision), "{:?} against {:?}", applied.outcomes[0], decision);
                if let Outcome::Accepted(done) | Outcome::Repeated(done) = &applied.outcomes[0] {
                    let receipt = at.reader.receipt(&done.place).unwrap().unwrap();
                    let telesphor_rules::effects::Gave::Step(given) = &done.gave else { panic!("no step") };
                    prop_assert_eq!(receipt.leaf, given.step.as_ref().unwrap().leaf());
                }
            }
            if round % restart == restart - 1 {
                at = at.again();
            }
        }
        let seen = at.upkeep.verify().unwrap();
        prop_assert_eq!((seen.entries, seen.steps), (model.entries.len() as u64, model.steps.len() as u64));
        prop_assert!(at.upkeep.inspect().unwrap().ledger_rows >= seen.steps);
    }
}

fn dispensed(path: &std::path::Path) -> (At, Rx) {
    let (mut at, rx) = (At::create(path), Rx::new(1));
    at.must(rx.says(1, rx.reserve(1, RX_PARTS)));
    at.must(rx.says(2, rx.confirm(1, RX_PARTS)));
    (at, rx)
}

/// Changes a row of the closed store behind its back.
fn tamper(path: &std::path::Path, key: &[u8], change: impl FnOnce(Option<Vec<u8>>) -> Option<Vec<u8>>) {
    let options = rocksdb::Options::default();
    let names = rocksdb::DB::list_cf(&options, path.join("db")).unwrap();
    let db = rocksdb::DB::open_cf(&options, path.join("db"), names).unwrap();
    let cf = db.cf_handle("ledger").unwrap();
    let value = db.get_cf(cf, key).unwrap();
    match change(value) {
        Some(value) => db.put_cf(cf, key, value).unwrap(),
        None => db.delete_cf(cf, key).unwrap(),
    }
}

#[test]
fn an_entry_or_a_step_that_was_tampered_with_passes_for_whole() {
    type Key = fn(&Rx) -> Vec<u8>;
    let rows: [(&str, Key); 3] = [
        ("entry", |rx| rx.id.0.to_vec()),
        ("fill", |rx| {
            [&rx.id.0[..], &[1], &rx.pharmacy(1).public().0].concat()
        }),
        ("step", |rx| [&rx.id.0[..], &[2], &2u64.to_be_bytes()].concat()),
    ];
    for (name, key) in rows {
        for gone in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("store");
            let (at, rx) = dispensed(&path);
            assert_eq!(at.upkeep.verify().unwrap().steps, 2);
            drop(at);
            tamper(&path, &key(&rx), |value| {
                let mut value = value.unwrap();
                // A number within the row: parts confirmed, parts of the ticket, parts of the step.
                let last = value.len() - 30;
                value[last] ^= 1;
                (!gone).then_some(value)
            });
            let store = Store::open(&path, config()).unwrap();
            let found = store.upkeep().verify();
            assert!(
                matches!(
                    found,
                    Err(StoreError::BrokenLedger { .. }
                        | StoreError::BrokenOrder { .. }
                        | StoreError::Damaged { .. })
                ),
                "{name}, gone {gone}: {found:?}"
            );
        }
    }
}

#[test]
fn an_old_entry_breaks_the_chain_or_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mut at, mut rx) = dispensed(&dir.path().join("store"));
    // The order's clock takes no such leap at once.
    at.batch(vec![], NOW + RX_ENTRY_LIFE_MS / 2);
    // Its life is over, and what is past its time is collected; the batches still hold together.
    rx.now = NOW + RX_ENTRY_LIFE_MS + 60_000;
    let over = at.batch(vec![rx.says(3, rx.reserve(2, 1))], rx.now);
    assert!(matches!(over.outcomes[0], Outcome::Refused(_)));
    at.upkeep.reclaim(rx.now).unwrap();
    let seen = at.upkeep.verify().unwrap();
    assert_eq!((seen.entries, seen.steps), (0, 0));
    assert_eq!(at.upkeep.inspect().unwrap().ledger_rows, 1, "the stone stays");
    at.batch(vec![], rx.now + RX_ENTRY_LIFE_MS / 2);
    rx.now += RX_ENTRY_LIFE_MS + 60_000;
    at.batch(vec![], rx.now);
    at.upkeep.reclaim(rx.now).unwrap();
    at.upkeep.verify().unwrap();
    assert_eq!(at.upkeep.inspect().unwrap().ledger_rows, 0);
}
