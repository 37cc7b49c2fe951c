//! The engine's only clock. Rules get the time as data; nothing else asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Unix milliseconds; a clock that goes back is held where it was.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

enum Source {
    System { highest: AtomicU64 },
    Hand(AtomicU64),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Arc::new(Source::System {
            highest: AtomicU64::new(0),
        }))
    }

    /// A clock that moves only when [`Clock::set`] is called: for tests of leases and expiry.
    pub fn by_hand(now_ms: u64) -> Self {
        Self(Arc::new(Source::Hand(AtomicU64::new(now_ms))))
    }

    /// Moves a clock made by [`Clock::by_hand`]; any other stays as it is.
    pub fn set(&self, now_ms: u64) {
        if let Source::Hand(at) = &*self.0 {
            at.store(now_ms, Ordering::SeqCst);
        }
    }

    /// The order's clock stands here: this one is never behind it.
    pub(crate) fn at_least(&self, now_ms: u64) {
        let (Source::System { highest: at } | Source::Hand(at)) = &*self.0;
        at.fetch_max(now_ms, Ordering::SeqCst);
    }

    /// Unix milliseconds: the machine's clock or the order's, whichever is ahead.
    pub fn now_ms(&self) -> u64 {
        match &*self.0 {
            Source::Hand(at) => at.load(Ordering::SeqCst),
            Source::System { highest } => {
                let read = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |d| d.as_millis() as u64);
                highest.fetch_max(read, Ordering::Relaxed).max(read)
            }
        }
    }
}
