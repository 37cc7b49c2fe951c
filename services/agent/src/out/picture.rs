//! Codes as pictures: SVG for paper and pages, PNG for whatever shows nothing else.

use std::path::Path;

use qrcodegen::{QrCode, QrCodeEcc};
use telesphor_wire::error::ErrorCode;

use crate::fault::{Fault, Result};

/// Light modules around a code.
const QUIET: i32 = 4;
/// Pixels of a module in a PNG.
const PIXELS: usize = 8;

/// A code in the form that a file's name ends in.
///
/// # Errors
/// For another ending, and a text that is too long for one code.
pub(crate) fn picture(text: &str, file: &Path) -> Result<Vec<u8>> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium)
        .map_err(|_| Fault::of(ErrorCode::TooLarge).with("too long for one code"))?;
    let ending = file.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    match ending.as_deref() {
        Some("svg") => Ok(svg(&[code], "", 1).into_bytes()),
        Some("png") => Ok(png(&code)),
        _ => Err(Fault::usage(format!(
            "a picture is called .svg or .png: {}",
            file.display()
        ))),
    }
}

/// A page of codes, so many beside each other, with a line of words above.
pub(crate) fn svg(codes: &[QrCode], words: &str, columns: usize) -> String {
    let side = codes.iter().map(QrCode::size).max().unwrap_or(0) + 2 * QUIET;
    let top = if words.is_empty() { 0 } else { 12 };
    let columns = i32::try_from(columns.max(1)).unwrap_or(1);
    let count = i32::try_from(codes.len()).unwrap_or(i32::MAX);
    let (width, height) = (side * columns, top + side * ((count + columns - 1) / columns));
    let mut page = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" shape-rendering=\"crispEdges\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    if top > 0 {
        let words = telesphor_clinical::sums::html(words);
        page.push_str(&format!(
            "<text x=\"{QUIET}\" y=\"8\" font-family=\"sans-serif\" font-size=\"5\">{words}</text>\n"
        ));
    }
    for (code, at) in codes.iter().zip(0..) {
        let (left, above) = (at % columns * side + QUIET, top + at / columns * side + QUIET);
        page.push_str("<path d=\"");
        for y in 0..code.size() {
            let mut x = 0;
            while x < code.size() {
                let run = (x..code.size()).take_while(|x| code.get_module(*x, y)).count();
                let run = i32::try_from(run).unwrap_or(0);
                if run > 0 {
                    page.push_str(&format!("M{} {}h{run}v1h-{run}z", left + x, above + y));
                }
                x += run.max(1);
            }
        }
        page.push_str("\"/>\n");
    }
    page.push_str("</svg>\n");
    page
}

/// Black on white, one bit a pixel, not compressed.
fn png(code: &QrCode) -> Vec<u8> {
    let modules = usize::try_from(code.size() + 2 * QUIET).unwrap_or(0);
    let side = modules * PIXELS;
    let mut rows = Vec::new();
    for y in 0..side {
        rows.push(0);
        for byte in 0..side / 8 {
            let mut bits = 0u8;
            for bit in 0..8 {
                let at = |pixel: usize| i32::try_from(pixel / PIXELS).unwrap_or(0) - QUIET;
                let light = !code.get_module(at(byte * 8 + bit), at(y));
                bits = bits << 1 | u8::from(light);
            }
            rows.push(bits);
        }
    }
    let side = u32::try_from(side).unwrap_or(0).to_be_bytes();
    let head = [&side[..], &side, &[1, 0, 0, 0, 0]].concat();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, bytes) in [(b"IHDR", head), (b"IDAT", stored(&rows)), (b"IEND", Vec::new())] {
        let named = [&kind[..], &bytes].concat();
        let length = u32::try_from(bytes.len()).unwrap_or(0);
        file.extend(length.to_be_bytes());
        file.extend_from_slice(&named);
        file.extend(crc32(&named).to_be_bytes());
    }
    file
}

/// zlib with nothing made smaller: the pictures are.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut pieces = bytes.chunks(usize::from(u16::MAX)).peekable();
    while let Some(piece) = pieces.next() {
        let length = u16::try_from(piece.len()).unwrap_or(0);
        out.push(u8::from(pieces.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend_from_slice(piece);
    }
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    out.extend((b << 16 | a).to_be_bytes());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1));
        }
    }
    !crc
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_none_that_others_open() {
        // The check values that the standards give.
        assert_eq!(crc32(b"IEND"), 0xae42_6082);
        assert_eq!(stored(b"Wikipedia")[16..], 0x11e6_0398_u32.to_be_bytes());
        let made = picture(&"a".repeat(200), Path::new("x.png")).unwrap();
        assert!(made.starts_with(b"\x89PNG\r\n\x1a\n") && made.ends_with(b"IEND\xae\x42\x60\x82"));
        let drawn = String::from_utf8(picture("telesphor", Path::new("x.SVG")).unwrap()).unwrap();
        assert!(
            drawn.starts_with("<svg") && drawn.contains("M4 4h7v1h-7z"),
            "{drawn}"
        );
        assert!(picture("telesphor", Path::new("x.gif")).is_err());
        assert!(picture(&"a".repeat(10_000), Path::new("x.svg")).is_err());
    }
}
