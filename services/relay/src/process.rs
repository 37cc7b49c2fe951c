//! What the process asks of the kernel: no core dumps, enough file handles, facts of the disk.

use std::io;
use std::path::Path;

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// Keeps the memory of this process out of core dumps and from other processes of the same
/// user. A limit of 0 does not stop a dump that is piped to a program; not being dumpable does.
///
/// # Errors
/// As the kernel says.
pub fn no_core_dumps() -> io::Result<()> {
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Takes as many file handles as are allowed: each connection needs up to two. Returns the limit.
pub fn raise_file_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let now = if setrlimit(Resource::Nofile, raised).is_ok() {
        limit.maximum
    } else {
        limit.current
    };
    now.unwrap_or(u64::MAX)
}

/// Whether the filesystem of a folder takes writes that bypass the kernel's cache.
pub fn takes_direct_writes(folder: &Path) -> bool {
    use rustix::fs::{Mode, OFlags};
    let probe = folder.join(".direct");
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::DIRECT | OFlags::CLOEXEC;
    let opened = rustix::fs::open(&probe, flags, Mode::RUSR | Mode::WUSR).is_ok();
    // Left behind only by a kill; it is empty, and the next start removes it.
    let _ = std::fs::remove_file(&probe);
    opened
}

/// Threads of a part that shares the processors with the store's writer and its database: half
/// of them, since each message costs those as much as the rest.
pub fn half_the_processors() -> usize {
    let all = std::thread::available_parallelism().map_or(2, usize::from);
    (all / 2).max(1)
}

/// Room on the disk under a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes that may still be written.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Asks the filesystem under `path` for its room.
///
/// # Errors
/// As the filesystem says.
pub fn room(path: &Path) -> io::Result<Room> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(Room {
        free: stat.f_bavail.saturating_mul(stat.f_frsize),
        total: stat.f_blocks.saturating_mul(stat.f_frsize),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_written_to_is_said_to_take_direct_writes() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!takes_direct_writes(&folder.path().join("missing")));
        takes_direct_writes(folder.path());
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "nothing is left behind"
        );
    }
}
