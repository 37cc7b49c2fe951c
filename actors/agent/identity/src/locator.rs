//! Where a history rests at a relay: sealed, at an address that only those who know the
//! identity can find.

use telesphor_wire::hash::{Digest, Secret, derive_key, hash};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::labels::{HashLabel, KdfLabel};
use telesphor_wire::seal::{self, SealError};

use crate::history::{History, HistoryError};

/// `H("history-locator", id)`.
pub fn locator(id: &IdentityId) -> Digest {
    hash(HashLabel::HistoryLocator, id)
}

/// `K("history-seal", id, "")`.
fn seal_key(id: &IdentityId) -> Secret {
    derive_key(KdfLabel::HistorySeal, &Secret::new(id.0), b"")
}

/// Seals a history for its place.
pub fn seal_history(history: &History) -> Vec<u8> {
    let id = history.id();
    seal::seal(&seal_key(&id), &locator(&id).0, &history.to_bytes())
}

/// What was found is not the history that was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocatorError {
    /// It does not open.
    #[error("what was found is not sealed for this identity")]
    Seal(#[from] SealError),
    /// It opens, but is no history, or another one.
    #[error(transparent)]
    History(#[from] HistoryError),
}

/// Opens a sealed history; [`History::verify`] is the next step.
///
/// # Errors
/// [`LocatorError`].
pub fn open_history(id: &IdentityId, sealed: &[u8]) -> Result<History, LocatorError> {
    let bytes = seal::open(&seal_key(id), &locator(id).0, sealed)?;
    let history = History::from_bytes(&bytes)?;
    if history.id() != *id {
        return Err(HistoryError::OtherIdentity.into());
    }
    Ok(history)
}
