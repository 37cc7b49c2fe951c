//! A copy of all blobs, for a backup and from one.
//!
//! Blobs are never changed where they lie, so a link to one is a copy of it. One that goes
//! meanwhile is left out: its owner has erased it. One that is still coming was not confirmed,
//! and comes again.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::disk::{PARTS, private_dir, sync_dir};

/// Puts every whole blob of one folder into another one that does not exist yet.
///
/// # Errors
/// As the disk says.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    private_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_name() != PARTS {
            passing_over_gone(all(&entry.path(), &to.join(entry.file_name())))?;
        }
    }
    sync_dir(to)
}

fn all(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::hard_link(from, to).or_else(|e| match e.kind() {
            io::ErrorKind::NotFound => Err(e),
            // Another disk.
            _ => fs::copy(from, to).and_then(|_| File::open(to)?.sync_all()),
        });
    }
    private_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        passing_over_gone(all(&entry.path(), &to.join(entry.file_name())))?;
    }
    sync_dir(to)
}

fn passing_over_gone(copied: io::Result<()>) -> io::Result<()> {
    match copied {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
