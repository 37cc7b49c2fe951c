//! What a DICOM file says of itself at its beginning (PS3.10, part 7; PS3.5, part 7.1): which
//! study and series it belongs to, and by what kind of machine it was made.
//!
//! ```text
//! 128 bytes of anything || "DICM" || group 0002, explicit VR, little endian || the data set
//! element = group u16 || element u16 || VR (2) || length u16                     explicit, short
//!                                    || VR (2) || 0 (2) || length u32            explicit, OB OW SQ UN ..
//!                                    || length u32                               implicit
//! ```
//!
//! Only what stands before the pixels is looked at, and only facts that name no person. Whatever
//! is not understood is left out: these are words for a list, and what proves the file is its hash.

/// Bytes at the beginning of a file that are worth reading.
pub const HEAD_BYTES: u64 = 64 * 1024;

const MAGIC: &[u8] = b"DICM";
const PREAMBLE: usize = 128;
/// The longest value that is taken, bytes.
const MAX_VALUE: usize = 64;

const IMPLICIT_LITTLE: &str = "1.2.840.10008.1.2";
const EXPLICIT_BIG: &str = "1.2.840.10008.1.2.2";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
const TRANSFER_SYNTAX: (u16, u16) = (0x0002, 0x0010);

/// What is taken, by its tag.
const FACTS: [((u16, u16), &str); 6] = [
    ((0x0008, 0x0016), "sop-class"),
    ((0x0008, 0x0018), "sop-instance"),
    ((0x0008, 0x0020), "study-date"),
    ((0x0008, 0x0060), "modality"),
    ((0x0020, 0x000d), "study"),
    ((0x0020, 0x000e), "series"),
];
/// Nothing that is taken stands behind this.
const LAST: (u16, u16) = (0x0020, 0x000e);

/// Whether these are the first bytes of a DICOM file.
pub fn is_dicom(head: &[u8]) -> bool {
    head.get(PREAMBLE..).is_some_and(|rest| rest.starts_with(MAGIC))
}

/// What a file says of itself, as (name, value), out of its first [`HEAD_BYTES`].
pub fn facts(head: &[u8]) -> Vec<(String, String)> {
    let Some(mut rest) = head.get(PREAMBLE..).and_then(|r| r.strip_prefix(MAGIC)) else {
        return Vec::new();
    };
    let mut syntax = String::new();
    while group(rest) == Some(0x0002) {
        let Some((element, after)) = element(rest, true) else {
            return Vec::new();
        };
        if element.tag == TRANSFER_SYNTAX {
            syntax = text(element.value).unwrap_or_default();
        }
        rest = after;
    }
    // Another order of bytes, or compressed as a whole.
    if syntax.is_empty() || syntax == EXPLICIT_BIG || syntax == DEFLATED {
        return Vec::new();
    }
    let explicit = syntax != IMPLICIT_LITTLE;
    let mut facts = Vec::new();
    while let Some((element, after)) = element(rest, explicit) {
        if element.tag > LAST {
            break;
        }
        let known = FACTS.iter().find(|(tag, _)| *tag == element.tag);
        if let (Some((_, name)), Some(value)) = (known, text(element.value)) {
            facts.push(((*name).to_owned(), value));
        }
        rest = after;
    }
    facts
}

struct Element<'a> {
    tag: (u16, u16),
    value: &'a [u8],
}

fn group(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().map(|b| u16::from_le_bytes(*b))
}

/// The next element and what follows it; `None` at the end of what is here, and before anything
/// of undefined length.
fn element(bytes: &[u8], explicit: bool) -> Option<(Element<'_>, &[u8])> {
    let (group, bytes) = bytes.split_first_chunk::<2>()?;
    let (number, bytes) = bytes.split_first_chunk::<2>()?;
    let (length, bytes) = match explicit {
        false => {
            let (length, bytes) = bytes.split_first_chunk::<4>()?;
            (u32::from_le_bytes(*length), bytes)
        }
        true => {
            let (vr, bytes) = bytes.split_first_chunk::<2>()?;
            match vr {
                b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN" | b"UR"
                | b"UT" | b"UV" => {
                    let (_, bytes) = bytes.split_first_chunk::<2>()?;
                    let (length, bytes) = bytes.split_first_chunk::<4>()?;
                    (u32::from_le_bytes(*length), bytes)
                }
                _ => {
                    let (length, bytes) = bytes.split_first_chunk::<2>()?;
                    (u32::from(u16::from_le_bytes(*length)), bytes)
                }
            }
        }
    };
    let (value, after) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    let tag = (u16::from_le_bytes(*group), u16::from_le_bytes(*number));
    Some((Element { tag, value }, after))
}

/// A short value of plain characters, without what fills it up.
fn text(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\0']);
    let plain = text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    (plain && !text.is_empty() && text.len() <= MAX_VALUE).then(|| text.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn file(syntax: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = [vec![7; PREAMBLE], MAGIC.to_vec()].concat();
        let mut syntax = syntax.as_bytes().to_vec();
        syntax.resize(syntax.len().next_multiple_of(2), 0);
        bytes.extend([2, 0, 1, 0, b'O', b'B', 0, 0, 2, 0, 0, 0, 0, 1]);
        bytes.extend([2, 0, 0x10, 0, b'U', b'I', syntax.len() as u8, 0]);
        bytes.extend(syntax);
        bytes.extend(data);
        bytes
    }

    #[test]
    fn a_scan_does_not_say_what_it_is() {
        let explicit = b"\x08\0\x60\0CS\x02\0CT\x10\0\x10\0PN\x04\0Aino\x20\0\x0d\0UI\x04\x001.2\0";
        let implicit = b"\x08\0\x60\0\x02\0\0\0CT\x10\0\x10\0\x04\0\0\0Aino\x20\0\x0d\0\x04\0\0\x001.2\0";
        for bytes in [
            file("1.2.840.10008.1.2.1", explicit),
            file(IMPLICIT_LITTLE, implicit),
        ] {
            assert!(is_dicom(&bytes));
            let facts = facts(&bytes);
            let facts: Vec<(&str, &str)> = facts.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            assert_eq!(facts, [("modality", "CT"), ("study", "1.2")], "and no name");
        }
    }

    #[test]
    fn what_is_not_understood_is_made_up() {
        let endless = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\x20\0\x0d\0UI\x04\x001.2\0";
        assert!(facts(&file("1.2.840.10008.1.2.1", endless)).is_empty());
        let odd = b"\x08\0\x60\0CS\x02\0\x1b[";
        assert!(facts(&file("1.2.840.10008.1.2.1", odd)).is_empty());
        assert!(facts(&file(EXPLICIT_BIG, b"\0\x08\0\x60CS\0\x02CT")).is_empty());
        assert!(facts(b"DICM").is_empty());
        assert!(!is_dicom(&[0; 131]));
    }
}
