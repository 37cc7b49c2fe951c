//! New events are refused before the disk is full, while reading goes on.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use telesphor_wire::command::{Command, OwnerAct};

use crate::process;

/// Bytes that one byte may cost until files are tidied: in the log, in a file of payloads, and
/// as much again while that one is rewritten.
const WRITTEN_FOR_EACH: u64 = 4;

/// Room on the store's disk.
pub struct Room {
    path: PathBuf,
    reserve: u64,
    free: AtomicU64,
    short: AtomicBool,
    /// Bytes taken since the last look.
    taken: AtomicU64,
    /// Bytes taken earlier that are in the log, and not yet where they will lie.
    unflushed: AtomicU64,
}

impl Room {
    /// Of the disk under this path; so many bytes are kept back.
    pub fn new(path: &Path, reserve: u64) -> Self {
        let room = Self {
            path: path.to_owned(),
            reserve,
            free: AtomicU64::new(u64::MAX),
            short: AtomicBool::new(false),
            taken: AtomicU64::new(0),
            unflushed: AtomicU64::new(0),
        };
        room.look(0);
        room
    }

    /// Asks the filesystem; to be called about once a second. Returns whether the answer to
    /// "may new events be written" has changed. So many bytes the store has yet to write to where
    /// they will lie.
    pub fn look(&self, unflushed: u64) -> bool {
        // A filesystem that does not answer is no reason to refuse: the store finds out by itself.
        let Ok(room) = process::room(&self.path) else {
            return false;
        };
        self.taken.store(0, Ordering::Relaxed);
        self.free.store(room.free, Ordering::Relaxed);
        self.unflushed.store(unflushed, Ordering::Relaxed);
        let left = room.free.saturating_sub(unflushed);
        let was = self.short.load(Ordering::Relaxed);
        // A little above the reserve before writing goes on, so that it does not flap.
        let short = if was {
            left < self.reserve + self.reserve / 8
        } else {
            left < self.reserve
        };
        self.short.store(short, Ordering::Relaxed);
        was != short
    }

    /// Whether new events are refused.
    pub fn is_short(&self) -> bool {
        // Between two looks a fast sender may write more than is kept back.
        let taken = self
            .taken
            .load(Ordering::Relaxed)
            .saturating_mul(WRITTEN_FOR_EACH);
        let owed = taken.saturating_add(self.unflushed.load(Ordering::Relaxed));
        self.short.load(Ordering::Relaxed) || self.free().saturating_sub(owed) < self.reserve
    }

    /// So many bytes are about to be written.
    pub fn taking(&self, bytes: usize) {
        self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
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
        Command::Deposit(_)
        | Command::Commit(_)
        | Command::Take(_)
        | Command::Enrol(_)
        | Command::Ledger(_)
        | Command::Admit(_) => false,
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
        assert!(!room.look(0));
        // What is taken between two looks counts before the next one.
        room.taking(usize::try_from(total / 2).unwrap());
        assert!(room.is_short());
        room.look(0);
        assert!(!room.is_short());
        // What the log holds is written once more before the log grows shorter.
        assert!(room.look(total), "what is yet to be written has no room");
        assert!(room.is_short());
    }
}
