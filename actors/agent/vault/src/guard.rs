//! Between the storage library and everybody else: no error and no panic of it gets past here.
//!
//! The library trusts its own pages. A page whose checksum was made to fit, or that was changed
//! after it was checked, can still lead it to an assertion; a vault must answer "damaged" and
//! never end the process of a ward.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Damage, VaultError};

/// Runs one call into the library.
pub(crate) fn guard<T, E: Into<redb::Error>>(call: impl FnOnce() -> Result<T, E>) -> Result<T, VaultError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(from_redb(error.into())),
        Err(_) => Err(VaultError::Damaged(Damage::Store)),
    }
}

/// Drops something of the library's: closing writes, and what writes can fail.
pub(crate) fn guard_drop<T>(value: T) {
    // A failed close leaves the file as after a crash, which the next opening repairs.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
}

fn from_redb(error: redb::Error) -> VaultError {
    use std::io::ErrorKind;
    match error {
        // The library reports a foreign or shortened file in these words.
        redb::Error::Io(error)
            if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
        {
            VaultError::Damaged(Damage::Store)
        }
        redb::Error::Io(error) => error.into(),
        redb::Error::DatabaseAlreadyOpen => VaultError::InUse,
        redb::Error::ValueTooLarge(_) => VaultError::TooLarge,
        // Follows a failed write: the handle is reopened before the next use.
        redb::Error::PreviousIo | redb::Error::DatabaseClosed => VaultError::Io(ErrorKind::BrokenPipe),
        _ => VaultError::Damaged(Damage::Store),
    }
}
