//! How whoever has the vault open for long learns that somebody waits for it.
//!
//! One process has the store open at a time. A command has it for a moment; a page has it for
//! hours, and must let go when a command comes. Whoever waits holds a shared lock on
//! `vault.wanted` meanwhile, which ends with its process, however that ends; the holder looks
//! whether anybody does. The file says nothing and is never read.

use std::fs::{File, TryLockError};

use crate::files::open_private;
use crate::vault::VaultPaths;

/// Says that somebody waits, until it is dropped.
pub(crate) struct Waiting(#[allow(dead_code)] Option<File>);

impl Waiting {
    /// Where it cannot be said, waiting goes on all the same: the holder may end by itself.
    pub(crate) fn begin(paths: &VaultPaths) -> Self {
        let file = open_private(&paths.wanted(), true).ok();
        Self(file.filter(|file| file.lock_shared().is_ok()))
    }
}

impl VaultPaths {
    /// Whether another process waits for this vault at this moment. Whoever has it open for long
    /// asks this often, and closes it for a while if so.
    pub fn is_wanted(&self) -> bool {
        File::open(self.wanted()).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }
}
