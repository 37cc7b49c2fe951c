//! Small files written whole: either the old content is there after a crash, or the new.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::error::VaultError;

/// Opens a file that only its owner may read, made if `create`.
pub(crate) fn open_private(path: &Path, create: bool) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(create).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Writes `bytes` so that a crash leaves the old file or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    let fresh = beside(path);
    let result = (|| {
        let mut file = open_private(&fresh, true)?;
        file.set_len(0)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)?;
        sync_folder(path)
    })();
    if result.is_err() {
        // Nothing depends on the half-written file; the error that matters is returned.
        let _ = std::fs::remove_file(&fresh);
    }
    result.map_err(Into::into)
}

/// Makes the folder's entry for `path` durable.
pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// Reads at most `max` bytes; `None` if there is no such file.
pub(crate) fn read(path: &Path, max: usize) -> Result<Option<Vec<u8>>, VaultError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let mut bytes = Vec::new();
    file.take(max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > max {
        return Err(VaultError::TooLarge);
    }
    Ok(Some(bytes))
}

/// Overwrites a secret file before removing it. On storage that writes elsewhere this is a
/// courtesy; what the file holds must be worthless without another file.
pub(crate) fn shred(path: &Path) -> Result<(), VaultError> {
    match open_private(path, false) {
        Ok(mut file) => {
            let len = usize::try_from(file.metadata()?.len()).unwrap_or(0).min(1 << 16);
            file.write_all(&vec![0; len])?;
            file.sync_all()?;
            std::fs::remove_file(path)?;
            Ok(())
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e.into()),
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    path.with_file_name(name)
}
