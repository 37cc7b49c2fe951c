//! Waiting for something new in a mailbox without a session: for readers of other domains.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use telesphor_wire::ids::MailboxId;
use tokio::sync::Notify;

use crate::actors::registry::Lease;
use crate::house::House;
use crate::session::shared::Follower;

/// The number that no session has.
const NO_SESSION: u64 = u64::MAX;

static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// One such wait. It keeps the mailbox awake, and ends when it is dropped.
pub(crate) struct Watch {
    lease: Lease,
    bell: Arc<Notify>,
    number: u64,
}

impl Watch {
    /// Begins. `None` if too many mailboxes are awake.
    pub(crate) fn begin(house: &House, mailbox: MailboxId) -> Option<Self> {
        let lease = house.lease(mailbox)?;
        let (bell, number) = (Arc::new(Notify::new()), NUMBERS.fetch_add(1, Ordering::Relaxed));
        lease.follow(Follower {
            session: Weak::new(),
            bell: Some(bell.clone()),
            session_id: NO_SESSION,
            handle: 0,
            generation: number,
        });
        Some(Self { lease, bell, number })
    }

    /// Ready when there may be something new, which is so once at the beginning as well.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.lease.unfollow(NO_SESSION, 0, self.number);
    }
}
