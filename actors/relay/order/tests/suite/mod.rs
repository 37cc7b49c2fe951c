//! What every order must hold to. An implementation calls each of these with a way to make
//! a fresh order of so many partitions and at most so many waiting submissions in each.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use telesphor_order::{Feed, Group, GroupId, GroupLimits, Order, Ordered, Step, Why};
use telesphor_wire::batch::Submission;
use telesphor_wire::command::{Command, Enrol};
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{CommandId, PartitionId, Voucher};

pub(crate) type Make = fn(partitions: u16, waiting: usize) -> Arc<dyn Order>;

const ZERO: PartitionId = PartitionId(0);
const WIDE: GroupLimits = GroupLimits {
    record_submissions: 1000,
    submissions: 4000,
};

fn submission(n: u64) -> Submission {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&n.to_be_bytes());
    Submission {
        word: None,
        command: Command::Enrol(Enrol {
            token: Voucher([0; 32]),
            vouchers: Vec::new(),
            command_id: CommandId(id),
            not_after: 0,
            ext: Extensions::none(),
        }),
    }
}

fn number(submission: &Submission) -> u64 {
    u64::from_be_bytes(submission.command.id().0[..8].try_into().unwrap())
}

pub(crate) fn group(id: u128, numbers: impl IntoIterator<Item = u64>) -> Group {
    Group {
        id: GroupId(id),
        stamp: id as u64,
        submissions: numbers.into_iter().map(submission).collect(),
    }
}

/// Follows until `submissions` have been seen.
fn collect(feed: &mut dyn Feed, limits: GroupLimits, submissions: usize) -> Vec<Ordered> {
    let (mut records, mut seen, mut steps) = (Vec::new(), 0, Vec::new());
    while seen < submissions {
        assert!(
            feed.next(limits, &mut steps),
            "the feed ended after {seen} of {submissions}"
        );
        for step in steps.drain(..) {
            match step {
                Step::Record(record) => {
                    seen += record.batch.submissions.len();
                    records.push(record);
                }
                other => panic!("not a record: {other:?}"),
            }
        }
    }
    records
}

pub(crate) fn groups_lost_doubled_or_torn_apart_under_many_submitters(make: Make) {
    const THREADS: u64 = 8;
    const GROUPS: u64 = 200;
    let order = make(3, 100_000);
    let partitions = [PartitionId(0), PartitionId(1), PartitionId(2)];
    let mut feed = order.follow(&partitions.map(|p| (p, 0))).unwrap();
    let submitters: Vec<_> = (0..THREADS)
        .map(|t| {
            let order = order.clone();
            thread::spawn(move || {
                for g in 0..GROUPS {
                    let n = (t * GROUPS + g) * 3;
                    order
                        .append(
                            PartitionId((g % 3) as u16),
                            group(u128::from(t * GROUPS + g), n..n + 3),
                        )
                        .unwrap();
                }
            })
        })
        .collect();
    let records = collect(&mut *feed, WIDE, (THREADS * GROUPS * 3) as usize);
    submitters.into_iter().for_each(|s| s.join().unwrap());

    let mut positions: BTreeMap<PartitionId, u64> = BTreeMap::new();
    let mut last: BTreeMap<(PartitionId, u64), u64> = BTreeMap::new();
    let mut groups = 0;
    for record in &records {
        if let Some(before) = positions.insert(record.partition, record.position) {
            assert_eq!(
                record.position,
                before + 1,
                "a gap or a step back in the positions"
            );
        }
        let mut submissions = record.batch.submissions.iter().map(number);
        for origin in &record.origins {
            assert_eq!(origin.count, 3);
            let first = origin.group.0 as u64 * 3;
            let got: Vec<u64> = submissions.by_ref().take(3).collect();
            assert_eq!(
                got,
                [first, first + 1, first + 2],
                "a group torn apart or mixed with another"
            );
            let submitter = (record.partition, origin.group.0 as u64 / GROUPS);
            if let Some(before) = last.insert(submitter, first) {
                assert!(first > before, "two groups of one submitter changed places");
            }
            groups += 1;
        }
        assert_eq!(submissions.next(), None, "submissions that nobody handed over");
    }
    assert_eq!(groups, THREADS * GROUPS);
}

pub(crate) fn a_group_that_waits_for_company(make: Make) {
    let order = make(1, 100);
    let mut feed = order.follow(&[(ZERO, 0)]).unwrap();
    order.append(ZERO, group(1, [7])).unwrap();
    let records = collect(&mut *feed, WIDE, 1);
    assert_eq!(records.len(), 1);
    assert_eq!(order.waiting(ZERO), 0);
}

