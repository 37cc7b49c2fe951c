//! Permits for files on their way: so many over the whole relay, so many of one mailbox.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use telesphor_blobs::limits::{STREAMS, STREAMS_PER_MAILBOX};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;

/// All permits.
#[derive(Debug, Default)]
pub struct Streams(Mutex<HashMap<MailboxId, usize>>);

/// One file may move; given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    streams: Arc<Streams>,
    mailbox: MailboxId,
}

impl Streams {
    /// No code panics while holding the lock, so a poisoned one is still whole.
    fn moving(&self) -> MutexGuard<'_, HashMap<MailboxId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A permit for one file of a mailbox.
    ///
    /// # Errors
    /// [`ErrorCode::BlobBusy`].
    pub(crate) fn permit(self: &Arc<Self>, mailbox: MailboxId) -> Result<Permit, ErrorCode> {
        let mut moving = self.moving();
        let all: usize = moving.values().sum();
        let of_this = moving.get(&mailbox).copied().unwrap_or(0);
        if all >= STREAMS || of_this >= STREAMS_PER_MAILBOX {
            return Err(ErrorCode::BlobBusy);
        }
        moving.insert(mailbox, of_this + 1);
        Ok(Permit {
            streams: self.clone(),
            mailbox,
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut moving = self.streams.moving();
        match moving.get_mut(&self.mailbox) {
            Some(count) if *count > 1 => *count -= 1,
            _ => _ = moving.remove(&self.mailbox),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mailbox_takes_every_permit_or_a_permit_is_never_given_back() {
        let streams = Arc::new(Streams::default());
        let (greedy, other) = (MailboxId([1; 32]), MailboxId([2; 32]));
        let held: Vec<Permit> = std::iter::from_fn(|| streams.permit(greedy).ok()).collect();
        assert_eq!(held.len(), STREAMS_PER_MAILBOX);
        assert!(streams.permit(other).is_ok());
        drop(held);
        assert!(streams.permit(greedy).is_ok());
        assert!(streams.moving().is_empty());
    }
}
