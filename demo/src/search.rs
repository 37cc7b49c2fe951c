//! Searching every byte of files and of a process's memory for planted strings.

use aho_corasick::AhoCorasick;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

const CHUNK: usize = 4 << 20;

/// Looks for a set of strings, also in the forms a careless program would leave behind.
pub struct Searcher {
    automaton: AhoCorasick,
    /// Which planted string each pattern is a form of.
    origin: Vec<usize>,
    overlap: usize,
}

/// What was searched and what was found.
#[derive(Default)]
pub struct Found {
    /// Bytes looked at.
    pub bytes: u64,
    /// Indices of planted strings that were found.
    pub strings: BTreeSet<usize>,
    /// Where: the first few places.
    pub places: Vec<String>,
}

impl Found {
    /// Takes over what another search found.
    pub fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.strings.extend(other.strings);
        self.places.extend(other.places);
        self.places.truncate(12);
    }
}

impl Searcher {
    /// For these strings: as UTF-8, as UTF-16 (little endian), in hex and in Base64 (at each alignment).
    ///
    /// # Errors
    /// If there are too many patterns for one automaton.
    pub fn new(planted: &[String]) -> io::Result<Self> {
        let mut patterns: Vec<Vec<u8>> = Vec::new();
        let mut origin = Vec::new();
        for (i, s) in planted.iter().enumerate() {
            for form in forms(s) {
                patterns.push(form);
                origin.push(i);
            }
        }
        let overlap = patterns.iter().map(Vec::len).max().unwrap_or(1);
        let automaton = AhoCorasick::new(&patterns).map_err(io::Error::other)?;
        Ok(Self {
            automaton,
            origin,
            overlap,
        })
    }

    /// Every file under a folder, its names too.
    ///
    /// # Errors
    /// If something cannot be read.
    pub fn folder(&self, folder: &Path) -> io::Result<Found> {
        let mut found = Found::default();
        let mut queue = vec![folder.to_path_buf()];
        while let Some(path) = queue.pop() {
            found.add(self.bytes(path.to_string_lossy().as_bytes(), "a file name"));
            let kind = std::fs::symlink_metadata(&path)?.file_type();
            if kind.is_dir() {
                for entry in std::fs::read_dir(&path)? {
                    queue.push(entry?.path());
                }
            } else if kind.is_file() {
                found.add(self.file(&path)?);
            }
        }
        Ok(found)
    }

    /// One file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn file(&self, path: &Path) -> io::Result<Found> {
        let len = std::fs::metadata(path)?.len();
        self.range(&mut File::open(path)?, 0, len, &path.display().to_string())
    }

    /// The readable memory of a running process: heap, stacks, mapped files.
    ///
    /// # Errors
    /// If the process is gone or its memory may not be read.
    pub fn memory(&self, pid: u32) -> io::Result<Found> {
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
        let mut mem = File::open(PathBuf::from(format!("/proc/{pid}/mem")))?;
        let mut found = Found::default();
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (Some(range), Some(rights)) = (words.next(), words.next()) else {
                continue;
            };
            let name = words.nth(3).unwrap_or("anonymous memory");
            if !rights.starts_with('r') || name.starts_with("[vvar") || name.starts_with("[vsyscall") {
                continue;
            }
            let Some((from, to)) = range.split_once('-') else {
                continue;
            };
            let (Ok(from), Ok(to)) = (u64::from_str_radix(from, 16), u64::from_str_radix(to, 16)) else {
                continue;
            };
            // A region may be unmapped while we look; what is gone cannot be stolen either.
            if let Ok(part) = self.range(&mut mem, from, to - from, name) {
                found.add(part);
            }
        }
        if found.bytes == 0 {
            return Err(io::Error::other("no memory of the relay could be read"));
        }
        Ok(found)
    }

    /// Bytes at hand.
    pub fn bytes(&self, bytes: &[u8], place: &str) -> Found {
        let mut found = Found {
            bytes: bytes.len() as u64,
            ..Found::default()
        };
        self.scan(bytes, place, &mut found);
        found
    }

    fn range(&self, file: &mut File, from: u64, len: u64, place: &str) -> io::Result<Found> {
        let mut found = Found::default();
        let mut buffer = vec![0u8; CHUNK + self.overlap];
        let (mut at, mut kept) = (0u64, 0usize);
        file.seek(SeekFrom::Start(from))?;
        while at < len {
            let want = CHUNK.min((len - at) as usize);
            let read = match file.read(&mut buffer[kept..kept + want]) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) if found.bytes == 0 => return Err(e),
                Err(_) => break,
            };
            at += read as u64;
            found.bytes += read as u64;
            let filled = kept + read;
            self.scan(&buffer[..filled], place, &mut found);
            kept = self.overlap.min(filled);
            buffer.copy_within(filled - kept..filled, 0);
        }
        Ok(found)
    }

    fn scan(&self, bytes: &[u8], place: &str, found: &mut Found) {
        for hit in self.automaton.find_overlapping_iter(bytes) {
            let string = self.origin[hit.pattern().as_usize()];
            if found.strings.insert(string) && found.places.len() < 12 {
                found.places.push(format!("string {string} in {place}"));
            }
        }
    }
}

