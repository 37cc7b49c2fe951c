//! Finding a support code again.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use telesphor_wire::text::SupportCode;

use super::record::{RECORD, Record, Trace};
use super::segments;

/// What is kept of one support code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Its requests, oldest first; nearly always one, since each request has a code of its own.
    pub requests: Vec<Trace>,
    /// Sessions, other than its own, that its event left for.
    pub sessions: u32,
}

/// Everything kept of a support code that is not older than `oldest`, Unix seconds.
///
/// # Errors
/// As the filesystem says; a folder that is not there holds nothing.
pub fn find(folder: &Path, support: SupportCode, oldest: u32) -> io::Result<Found> {
    let mut found = Found::default();
    let segments = match segments(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(found),
        other => other?,
    };
    for (_, path) in segments {
        let file = match File::open(path) {
            // Dropped by the writer in this very moment.
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        let mut file = BufReader::with_capacity(256 * 1024, file);
        let mut record = [0u8; RECORD];
        while file.read_exact(&mut record).is_ok() {
            match Record::of(support, &record) {
                Some(Record::Ended(trace)) if trace.answered >= oldest => found.requests.push(trace),
                Some(Record::Delivered { at, .. }) if at >= oldest => {
                    found.sessions = found.sessions.saturating_add(1);
                }
                _ => {}
            }
        }
    }
    Ok(found)
}
