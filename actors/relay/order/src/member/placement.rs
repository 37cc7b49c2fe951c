//! Where a partition lives, if not every relay keeps it: rendezvous hashing.
//!
//! Each relay has a weight for each partition, drawn from nothing but their names; the heaviest so
//! many are to keep it. So whoever knows the cluster's record knows where everything is, and a relay that
//! comes or goes moves only what it takes or leaves. What is said here is who *is to* vote; who does
//! vote stands in a genesis.

use std::collections::BTreeSet;

use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::PartitionId;
use telesphor_wire::labels::HashLabel;
use telesphor_wire::sign::PublicKey;

/// `H("placement", {partition, relay})`.
pub fn weight(partition: PartitionId, relay: &PublicKey) -> Digest {
    hash(HashLabel::Placement, &(partition, relay))
}

/// All relays, those first that are to keep the partition.
pub fn ranked<'a>(partition: PartitionId, relays: impl IntoIterator<Item = &'a PublicKey>) -> Vec<PublicKey> {
    let weighed = relays.into_iter().map(|relay| (weight(partition, relay), *relay));
    let mut weighed: Vec<_> = weighed.collect();
    weighed.sort_unstable_by(|a, b| b.0.0.cmp(&a.0.0).then(a.1.cmp(&b.1)));
    weighed.into_iter().map(|(_, relay)| relay).collect()
}

/// Who is to keep a partition, of these relays, so many of them. All, if there are no more.
pub fn keepers(partition: PartitionId, relays: &BTreeSet<PublicKey>, replicas: usize) -> BTreeSet<PublicKey> {
    if replicas >= relays.len() {
        return relays.clone();
    }
    ranked(partition, relays)
        .into_iter()
        .take(replicas.max(1))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn relays(seed: u8, count: u8) -> BTreeSet<PublicKey> {
        let key = |n| PublicKey(hash(HashLabel::Placement, &(seed, n)).0);
        (0..count).map(key).collect()
    }

    fn all(relays: &BTreeSet<PublicKey>, replicas: usize, partitions: u16) -> Vec<BTreeSet<PublicKey>> {
        let keepers = |n| keepers(PartitionId(n), relays, replicas);
        (0..partitions).map(keepers).collect()
    }

    proptest! {
        #[test]
        fn a_relay_that_comes_or_goes_moves_what_is_not_its_own(
            seed: u8, count in 4u8..12, replicas in prop::sample::select(vec![1usize, 3, 5]),
        ) {
            let more = relays(seed, count + 1);
            let comes = PublicKey(hash(HashLabel::Placement, &(seed, count)).0);
            let mut fewer = more.clone();
            fewer.remove(&comes);
            for (before, after) in all(&fewer, replicas, 64).iter().zip(all(&more, replicas, 64)) {
                prop_assert_eq!(after.len(), replicas.min(more.len()));
                if after.contains(&comes) {
                    prop_assert!(before.difference(&after).count() <= 1, "it takes one seat");
                    prop_assert_eq!(after.difference(before).count(), 1);
                } else {
                    prop_assert_eq!(before, &after, "it moved what it does not keep");
                }
            }
        }

        #[test]
        fn one_relay_gets_the_load_of_the_others(seed: u8, count in 4u8..12) {
            let relays = relays(seed, count);
            let placed = all(&relays, 3, 1024);
            let mean = 3.0 * 1024.0 / f64::from(count);
            for relay in &relays {
                let kept = placed.iter().filter(|seats| seats.contains(relay)).count() as f64;
                // Five standard deviations of a fair draw.
                prop_assert!((kept - mean).abs() < 5.0 * mean.sqrt(), "{kept} of {mean}");
            }
        }
    }

    #[test]
    fn a_cluster_in_which_all_keep_everything_is_another_one_than_before() {
        let relays = relays(1, 3);
        for partition in 0..16 {
            assert_eq!(keepers(PartitionId(partition), &relays, 3), relays);
            assert_eq!(keepers(PartitionId(partition), &relays, 7), relays);
        }
    }
}
