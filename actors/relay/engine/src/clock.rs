//! The engine's only clock. Rules get the time as data; nothing else asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// What the time may be at the latest, Unix milliseconds; none if nothing is known of it.
pub type LatestTime = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// Unix milliseconds; a clock that goes back is held where it was, and one that runs ahead of the
/// other relays' is not followed.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

enum Source {
    System { highest: AtomicU64 },
    Among { highest: AtomicU64, latest: LatestTime },
    Hand(AtomicU64),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Arc::new(Source::System {
            highest: AtomicU64::new(0),
        }))
    }

    /// The machine's clock, as far as other relays' say that it can be right.
    pub fn among(latest: LatestTime) -> Self {
        Self(Arc::new(Source::Among {
            highest: AtomicU64::new(0),
            latest,
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
        let (Source::System { highest: at } | Source::Among { highest: at, .. } | Source::Hand(at)) =
            &*self.0;
        at.fetch_max(now_ms, Ordering::SeqCst);
    }

    /// Unix milliseconds: the machine's clock or the order's, whichever is ahead.
    pub fn now_ms(&self) -> u64 {
        match &*self.0 {
            Source::Hand(at) => at.load(Ordering::SeqCst),
            Source::System { highest } => {
                let read = read();
                highest.fetch_max(read, Ordering::Relaxed).max(read)
            }
            Source::Among { highest, latest } => match latest() {
                Some(latest) => {
                    let read = read().min(latest);
                    highest.fetch_max(read, Ordering::Relaxed).max(read)
                }
                // Nobody was heard: nothing is kept that may have to be taken back.
                None => highest.load(Ordering::Relaxed).max(read()),
            },
        }
    }
}

impl Clock {
    /// Whether it is known by more than this machine's word, where that can be known.
    pub fn is_known(&self) -> bool {
        match &*self.0 {
            Source::System { .. } | Source::Hand(_) => true,
            Source::Among { latest, .. } => latest().is_some(),
        }
    }
}

fn read() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_runs_ahead_is_followed_or_kept_for_later() {
        let limit = Arc::new(AtomicU64::new(0));
        let told = limit.clone();
        let clock = Clock::among(Arc::new(move || {
            Some(told.load(Ordering::SeqCst)).filter(|at| *at > 0)
        }));
        assert!(clock.now_ms() > 1_000_000, "nobody was heard: the machine's own");
        limit.store(1_000_000, Ordering::SeqCst);
        assert_eq!(clock.now_ms(), 1_000_000, "the machine's is ahead of all others");
        clock.at_least(1_000_500);
        assert_eq!(clock.now_ms(), 1_000_500, "never behind the order's");
        limit.store(u64::MAX, Ordering::SeqCst);
        assert!(
            clock.now_ms() > 1_000_500,
            "the others are ahead: the machine's own"
        );
    }
}
