//! The judge of a race: it calls no good history bad, and finds every fault that is planted.

use telesphor_chaos::fills::checker::{Did, What, judge};
use telesphor_chaos::fills::plant::{all, kinds};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::EntryId;
use telesphor_wire::ledger::{EntryStanding, Step, StepKind as K};
use telesphor_wire::limits::RX_PARTS;
use telesphor_wire::sign::PublicKey;

const UNITS: u32 = 10;
const ID: EntryId = EntryId([7; 32]);
const MS: u64 = 1_000_000;

fn standing(now: u64, confirmed: u64, reserved: u64, next_free: u64) -> EntryStanding {
    EntryStanding {
        now,
        free: RX_PARTS - confirmed - reserved,
        confirmed,
        reserved,
        next_free,
        over: 0,
        held_until: 0,
        cancelled: 0,
    }
}

/// A history as a good ledger makes it: four fills of two units each, one after the other.
fn good() -> (Vec<Did>, Vec<(EntryId, EntryStanding)>) {
    let (mut all, mut previous, mut confirmed) = (Vec::new(), Digest(ID.0), 0);
    let mut now = 1_000;
    for n in 0u8..4 {
        for kind in [K::Reserved, K::Confirmed] {
            let parts = RX_PARTS / u64::from(UNITS) * 2;
            let until = if kind == K::Reserved { now + 60_000 } else { 0 };
            let step = Step {
                entry: ID,
                seq: all.len() as u64 + 1,
                previous,
                kind,
                key: PublicKey([n; 32]),
                parts,
                over: 0,
                until,
                stamp: now,
                ext: Extensions::none(),
            };
            previous = step.digest();
            let (what, reserved) = match kind {
                K::Reserved => (What::Reserve, parts),
                _ => (What::Confirm, 0),
            };
            confirmed += parts - reserved;
            all.push(Did {
                entry: ID,
                what,
                parts,
                began: (now - 1) * MS,
                ended: (now + 1) * MS,
                step: Some(step),
                standing: Some(standing(now, confirmed, reserved, until)),
                refused: None,
            });
            now += 10;
        }
    }
    (all, vec![(ID, standing(now, confirmed, 0, 0))])
}

#[test]
fn a_good_history_is_called_bad() {
    let (mut all, ends) = good();
    assert_eq!(judge(&all, &ends, UNITS), []);
    // What two were told of one step is one step; and some are refused with reason.
    all.push(all[3].clone());
    let mut refused = all[2].clone();
    (refused.step, refused.standing) = (None, None);
    (refused.parts, refused.refused) = (RX_PARTS, Some(ErrorCode::RxNotEnough));
    all.push(refused);
    assert_eq!(judge(&all, &ends, UNITS), []);
}

#[test]
fn a_planted_fault_is_not_found() {
    let (history, ends) = good();
    assert_eq!(all(&history, &ends, UNITS), (kinds(), vec![]));
}

#[test]
fn an_answer_given_again_is_taken_for_a_stale_one() {
    let (mut all, ends) = good();
    let mut again = all[0].clone();
    // Asked for at the beginning, and heard only after the second fill was made.
    (again.ended, again.standing) = (all[3].ended, all[3].standing);
    all.push(again);
    assert_eq!(judge(&all, &ends, UNITS), []);
}
