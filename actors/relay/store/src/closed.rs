//! Knowing when the database is closed.
//!
//! The database has threads of its own. A process that leaves `main` while it is open, or
//! while somebody is still closing it, takes away what those threads stand on: they lock what
//! is destroyed already and abort ("pthread lock: Invalid argument"). Everything durable is
//! safe then, but the process does not end as it should. So whoever opens a store waits for
//! this before it leaves.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

#[derive(Default)]
struct State {
    closed: Mutex<bool>,
    told: Condvar,
}

/// Waits until the last owner of a store has let go of it and its database is closed.
#[derive(Clone)]
pub struct Closed(Arc<State>);

impl Closed {
    /// Waits, at most for so long; whether the database is closed. Blocks.
    pub fn wait(&self, patience: Duration) -> bool {
        let closed = self.0.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .0
            .told
            .wait_timeout_while(closed, patience, |closed| !*closed);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Tells it when dropped. The last field of the database's owner, so that everything else of
/// it is gone by then.
#[derive(Default)]
pub(crate) struct TellsClosed(Arc<State>);

impl TellsClosed {
    pub(crate) fn closed(&self) -> Closed {
        Closed(self.0.clone())
    }
}

impl Drop for TellsClosed {
    fn drop(&mut self) {
        *self.0.closed.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.told.notify_all();
    }
}
