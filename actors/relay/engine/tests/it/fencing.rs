//! An order that says one of its partitions can no longer be trusted.

use crate::yard;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use telesphor_engine::{Clock, Limits};
use telesphor_order::{Feed, Group, GroupLimits, Order, OrderError, Position, Rejected, RestsOn, Step};
use telesphor_store::faults::NoFaults;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::PartitionId;
use telesphor_wire::receipt::Attest;
use yard::client::{durable, refused};
use yard::{PARTITIONS, Yard, alone};

const NONE: u16 = u16::MAX;

/// Orders as `Alone` does, until a partition is fenced. From then on it yields what it takes
/// for that partition all the same, as a broken bus might.
struct Fencing {
    inner: Arc<dyn Order>,
    fence: Arc<AtomicU16>,
}

struct FencingFeed {
    inner: Mutex<Box<dyn Feed>>,
    fence: Arc<AtomicU16>,
}

impl Order for Fencing {
    fn append(&self, partition: PartitionId, group: Group) -> Result<(), Box<Rejected>> {
        self.inner.append(partition, group)
    }
    fn follow(&self, after: &[(PartitionId, Position)]) -> Result<Box<dyn Feed>, OrderError> {
        let inner = Mutex::new(self.inner.follow(after)?);
        Ok(Box::new(FencingFeed {
            inner,
            fence: self.fence.clone(),
        }))
    }
    fn wake(&self) {
        self.inner.wake();
    }
    fn close(&self) {
        self.inner.close();
    }
    fn waiting(&self, partition: PartitionId) -> usize {
        self.inner.waiting(partition)
    }
    fn attests(
        &self,
        partition: PartitionId,
        position: Position,
        head: Digest,
    ) -> Pin<Box<dyn Future<Output = Vec<Attest>> + Send + '_>> {
        self.inner.attests(partition, position, head)
    }
}

impl Feed for FencingFeed {
    fn next(&mut self, limits: GroupLimits, into: &mut Vec<Step>) -> bool {
        let goes_on = self.inner.get_mut().is_ok_and(|inner| inner.next(limits, into));
        match self.fence.swap(NONE, Ordering::SeqCst) {
            NONE => {}
            partition => into.insert(0, Step::Fenced(PartitionId(partition))),
        }
        goes_on
    }
    fn rests_on(&self) -> RestsOn {
        RestsOn::OwnDisk
    }
    fn kept(&mut self, _: PartitionId, _: u64) {}
    fn decided(&mut self, _: PartitionId, _: Position, _: Digest, _: &Attest) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_partition_confirms_nothing_and_the_others_go_on() {
    let limits = Limits::default();
    let fence = Arc::new(AtomicU16::new(NONE));
    let order = Arc::new(Fencing {
        inner: alone(&limits),
        fence: fence.clone(),
    });
    let yard = Yard::over(order, limits, Clock::system(), Arc::new(NoFaults)).await;
    let mut client = yard.connect().await;
    let mut mailboxes = Vec::new();
    for handle in 0..24 {
        let (personal, open) = yard.personal();
        durable(client.call(0, open).await);
        client.prove_contact(handle, &personal, 0).await;
        mailboxes.push(personal.id);
    }
    let bad = PartitionId::of(&mailboxes[0], PARTITIONS);
    let before = yard.engine.observe().partitions[usize::from(bad.0)].position;
    fence.store(bad.0, Ordering::SeqCst);
    for (handle, mailbox) in mailboxes.iter().enumerate() {
        let answer = client.call(handle as u32, yard.deposit(*mailbox, 0, b"x")).await;
        if PartitionId::of(mailbox, PARTITIONS) == bad {
            assert_eq!(refused(&answer), ErrorCode::Fenced);
        } else {
            durable(answer);
        }
    }
    let seen = yard.engine.observe();
    for partition in &seen.partitions {
        assert_eq!(partition.fenced, partition.partition == bad);
    }
    assert_eq!(
        seen.partitions[usize::from(bad.0)].position,
        before,
        "applied behind its fence"
    );
    yard.settled().await;
}
