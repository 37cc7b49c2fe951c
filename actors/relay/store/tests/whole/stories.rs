//! Random stories against the model: the same decisions, the same mailboxes, the same events,
//! whatever is restarted and however the commands are grouped.

use proptest::prelude::*;
use telesphor_rules::effects::Decision;
use telesphor_store::Outcome;

use crate::at::{At, ordered};
use crate::support::model::Model;
use crate::support::story::{TOKEN, Try, homes, submission, token, tries};
use crate::support::{DAY, NOW, voucher};

fn compare(at: &At, model: &Model) {
    for (id, mailbox) in &model.mailboxes {
        assert_eq!(at.reader.mailbox(id).unwrap().as_ref(), Some(mailbox));
        let events = at.events(id);
        let expected: Vec<_> = model
            .events
            .range((*id, 0)..=(*id, u64::MAX))
            .map(|(_, (e, _))| e.clone())
            .collect();
        assert_eq!(events, expected);
    }
    for ((id, branch, epoch), record) in &model.access {
        assert_eq!(at.reader.access(id, *branch, *epoch).unwrap(), Some(*record));
    }
}

fn same(outcome: &Outcome, decision: &Decision) -> bool {
    match (outcome, decision) {
        (Outcome::Refused(a), Decision::Refused(b)) => a == b,
        (Outcome::Accepted(a), Decision::Accepted(b)) => a.gave == b.remember.gave,
        (Outcome::Repeated(a), Decision::Repeated(b)) => a.gave == b.gave,
        _ => false,
    }
}

/// Tells a story in groups of `group`, with a restart after every `restart` groups.
fn tell(tries: &[Try], group: usize, restart: usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut at = At::create(&dir.path().join("store"));
    let (mut model, homes) = (Model::new(), homes());
    let (hash, entry) = token();
    model.tokens.insert(hash, entry);
    at.applier.register_token(&voucher(TOKEN), entry).unwrap();
    let mut now = NOW;
    for (round, chunk) in tries.chunks(group).enumerate() {
        let mut batches = Vec::new();
        let mut decisions = Vec::new();
        for (n, t) in chunk.iter().enumerate() {
            now += u64::from(t.wait) * DAY / 2000;
            let s = submission(&model, &homes, round * group + n, *t, now);
            decisions.push(model.submit(&s, now));
            batches.push(ordered(0, at.next_position(0) + n as u64, vec![s], now));
        }
        let applied = at.applier.apply(&batches).unwrap();
        for (applied, decision) in applied.iter().zip(&decisions) {
            assert!(
                same(&applied.outcomes[0], decision),
                "{:?} against {decision:?}",
                applied.outcomes[0]
            );
            if let Outcome::Accepted(done) = &applied.outcomes[0]
                && let Some(leaf) = done.place.leaf
            {
                assert_eq!(at.reader.receipt(&done.place).unwrap(), applied.receipt(leaf));
            }
        }
        if round % restart == restart - 1 {
            at = at.again();
        }
        compare(&at, &model);
    }
    let seen = at.upkeep.verify().unwrap();
    assert_eq!(seen.mailboxes, model.mailboxes.len() as u64);
    assert_eq!(seen.events, model.events.len() as u64);
    assert_eq!(seen.batches, tries.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_the_rules_say(tries in tries(60), group in 1usize..12, restart in 1usize..5) {
        tell(&tries, group, restart);
    }
}
