//! New events are refused before the disk is full, while reading goes on.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use telesphor_wire::command::{Command, OwnerAct};

use crate::process;

/// Room on the store's disk.
pub struct Room {
    path: PathBuf,
    reserve: u64,
    free: AtomicU64,
    short: AtomicBool,
}

impl Room {
    /// Of the disk under this path; so many bytes are kept back.
    pub fn new(path: &Path, reserve: u64) -> Self {
        let room = Self {
            path: path.to_owned(),
            reserve,
            free: AtomicU64::new(u64::MAX),
            short: AtomicBool::new(false),
        };
        room.look();
        room
    }

    /// Asks the filesystem; to be called about once a second. Returns whether the answer to
    /// "may new events be written" has changed.
    pub fn look(&self) -> bool {
        // A filesystem that does not answer is no reason to refuse: the store finds out by itself.
        let Ok(room) = process::room(&self.path) else {
            return false;
        };
        self.free.store(room.free, Ordering::Relaxed);
        let was = self.short.load(Ordering::Relaxed);
        // A little above the reserve before writing goes on, so that it does not flap.
        let short = if was {
            room.free < self.reserve + self.reserve / 8
        } else {
            room.free < self.reserve
        };
        self.short.store(short, Ordering::Relaxed);
        was != short
    }

    /// Whether new events are refused.
    pub fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    /// Bytes free when last looked.
    pub fn free(&self) -> u64 {
        self.free.load(Ordering::Relaxed)
    }

    /// Bytes kept back.
    pub fn reserve(&self) -> u64 {
        self.reserve
    }
}

/// Whether a command makes room: it is taken also when there is none, out of the reserve.
pub(crate) fn makes_room(command: &Command) -> bool {
    match command {
        Command::Owner(owner) => matches!(
            owner.command.act,
            OwnerAct::Acknowledge(_) | OwnerAct::Erase(_) | OwnerAct::Close(_) | OwnerAct::SetPolicy(_)
        ),
        Command::Deposit(_) | Command::Commit(_) | Command::Take(_) | Command::Enrol(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_fills_up_before_anything_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let total = process::room(dir.path()).unwrap().total;
        assert!(
            Room::new(dir.path(), total).is_short(),
            "a reserve larger than what is free refuses"
        );
        let room = Room::new(dir.path(), 1);
        assert!(!room.is_short());
        assert!(!room.look());
    }
}
