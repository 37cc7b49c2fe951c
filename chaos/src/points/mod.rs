//! Crash points: a relay is killed on entering one chosen system call, or that call fails, while
//! a fixed script runs. Afterwards every receipt must be honoured.
//!
//! `strace` counts calls in each thread by itself, so a point names its thread: else the start of
//! the process, which syncs much, would stand for the deposits that come after it. It also counts
//! each call of a kind by its own name: the nth `fdatasync` is struck only where it comes before
//! the nth `fsync` of its thread, and points beyond the most frequent name are not reached.

mod plan;
mod script;
mod tracer;

pub use plan::{Plan, count, streams};
pub use script::{Struck, strike};

use std::fmt;

/// Which thread is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// The main thread, from the first instruction: opening and recovering the store.
    Start,
    /// The relay's writer: deposits, and the checkpoint of a backup.
    Writer,
    /// Behind the writer: the syncs of deposits that others waited beside.
    Syncer,
    /// The database's threads for flushing.
    Flush,
    /// The database's threads for compaction and for files that are no longer needed.
    Compaction,
    /// The writer of support codes.
    Traces,
    /// The threads that carry the rest of a backup, among other things.
    Workers,
}

impl Stream {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Start,
        Self::Writer,
        Self::Syncer,
        Self::Flush,
        Self::Compaction,
        Self::Traces,
        Self::Workers,
    ];

    /// The beginning of the threads' name, as the kernel knows it; none for the main thread.
    const fn thread(self) -> Option<&'static str> {
        match self {
            Self::Start => None,
            Self::Writer => Some("telesphor-write"),
            Self::Syncer => Some("telesphor-synce"),
            Self::Flush => Some("rocksdb:high"),
            Self::Compaction => Some("rocksdb:low"),
            Self::Traces => Some("traces"),
            Self::Workers => Some("tokio-rt-worker"),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Writer => "writer",
            Self::Syncer => "syncer",
            Self::Flush => "flush",
            Self::Compaction => "compaction",
            Self::Traces => "traces",
            Self::Workers => "workers",
        }
    }
}

/// System calls that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// To the disk.
    Sync,
    /// Into a file, a socket or a pipe.
    Write,
    /// A file gets a name.
    Name,
    /// A file loses a name.
    Unlink,
    /// A file gets another length.
    Length,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sync, Self::Write, Self::Name, Self::Unlink, Self::Length];

    /// As `strace` names them.
    const fn calls(self) -> &'static [&'static str] {
        match self {
            Self::Sync => &["fsync", "fdatasync", "sync_file_range"],
            Self::Write => &["write", "pwrite64", "writev", "pwritev", "pwritev2"],
            Self::Name => &["rename", "renameat", "renameat2", "link", "linkat"],
            Self::Unlink => &["unlink", "unlinkat"],
            Self::Length => &["ftruncate", "truncate", "fallocate"],
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Write => "write",
            Self::Name => "name",
            Self::Unlink => "unlink",
            Self::Length => "length",
        }
    }
}

/// What happens at the chosen call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The process is killed on entering it, as by `kill -9`.
    Kill,
    /// The call fails with an input/output error, as a dying disk answers.
    InputOutput,
}

impl Fault {
    const fn word(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::InputOutput => "eio",
        }
    }
}

/// One point at which something breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// In which thread.
    pub stream: Stream,
    /// Calls counted together.
    pub kind: Kind,
    /// What happens.
    pub fault: Fault,
    /// At which of them, from 1.
    pub nth: u32,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stream, kind, fault) = (self.stream.word(), self.kind.word(), self.fault.word());
        write!(f, "{stream} {kind} {fault} {}", self.nth)
    }
}