fn forms(s: &str) -> Vec<Vec<u8>> {
    let plain = s.as_bytes();
    let mut forms = vec![
        plain.to_vec(),
        s.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ];
    forms.push(
        plain
            .iter()
            .flat_map(|b| format!("{b:02x}").into_bytes())
            .collect(),
    );
    forms.extend(
        (0..3)
            .map(|shift| base64_core(plain, shift))
            .filter(|f| f.len() >= 10),
    );
    forms
}

/// The part of the Base64 text that does not depend on what stands before or after.
fn base64_core(bytes: &[u8], shift: usize) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let aligned = &bytes[(3 - shift) % 3..];
    aligned
        .chunks_exact(3)
        .flat_map(|c| {
            let n = u32::from(c[0]) << 16 | u32::from(c[1]) << 8 | u32::from(c[2]);
            [18, 12, 6, 0].map(|s| LETTERS[(n >> s & 63) as usize])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_across_a_chunk_border_is_not_missed() {
        let searcher = Searcher::new(&["Atrial fibrillation".to_owned()]).unwrap();
        let folder = std::env::temp_dir().join(format!("telesphor-search-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut bytes = vec![b'.'; CHUNK - 7];
        bytes.extend_from_slice(b"Atrial fibrillation, and more");
        std::fs::write(folder.join("a"), bytes).unwrap();
        let found = searcher.folder(&folder).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found.strings.len(), 1);
    }

    #[test]
    fn a_string_hidden_in_base64_hex_or_utf16_is_not_missed() {
        let searcher = Searcher::new(&["Atrial fibrillation".to_owned()]).unwrap();
        for text in [
            "eHhBdHJpYWwgZmlicmlsbGF0aW9u",
            "QXRyaWFsIGZpYnJpbGxhdGlvbg==",
            "41747269616c20666962",
        ] {
            let hex_whole = "41747269616c2066696272696c6c6174696f6e";
            let text = if text.starts_with('4') { hex_whole } else { text };
            assert_eq!(searcher.bytes(text.as_bytes(), "here").strings.len(), 1, "{text}");
        }
    }

    #[test]
    fn a_string_in_the_memory_of_a_process_is_not_missed() {
        let secret = String::from("Kaleidoscopic marmalade 4711");
        let searcher = Searcher::new(std::slice::from_ref(&secret)).unwrap();
        let found = searcher.memory(std::process::id()).unwrap();
        assert_eq!(
            found.strings.len(),
            1,
            "our own memory holds it: {}",
            secret.len()
        );
    }
}
