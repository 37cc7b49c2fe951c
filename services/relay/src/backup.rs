//! Backups: a checkpoint of the store, with the keys, record, certificate and settings that a
//! restore needs. A backup opens nothing that the relay itself could not read: ciphertext, and
//! the relay's own keys. Keep it as you keep those keys.
//!
//! ```text
//! DIR/store/          checkpoint
//! DIR/blobs/          large files; links to the same bytes where the disk allows it
//! DIR/keys/           the relay's own keys
//! DIR/tls/            the certificate, if it lies in the data directory
//! DIR/domain.record
//! DIR/relay.toml
//! DIR/complete        written last: a folder without it is no backup
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use telesphor_store::Store;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::Incarnation;

use crate::fault::{Exit, Fault};
use crate::files;
use crate::layout::Layout;
use crate::serve::store_fault;

/// Written last.
const COMPLETE: &str = "complete";

/// Begins a backup in a folder that does not exist yet; the store's checkpoint comes next.
///
/// # Errors
/// Exit 9 if it exists, 8 if it cannot be made.
pub fn begin(to: &Path) -> Result<Layout, Fault> {
    refuse_existing(to)?;
    files::private_dir(to).map_err(|e| Fault::file("backup", to, &e))?;
    Ok(Layout::new(to))
}

/// Puts beside the store's checkpoint what a restore needs, and says that it is complete.
///
/// # Errors
/// Exit 8 if a file cannot be written.
pub fn finish(from: &Layout, copy: &Layout) -> Result<(), Fault> {
    let fault = |e: io::Error| Fault::file("backup", copy.root(), &e);
    copy_beside(from, copy).map_err(fault)?;
    files::write_new(&copy.root().join(COMPLETE), b"").map_err(fault)
}

/// Leaves of a backup the store alone, for a relay that gets keys and records of its own.
///
/// # Errors
/// As the filesystem says.
pub fn strip(copy: &Layout) -> io::Result<()> {
    for folder in [copy.keys(), copy.tls()] {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
    }
    for file in [
        copy.record(),
        copy.cluster(),
        copy.config(),
        copy.root().join(COMPLETE),
    ] {
        if file.exists() {
            fs::remove_file(file)?;
        }
    }
    Ok(())
}

/// Puts a backup into a new data directory, under a new incarnation of the store, so that
/// agents notice and offer again what the backup had not seen.
///
/// # Errors
/// Exit 5 if it is no backup, 9 if something is in the way, else as the store says.
pub fn restore(
    from: &Path,
    to: &Layout,
    config: impl FnOnce(&Layout) -> Result<telesphor_store::StoreConfig, Fault>,
) -> Result<Incarnation, Fault> {
    if !from.join(COMPLETE).exists() {
        let words = format!("{} is no backup, or one that was not finished", from.display());
        return Err(Fault::new(Exit::NotFound, ErrorCode::NotFound, words));
    }
    for path in [to.config(), to.keys(), to.record(), to.store(), to.blobs()] {
        refuse_existing(&path)?;
    }
    let source = Layout::new(from);
    files::private_dir(to.root()).map_err(|e| Fault::file("data directory", to.root(), &e))?;
    copy_beside(&source, to).map_err(|e| Fault::file("data directory", to.root(), &e))?;
    Store::restore(&source.store(), &to.store(), config(to)?).map_err(|e| store_fault(&e))
}

/// Nothing that is there is overwritten.
///
/// # Errors
/// Exit 9 if something is.
pub(crate) fn refuse_existing(path: &Path) -> Result<(), Fault> {
    if path.exists() {
        let words = format!("{} is there already; nothing was overwritten", path.display());
        return Err(Fault::new(Exit::Conflict, ErrorCode::AlreadyThere, words));
    }
    Ok(())
}

/// Everything beside the store.
fn copy_beside(from: &Layout, to: &Layout) -> io::Result<()> {
    for (source, target) in [
        (from.keys(), to.keys()),
        (from.tls(), to.tls()),
        (from.peers(), to.peers()),
    ] {
        if !source.is_dir() {
            continue;
        }
        files::private_dir(&target)?;
        for file in plain_files(&source)? {
            if let Some(name) = file.file_name() {
                files::write_new(&target.join(name), &fs::read(&file)?)?;
            }
        }
    }
    telesphor_blobs::copy(&from.blobs(), &to.blobs())?;
    for (source, target) in [
        (from.record(), to.record()),
        (from.cluster(), to.cluster()),
        (from.config(), to.config()),
    ] {
        if source.exists() {
            files::write_new(&target, &fs::read(&source)?)?;
        }
    }
    Ok(())
}

fn plain_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            found.push(entry.path());
        }
    }
    Ok(found)
}
