//! Positions, partitions, receipts and repeated commands.

use telesphor_store::{Fatal, Outcome, Store, StoreError};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{MailboxId, PartitionId};
use telesphor_wire::receipt::Attest;

use crate::at::{At, config, ordered};
use crate::support::commands::Home;
use crate::support::{DAY, NOW, domain, key};

#[test]
fn a_gap_or_a_repeated_position_is_not_applied() {
    let dir = tempfile::tempdir().unwrap();
    let mut at = At::create(dir.path());
    for (partition, position) in [(0, 2), (0, 0), (1, 1)] {
        let group = [ordered(partition, position, vec![], NOW)];
        assert!(matches!(at.applier.apply(&group), Err(Fatal::OutOfOrder { .. })));
    }
    let group = [ordered(0, 1, vec![], NOW), ordered(0, 3, vec![], NOW)];
    assert!(matches!(
        at.applier.apply(&group),
        Err(Fatal::OutOfOrder {
            expected: 2,
            found: 3,
            ..
        })
    ));
    // None of this was written, and the store goes on.
    at.batch(vec![Home::personal(1).open(1)], NOW);
    assert_eq!(at.reader.partition(PartitionId(0)).unwrap().position, 1);
}

#[test]
fn every_partition_has_a_chain_of_its_own_and_shares_the_write() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config();
    config.domain = domain(4);
    let mut at = At::of(dir.path(), Store::create(dir.path(), config).unwrap());
    let homes: Vec<Home> = (0..40).map(Home::personal).collect();
    let mut group = Vec::new();
    let mut positions = [0u64; 4];
    for (n, home) in homes.iter().enumerate() {
        let p = PartitionId::of(&home.id, 4).0;
        positions[usize::from(p)] += 1;
        let both = vec![home.open(n as u64), home.deposit(0, 1000 + n as u64, b"hello")];
        group.push(ordered(p, positions[usize::from(p)], both, NOW));
    }
    let applied = at.applier.apply(&group).unwrap();
    assert!(
        applied
            .iter()
            .all(|a| a.outcomes.iter().all(|o| matches!(o, Outcome::Accepted(_))))
    );
    assert!(positions.iter().all(|p| *p > 0));
    // A mailbox in the order of another partition is not touched.
    let stranger = (PartitionId::of(&homes[0].id, 4).0 + 1) % 4;
    let astray = ordered(
        stranger,
        positions[usize::from(stranger)] + 1,
        vec![homes[0].deposit(1, 9, b"x")],
        NOW,
    );
    let applied = at.applier.apply(&[astray]).unwrap();
    assert!(matches!(applied[0].outcomes[0], Outcome::Refused(_)));
    assert_eq!(at.upkeep.verify().unwrap().events, 80);
    let inspection = at.upkeep.inspect().unwrap();
    assert_eq!((inspection.partitions, inspection.batches), (4, 41));
    assert!(inspection.disk_bytes > 0);
}

#[test]
fn a_receipt_proves_its_event_and_a_repeated_command_gets_the_same_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut at = At::create(dir.path());
    let home = Home::personal(1);
    at.must(home.open(1));
    let submissions: Vec<_> = (0..7)
        .map(|n| home.deposit(n % 8, 10 + n, &[n as u8; 100]))
        .collect();
    let applied = at.batch(submissions.clone(), NOW);
    let relay = key("relay", 0);
    let mut at = at.again();
    let again = at.batch(submissions, NOW + DAY / 2);
    assert!(again.leaves.is_empty() && again.fresh.is_empty());
    for (n, outcome) in again.outcomes.iter().enumerate() {
        let Outcome::Repeated(done) = outcome else {
            panic!("a retry was not recognised: {outcome:?}")
        };
        let mut receipt = at.reader.receipt(&done.place).unwrap().unwrap();
        assert_eq!(Some(receipt.clone()), applied.receipt(n as u32));
        assert_eq!(receipt.leaf.seq, n as u64 + 2);
        receipt.attests.push(Attest {
            relay: relay.public(),
            ext: Extensions::none(),
            signature: relay.sign(&receipt.statement()),
        });
        receipt.verify(&[relay.public()], 1).unwrap();
    }
    assert_eq!(at.events(&home.id).len(), 8);
}

