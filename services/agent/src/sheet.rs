//! A file on paper: as several codes that are scanned one after the other, in any order.
//!
//! ```text
//! a code  = TELRX1/<mark>/<n>/<of>/<base45>/
//! mark    = the first 8 hexadecimal digits of the file's SHA-256, in capitals
//! ```
//!
//! Capitals and base45 (RFC 9285) take little room in a code. A scanner writes one line for each.

use qrcodegen::{QrCode, QrCodeEcc};
use telesphor_clinical::sums::sha256;
use telesphor_wire::error::ErrorCode;

use crate::fault::{Fault, Result};
use crate::out::svg;

const WORD: &str = "TELRX1";
/// Bytes of the file in one code: 121 modules wide, which prints well at 8 cm.
const PIECE: usize = 1_000;
/// Codes of one file.
const MOST: usize = 32;
const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// The lines that a scanner writes.
///
/// # Errors
/// For a file that is too long.
pub(crate) fn lines(file: &[u8]) -> Result<Vec<String>> {
    let of = file.len().div_ceil(PIECE);
    if of == 0 || of > MOST {
        return Err(Fault::of(ErrorCode::TooLarge).with("too long for a sheet of codes"));
    }
    let mark = mark(file);
    let pieces = file.chunks(PIECE).zip(1..);
    Ok(pieces
        .map(|(piece, n)| format!("{WORD}/{mark}/{n}/{of}/{}/", base45(piece)))
        .collect())
}

/// A page to be printed.
///
/// # Errors
/// For a file that is too long.
pub(crate) fn page(file: &[u8], words: &str) -> Result<String> {
    let code = |line: String| {
        QrCode::encode_text(&line, QrCodeEcc::Medium).map_err(|_| Fault::of(ErrorCode::TooLarge))
    };
    let codes: Vec<QrCode> = lines(file)?.into_iter().map(code).collect::<Result<_>>()?;
    Ok(svg(&codes, words, 2))
}

/// Whether this is what a scanner writes, and no file.
pub(crate) fn is_scanned(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(WORD.as_bytes())
}

/// The file that was scanned.
///
/// # Errors
/// In words: what is missing, or that codes of two sheets were mixed.
pub(crate) fn scanned(bytes: &[u8]) -> Result<Vec<u8>> {
    let refused = |words: String| Fault::of(ErrorCode::InputRefused).with(words);
    let text = std::str::from_utf8(bytes).map_err(|_| refused("not what a scanner writes".into()))?;
    let mut sheet: Option<(&str, usize)> = None;
    let mut pieces: Vec<Option<Vec<u8>>> = Vec::new();
    // Spaces are data.
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let broken = || refused("a line that is no code of a sheet: scan it again".into());
        let mut words = line.splitn(5, '/');
        let mut word = || words.next().ok_or_else(broken);
        let (kind, mark, n, of, data) = (word()?, word()?, word()?, word()?, word()?);
        let (n, of): (usize, usize) = (
            n.parse().map_err(|_| broken())?,
            of.parse().map_err(|_| broken())?,
        );
        let data = data.strip_suffix('/').and_then(unbase45).ok_or_else(broken)?;
        if kind != WORD || n == 0 || n > of || of > MOST {
            return Err(broken());
        }
        if *sheet.get_or_insert((mark, of)) != (mark, of) {
            return Err(refused(
                "codes of two sheets are mixed: scan one sheet alone".into(),
            ));
        }
        pieces.resize(of, None);
        if let Some(place) = pieces.get_mut(n - 1) {
            *place = Some(data);
        }
    }
    let missing: Vec<String> = pieces
        .iter()
        .zip(1..)
        .filter(|(piece, _)| piece.is_none())
        .map(|(_, n)| n.to_string())
        .collect();
    if !missing.is_empty() {
        let (of, missing) = (pieces.len(), missing.join(", "));
        return Err(refused(format!(
            "of {of} codes these are not scanned yet: {missing}"
        )));
    }
    let file: Vec<u8> = pieces.into_iter().flatten().flatten().collect();
    match sheet.is_some_and(|(known, _)| known == mark(&file)) {
        true => Ok(file),
        false => Err(refused("the codes do not make a file: scan them again".into())),
    }
}

fn mark(file: &[u8]) -> String {
    sha256(file)
        .chars()
        .take(8)
        .collect::<String>()
        .to_ascii_uppercase()
}

fn base45(bytes: &[u8]) -> String {
    let digit = |n: u32| char::from(ALPHABET.get(n as usize % 45).copied().unwrap_or(b'0'));
    let mut out = String::new();
    for pair in bytes.chunks(2) {
        let value = pair.iter().fold(0, |n, byte| n << 8 | u32::from(*byte));
        out.extend([digit(value), digit(value / 45)]);
        if pair.len() == 2 {
            out.push(digit(value / 2025));
        }
    }
    out
}

fn unbase45(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for group in text.as_bytes().chunks(3) {
        let mut value = 0u32;
        for byte in group.iter().rev() {
            let digit = ALPHABET.iter().position(|known| known == byte)?;
            value = value * 45 + u32::try_from(digit).ok()?;
        }
        match group.len() {
            3 => out.extend(u16::try_from(value).ok()?.to_be_bytes()),
            2 => out.push(u8::try_from(value).ok()?),
            _ => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_was_scanned_is_another_file_or_part_of_one() {
        // RFC 9285.
        for (plain, coded) in [("AB", "BB8"), ("Hello!!", "%69 VD92EX0"), ("ietf!", "QED8WEX0")] {
            assert_eq!(base45(plain.as_bytes()), coded);
            assert_eq!(unbase45(coded).unwrap(), plain.as_bytes());
        }
        assert!(
            ["GGW", ":::", "A", "a00"]
                .iter()
                .all(|bad| unbase45(bad).is_none())
        );

        let file: Vec<u8> = (0..4_321u32).map(|n| ((n * 31) >> 3) as u8).collect();
        let all = lines(&file).unwrap();
        assert_eq!(all.len(), 5);
        let mut turned: Vec<String> = all.iter().rev().cloned().collect();
        // One of them scanned twice, and a scanner that ends lines its own way.
        turned.push(all[2].clone());
        let text = turned.join("\r\n");
        assert!(is_scanned(text.as_bytes()));
        assert_eq!(scanned(text.as_bytes()).unwrap(), file);
        let part = all[..4].join("\n");
        assert!(format!("{:?}", scanned(part.as_bytes()).unwrap_err()).contains("not scanned yet: 5"));
        let other = lines(&file[1..]).unwrap();
        let mixed = format!("{}\n{}", all[..4].join("\n"), other[4]);
        assert!(scanned(mixed.as_bytes()).is_err());
        let changed = text.replace("/2/5/", "/2/5/0");
        assert!(scanned(changed.as_bytes()).is_err());
        assert!(lines(&vec![0; 40_000]).is_err() && lines(&[]).is_err());
        assert!(page(&file, "five codes").unwrap().matches("<path").count() == 5);
    }
}
