//! What callers and one partition's member share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::lane::Lane;

/// The lane, shared with the callers.
pub(crate) struct Shared {
    lane: Mutex<Lane>,
    standing: Mutex<crate::order::Standing>,
    pub(crate) changed: Notify,
}

impl Shared {
    pub(crate) fn new(lane: Lane) -> Self {
        Self {
            lane: Mutex::new(lane),
            standing: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// How the member stands.
    pub(crate) fn standing(&self) -> MutexGuard<'_, crate::order::Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No code panics while holding the lock, so a poisoned one is still whole.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Lane> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
