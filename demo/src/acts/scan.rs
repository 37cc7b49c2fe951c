//! Between acts 2 and 3: a scan that is too large for a letter, with Aino's name written all over it.

use super::cast::{Cast, settle};
use crate::page::{Page, size};
use crate::stage::{StageError, text};

/// The title under which it comes.
const NAME: &str = "scan.dcm";
/// Long enough for many pieces.
const PIXELS: usize = 3 << 20;

/// The doctor sends it, Aino fetches it, and it is what was sent.
///
/// # Errors
/// [`StageError`].
pub fn play(page: &mut Page, cast: &Cast) -> Result<(), StageError> {
    // What a camera writes: a head of known form, pixels, and whose they are burnt into them.
    let mut scan = [vec![0; 128], b"DICM".to_vec()].concat();
    scan.extend(b"\x02\0\x10\0UI\x14\x001.2.840.10008.1.2.1\0\x08\0\x60\0CS\x02\0CT");
    while scan.len() < PIXELS {
        for words in &cast.planted {
            scan.extend(words.as_bytes());
            scan.extend([0; 64]);
        }
    }
    let path = cast.doctor.home().join(NAME);
    std::fs::write(&path, &scan)?;
    let sent = cast
        .doctor
        .json(&["send", "aino", &path.to_string_lossy(), "--kind", "image"])?;
    let document = text(&sent, "id", "the scan's document")?.to_owned();
    settle(&[&cast.doctor, &cast.aino])?;
    let into = cast.aino.home().join("fetched");
    cast.aino
        .json(&["fetch", &document, "--into", &into.to_string_lossy()])?;
    let fetched = std::fs::read(into.join(NAME))?;
    page.must(
        fetched == scan,
        "Scan",
        &format!(
            "{} in {} pieces, signed by Dr Virtanen; Aino fetched it, byte for byte",
            size(scan.len() as u64),
            scan.len().div_ceil(256 << 10)
        ),
        "the bytes that were sent",
    );
    // The export is what the breach drill is held against: it must not find them there by this.
    std::fs::remove_dir_all(into)?;
    Ok(())
}