#[test]
fn commands_of_one_group_see_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut at = At::create(dir.path());
    let (personal, shared) = (Home::personal(1), Home::shared(2));
    let deposit = personal.deposit(0, 5, b"once");
    let applied = at.batch(
        vec![
            personal.open(1),
            deposit.clone(),
            deposit,
            shared.open(2),
            shared.commit(0, 1, 6),
            shared.commit(0, 1, 7),
            shared.message(0, 1, 8, b"late"),
            shared.message(0, 2, 9, b"in time"),
        ],
        NOW,
    );
    let kinds: Vec<_> = applied
        .outcomes
        .iter()
        .map(|o| match o {
            Outcome::Accepted(_) => 'a',
            Outcome::Repeated(_) => 'r',
            Outcome::Told(_) => 't',
            Outcome::Refused(_) => 'x',
        })
        .collect();
    assert_eq!(kinds, ['a', 'a', 'r', 'a', 'a', 'x', 'x', 'a']);
    let fresh: Vec<_> = applied.fresh.iter().map(|f| f.payload().to_vec()).collect();
    assert_eq!(fresh.len(), 5);
    assert_eq!(
        (fresh[1].as_slice(), fresh[4].as_slice()),
        (b"once".as_slice(), b"in time".as_slice())
    );
    for f in &applied.fresh {
        let events = at.events(&f.mailbox);
        assert!(events.contains(&f.event()));
    }
}

#[test]
fn a_page_holds_what_was_asked_for_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let mut at = At::create(dir.path());
    let home = Home::personal(1);
    let mut all = vec![home.open(1)];
    all.extend((0..20).map(|n| home.deposit(0, 10 + n, &[n as u8; 1000])));
    at.batch(all, NOW);
    let read = |after, bytes, events, span| at.reader.events(&home.id, after, &span, bytes, events).unwrap();
    let all = crate::at::ALL;
    assert_eq!(read(1, 2500, 100, all).events.len(), 2);
    assert_eq!(read(1, 1, 100, all).events.len(), 1, "always at least one");
    assert_eq!(read(1, 1 << 20, 5, all).events.len(), 5);
    assert_eq!(read(21, 1 << 20, 5, all).events.len(), 0);
    let span = telesphor_rules::read::ReadSpan {
        after: 5,
        to: 8,
        ..all
    };
    let page = read(0, 1 << 20, 100, span);
    assert_eq!(
        page.events.iter().map(|e| e.header.seq).collect::<Vec<_>>(),
        [6, 7, 8]
    );
    assert_eq!((page.to, page.head.seq), (8, 21));
    let late = telesphor_rules::read::ReadSpan {
        not_before: NOW + 1,
        ..all
    };
    assert!(
        read(0, 1 << 20, 100, late)
            .events
            .iter()
            .all(|e| e.payload.is_none())
    );
    assert!(at.reader.events(&MailboxId([9; 32]), 0, &all, 1, 1).is_err());
}

#[test]
fn a_store_of_another_domain_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    assert!(matches!(Store::open(&path, config()), Err(StoreError::NoStore)));
    drop(At::create(&path));
    assert!(matches!(
        Store::create(&path, config()),
        Err(StoreError::NotEmpty)
    ));
    let mut other = config();
    other.domain.domain = "other.example".parse().unwrap();
    assert!(matches!(Store::open(&path, other), Err(StoreError::OtherDomain)));
    let mut more = config();
    more.domain = domain(2);
    assert!(matches!(Store::open(&path, more), Err(StoreError::OtherDomain)));
    let first = At::open(&path);
    // One live process per store.
    assert!(Store::open(&path, config()).is_err());
    assert_ne!(first.incarnation.0, [0; 32]);
}

#[test]
fn the_first_batch_of_an_incarnation_has_nothing_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut at = At::create(dir.path());
    let first = at.batch(vec![Home::personal(1).open(1)], NOW);
    let second = at.batch(vec![], NOW - DAY);
    assert_eq!(first.head.previous, Digest([0; 32]));
    assert_eq!((second.head.previous, second.head.stamp), (first.digest, NOW));
    assert_eq!(second.head.root, Digest([0; 32]));
}
