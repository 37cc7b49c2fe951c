//! What only an operator asks for.

use telesphor_store::{Fatal, StoreError};

/// An operator's request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The relay is being stopped.
    #[error("the relay is being stopped")]
    Stopped,
    /// Too many such requests at once.
    #[error("too many such requests at once; try again")]
    Busy,
    /// The store failed; the process is about to end.
    #[error("the store failed")]
    Failed,
    /// The store refused, and goes on.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Somebody held the store all the while that was to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("somebody still holds the store")]
pub struct StillOpen;

impl From<Fatal> for AdminError {
    fn from(_: Fatal) -> Self {
        Self::Failed
    }
}