pub(crate) fn a_full_queue_that_grows_or_swallows(make: Make) {
    let order = make(1, 4);
    order.append(ZERO, group(1, 0..4)).unwrap();
    let rejected = order.append(ZERO, group(2, 4..6)).unwrap_err();
    assert_eq!(rejected.why, Why::Full);
    assert_eq!(rejected.group, group(2, 4..6), "the group comes back whole");
    let mut feed = order.follow(&[(ZERO, 0)]).unwrap();
    collect(&mut *feed, WIDE, 4);
    order.append(ZERO, rejected.group).unwrap();
    let records = collect(&mut *feed, WIDE, 2);
    assert_eq!(
        records[0]
            .batch
            .submissions
            .iter()
            .map(number)
            .collect::<Vec<_>>(),
        [4, 5]
    );
}

pub(crate) fn a_close_that_loses_what_was_taken(make: Make) {
    let order = make(2, 100);
    let mut feed = order.follow(&[(ZERO, 0), (PartitionId(1), 0)]).unwrap();
    order.append(ZERO, group(1, [1])).unwrap();
    order.append(PartitionId(1), group(2, [2])).unwrap();
    order.close();
    assert_eq!(order.append(ZERO, group(3, [3])).unwrap_err().why, Why::Closed);
    assert_eq!(collect(&mut *feed, WIDE, 2).len(), 2);
    assert!(!feed.next(WIDE, &mut Vec::new()), "a closed order goes on");
}

pub(crate) fn a_follower_that_cannot_be_called_away(make: Make) {
    let order = make(1, 100);
    let mut feed = order.follow(&[(ZERO, 0)]).unwrap();
    let waiting = thread::spawn(move || {
        let mut steps = Vec::new();
        (feed.next(WIDE, &mut steps), steps.len())
    });
    order.wake();
    assert_eq!(waiting.join().unwrap(), (true, 0));
}

pub(crate) fn a_record_beyond_its_bounds(make: Make) {
    let limits = GroupLimits {
        record_submissions: 4,
        submissions: 6,
    };
    let order = make(1, 100);
    let mut feed = order.follow(&[(ZERO, 0)]).unwrap();
    for g in 0..5 {
        order
            .append(ZERO, group(g, [g as u64 * 2, g as u64 * 2 + 1]))
            .unwrap();
    }
    order.append(ZERO, group(9, 10..19)).unwrap();
    let records = collect(&mut *feed, limits, 19);
    for record in &records {
        let n = record.batch.submissions.len();
        assert!(
            n <= 4 || record.origins.len() == 1,
            "joined beyond the bound: {n}"
        );
    }
    let all: Vec<u64> = records
        .iter()
        .flat_map(|r| &r.batch.submissions)
        .map(number)
        .collect();
    assert_eq!(all, (0..19).collect::<Vec<_>>());
}

pub(crate) fn a_busy_partition_that_starves_another(make: Make) {
    let limits = GroupLimits {
        record_submissions: 4,
        submissions: 4,
    };
    let order = make(2, 100);
    let mut feed = order.follow(&[(ZERO, 0), (PartitionId(1), 0)]).unwrap();
    order.append(PartitionId(1), group(100, [1000])).unwrap();
    for g in 0..10u64 {
        order
            .append(ZERO, group(u128::from(g), g * 4..g * 4 + 4))
            .unwrap();
    }
    let records = collect(&mut *feed, limits, 9);
    assert!(
        records.iter().any(|r| r.partition == PartitionId(1)),
        "two rounds went by without the quiet partition's turn"
    );
}

pub(crate) fn an_unknown_partition_that_is_made_up(make: Make) {
    let order = make(1, 100);
    assert_eq!(
        order.append(PartitionId(1), group(1, [1])).unwrap_err().why,
        Why::NoSuchPartition
    );
    assert!(order.follow(&[(PartitionId(1), 0)]).is_err());
}

pub(crate) fn a_stamp_that_falls_back_behind_its_groups(make: Make) {
    let order = make(1, 100);
    let mut feed = order.follow(&[(ZERO, 0)]).unwrap();
    order.append(ZERO, group(20, [1])).unwrap();
    order.append(ZERO, group(10, [2])).unwrap();
    let records = collect(&mut *feed, WIDE, 2);
    assert_eq!(records.iter().map(|r| r.batch.stamp).max(), Some(20));
    assert_eq!(records[0].batch.stamp, 20);
}
