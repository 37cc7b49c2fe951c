//! What all requests of one run share.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::door::Door;
use super::keeper::Keeper;
use super::limits;

/// The room.
pub(super) struct Room {
    pub(super) door: Door,
    pub(super) keeper: Arc<Keeper>,
    /// Places for streams of news.
    pub(super) streams: Arc<Semaphore>,
    notice: Mutex<Option<String>>,
    /// When everything that the relay had was here, Unix milliseconds.
    fresh: Mutex<Option<u64>>,
}

impl Room {
    pub(super) fn new(authority: String, keeper: Arc<Keeper>) -> Self {
        Self {
            door: Door::new(authority),
            keeper,
            streams: Arc::new(Semaphore::new(limits::STREAMS)),
            notice: Mutex::new(None),
            fresh: Mutex::new(None),
        }
    }

    /// As of when what is here is the newest; `now` if that is so now.
    pub(super) fn as_of(&self, now: Option<u64>) -> Option<u64> {
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        *fresh = now.or(*fresh);
        *fresh
    }

    /// Leaves a line for the next page that is shown.
    pub(super) fn leave(&self, notice: String) {
        *self.notice.lock().unwrap_or_else(PoisonError::into_inner) = Some(notice);
    }

    /// The line that was left, once.
    pub(super) fn notice(&self) -> Option<String> {
        self.notice.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
