//! Properties over random stories.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use support::model::Model;
use support::story::{Try, homes, submission, token, tries};
use support::{DAY, NOW};
use telesphor_rules::effects::Decision;
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::mailbox::{EventKind, MailboxKind};

fn run(
    tries: &[Try],
    mut check: impl FnMut(&Model, &Model, &telesphor_wire::batch::Submission, &Decision),
) -> Model {
    let mut model = Model::new();
    let homes = homes();
    model.tokens.extend([token()]);
    let mut now = NOW;
    for (number, t) in tries.iter().enumerate() {
        now += u64::from(t.wait) * DAY / 2000;
        let s = submission(&model, &homes, number, *t, now);
        let before = model.clone();
        let decision = model.submit(&s, now);
        check(&before, &model, &s, &decision);
        model.assert_invariants();
    }
    model
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_story_breaks_a_chain_an_account_or_an_epoch(tries in tries(60)) {
        let mut winners: BTreeMap<_, u64> = BTreeMap::new();
        run(&tries, |before, after, s, decision| {
            let Some(id) = s.command.mailbox() else { return };
            let (Some(old), Some(new)) = (before.mailboxes.get(&id), after.mailboxes.get(&id)) else { return };
            // Nothing but an acceptance changes anything; an acceptance adds one event or none.
            match decision {
                Decision::Accepted(e) => assert_eq!(new.head.seq - old.head.seq, u64::from(e.event.is_some())),
                _ => assert_eq!(old, new),
            }
            // A branch never goes back, nor does an epoch within a branch, nor the clock.
            assert!((old.head.branch, old.head.epoch) <= (new.head.branch, new.head.epoch) || new.head.branch > old.head.branch);
            assert!(old.head.stamp <= new.head.stamp && old.head.counter <= new.head.counter);
            assert!(old.profile.policy.no_erase_before <= new.profile.policy.no_erase_before);
            if let (Decision::Accepted(_), Command::Commit(c)) = (decision, &s.command) {
                let won = winners.insert((id, c.body.branch, c.body.from_epoch), new.head.seq);
                assert_eq!(won, None, "one commit ends an epoch");
            }
        });
    }

    #[test]
    fn nothing_enters_a_mailbox_whose_lease_is_over(tries in tries(50)) {
        run(&tries, |before, after, s, decision| {
            let (Decision::Accepted(_), Some(id)) = (decision, s.command.mailbox()) else { return };
            let Some(old) = before.mailboxes.get(&id) else { return };
            if old.profile.kind == MailboxKind::Shared && old.is_over(after.clock) {
                match &s.command {
                    Command::Owner(_) => {}
                    Command::Commit(c) => assert!(c.second.is_some()),
                    other => panic!("accepted after the lease: kind {}", other.kind()),
                }
            }
        });
    }

    #[test]
    fn nothing_protected_is_ever_let_go(tries in tries(60)) {
        run(&tries, |before, after, _, _| {
            for (id, old) in &before.mailboxes {
                if !old.is_protected(after.clock) || !after.mailboxes[id].is_protected(after.clock) {
                    continue;
                }
                for ((_, seq), (event, _)) in before.events.range((*id, 0)..=(*id, u64::MAX)) {
                    assert_eq!(event.payload.is_some(), after.events[&(*id, *seq)].0.payload.is_some());
                }
            }
        });
    }

    #[test]
    fn a_story_told_twice_has_at_most_one_effect_per_id(tries in tries(40)) {
        let (mut model, homes) = (Model::new(), homes());
        model.tokens.extend([token()]);
        let mut now = NOW;
        for (number, t) in tries.iter().enumerate() {
            now += u64::from(t.wait) * DAY / 20_000;
            let s = submission(&model, &homes, number, *t, now);
            let first = model.submit(&s, now);
            let events = model.events.len();
            // The same bytes again, later but still in time.
            let again = model.submit(&s, now + 1);
            match first {
                Decision::Accepted(e) => match again {
                    Decision::Repeated(known) => {
                        prop_assert_eq!(known.gave, e.remember.gave);
                        prop_assert_eq!(known.body, e.remember.body);
                    }
                    other => prop_assert!(false, "a retry was not recognised: {:?}", other),
                },
                Decision::Repeated(_) => prop_assert!(matches!(again, Decision::Repeated(_))),
                Decision::Refused(_) => prop_assert!(matches!(again, Decision::Refused(_))),
                // Nothing in these stories asks.
                Decision::Told(_) => prop_assert!(false, "nobody asked"),
            }
            prop_assert_eq!(events, model.events.len());
        }
    }

    #[test]
    fn the_same_story_ends_the_same_everywhere(tries in tries(40)) {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        let a = run(&tries, |_, _, _, d| left.push(d.clone()));
        let b = run(&tries, |_, _, _, d| right.push(d.clone()));
        prop_assert_eq!(left, right);
        prop_assert_eq!(a.mailboxes, b.mailboxes);
        prop_assert_eq!(a.memories, b.memories);
    }
}

#[test]
fn stories_reach_what_they_are_meant_to_test() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut kinds, mut codes): (BTreeMap<u16, u32>, BTreeMap<ErrorCode, u32>) = Default::default();
    let (mut holes, mut dropped, mut rewound) = (0, 0, 0);
    for _ in 0..60 {
        let tries = tries(80).new_tree(&mut runner).unwrap().current();
        let model = run(&tries, |_, _, _, d| {
            if let Decision::Refused(r) = d {
                *codes.entry(r.code).or_default() += 1;
            }
        });
        for (event, _) in model.events.values() {
            *kinds.entry(event.header.kind.0).or_default() += 1;
        }
        holes += model
            .mailboxes
            .values()
            .filter(|m| !m.profile.holes.is_empty())
            .count();
        dropped += model
            .mailboxes
            .values()
            .filter(|m| m.head.floor > m.head.acknowledged)
            .count();
        rewound += model.mailboxes.values().filter(|m| m.head.branch > 0).count();
    }
    for kind in [
        EventKind::MESSAGE,
        EventKind::COMMIT,
        EventKind::REWIND,
        EventKind::OWNER,
    ] {
        assert!(kinds.contains_key(&kind.0), "no event of kind {}", kind.0);
    }
    assert!(
        holes > 0 && dropped > 0 && rewound > 0,
        "{holes} {dropped} {rewound}"
    );
    assert!(codes.len() >= 12, "too few kinds of refusal: {codes:?}");
}
