//! What comes in from files and stdin.

use std::io::Read;
use std::path::Path;
use telesphor_wire::error::ErrorCode;

use crate::fault::{Fault, Result};

/// A file that is taken in as one document, bytes.
const MAX_FILE: u64 = 64 * 1024 * 1024;
/// A link, a kit, a list of words, bytes.
const MAX_TEXT: u64 = 64 * 1024;

fn read(from: impl Read, max: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(Fault::of(ErrorCode::TooLarge));
    }
    Ok(bytes)
}

/// A file, or stdin for `-`.
pub(super) fn bytes(file: &Path) -> Result<Vec<u8>> {
    if file.as_os_str() == "-" {
        return read(std::io::stdin().lock(), MAX_FILE);
    }
    let open = std::fs::File::open(file)
        .map_err(|e| Fault::of(ErrorCode::LocalIo).with(format!("{}: {e}", file.display())))?;
    read(open, MAX_FILE)
}

/// A short text, or stdin for `-`.
pub(super) fn text(file: &Path) -> Result<String> {
    let bytes = if file.as_os_str() == "-" {
        read(std::io::stdin().lock(), MAX_TEXT)?
    } else {
        let open = std::fs::File::open(file)
            .map_err(|e| Fault::of(ErrorCode::LocalIo).with(format!("{}: {e}", file.display())))?;
        read(open, MAX_TEXT)?
    };
    String::from_utf8(bytes).map_err(|_| Fault::of(ErrorCode::InputRefused).with("not text"))
}
