//! Directories that appear whole or not at all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// Refuses a place where something is already.
pub(crate) fn must_be_empty(path: &Path) -> Result<(), StoreError> {
    match fs::read_dir(path) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(StoreError::NotEmpty),
            None => Ok(()),
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e.into()),
    }
}

/// A neighbour of `path`, on the same file system: `<path>.<extension>`.
pub(crate) fn beside(path: &Path, extension: &str) -> Result<PathBuf, StoreError> {
    let mut name = path.file_name().ok_or(StoreError::NotEmpty)?.to_owned();
    name.push(".");
    name.push(extension);
    Ok(path.with_file_name(name))
}

/// Copies a directory of plain files and syncs every one of them.
pub(crate) fn copy_dir(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let target = to.join(entry.file_name());
            fs::copy(entry.path(), &target)?;
            File::open(target)?.sync_all()?;
        }
    }
    sync_dir(to)
}

/// Gives a finished directory its name. What holds it is synced before and after, so that a
/// power cut leaves the old state or the new one.
pub(crate) fn put_in_place(part: &Path, path: &Path) -> Result<(), StoreError> {
    sync_dir(part)?;
    if path.exists() {
        fs::remove_dir(path)?;
    }
    fs::rename(part, path)?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => sync_dir(Path::new(".")),
    }
}

pub(crate) fn sync_dir(path: &Path) -> Result<(), StoreError> {
    Ok(File::open(path)?.sync_all()?)
}

/// Bytes of all files below a directory.
pub(crate) fn size_of_dir(path: &Path) -> Result<u64, StoreError> {
    let mut sum = 0u64;
    for entry in fs::read_dir(path)? {
        // Files of a live database come and go while they are counted.
        let Ok(data) = entry?.metadata() else { continue };
        if data.is_file() {
            sum = sum.saturating_add(data.len());
        }
    }
    Ok(sum)
}
