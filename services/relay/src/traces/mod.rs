//! Support codes with times, outcomes and how often their events left, and nothing else, so that
//! an operator can follow one request without any identifier.
//!
//! ```text
//! traces/<first second>.trace: records of 16 bytes, big-endian, see [`record`]
//! ```
//! Segments begin once a day, or when one is full; they are dropped when they are too old or
//! when all of them together grow too large. A trace is a help, not a promise: it is handed to
//! the kernel at once but not synced, so a killed process loses what was under way, a power cut
//! the last seconds; and when the writer cannot keep up records are dropped and counted.

mod find;
mod record;
mod writer;

pub use find::{Found, find};
pub use record::{Outcome, Record, Trace};
pub use writer::{Traces, start};

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Segments, oldest first: when each began, Unix seconds, and where it lies.
fn segments(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let began = path
            .file_name()
            .and_then(|n| n.to_str())
            .and_then(|n| n.strip_suffix(".trace")?.parse().ok());
        if let Some(began) = began {
            found.push((began, path));
        }
    }
    found.sort();
    Ok(found)
}
