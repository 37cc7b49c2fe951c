//! [`Alone`] against the shared suite, and what only it promises.

#[path = "suite/mod.rs"]
mod suite;

use std::sync::Arc;

use telesphor_order::{Alone, AloneLimits, GroupLimits, Order, OrderError, Step};
use telesphor_wire::ids::PartitionId;

fn make(partitions: u16, waiting: usize) -> Arc<dyn Order> {
    Arc::new(Alone::new(
        partitions,
        AloneLimits {
            waiting_submissions: waiting,
        },
    ))
}

macro_rules! held_to {
    ($($name:ident,)*) => { $(#[test] fn $name() { suite::$name(make); })* };
}

held_to! {
    groups_lost_doubled_or_torn_apart_under_many_submitters,
    a_group_that_waits_for_company,
    a_full_queue_that_grows_or_swallows,
    a_close_that_loses_what_was_taken,
    a_follower_that_cannot_be_called_away,
    a_record_beyond_its_bounds,
    a_busy_partition_that_starves_another,
    an_unknown_partition_that_is_made_up,
    a_stamp_that_falls_back_behind_its_groups,
}

#[test]
fn two_writers_for_one_order_are_refused() {
    let order = make(1, 10);
    let first = order.follow(&[(PartitionId(0), 0)]).unwrap();
    assert_eq!(
        order.follow(&[(PartitionId(0), 0)]).err(),
        Some(OrderError::Taken)
    );
    drop(first);
    assert!(
        order.follow(&[(PartitionId(0), 0)]).is_ok(),
        "after the first has gone another may follow"
    );
}

#[test]
fn a_position_that_does_not_follow_the_store() {
    let order = make(2, 10);
    let mut feed = order
        .follow(&[(PartitionId(0), 41), (PartitionId(1), 0)])
        .unwrap();
    for partition in [0, 1] {
        order
            .append(PartitionId(partition), suite::group(partition.into(), [1]))
            .unwrap();
    }
    let mut steps = Vec::new();
    feed.next(
        GroupLimits {
            record_submissions: 9,
            submissions: 9,
        },
        &mut steps,
    );
    let positions: Vec<_> = steps
        .iter()
        .map(|s| match s {
            Step::Record(r) => (r.partition.0, r.position),
            other => panic!("not a record: {other:?}"),
        })
        .collect();
    assert_eq!(positions, [(0, 42), (1, 1)]);
}
