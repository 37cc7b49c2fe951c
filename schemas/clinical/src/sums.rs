//! What opens without this program: checksums that every system can check, and a page that every
//! browser shows.

use sha2::{Digest as _, Sha256};

/// The SHA-256 of bytes, as `sha256sum` writes it.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// The same of whatever is read to its end.
///
/// # Errors
/// If it cannot be read.
pub fn sha256_of(reader: &mut impl std::io::Read) -> std::io::Result<String> {
    let (mut sum, mut piece) = (Sha256::new(), vec![0; 64 * 1024]);
    loop {
        match reader.read(&mut piece)? {
            0 => return Ok(sum.finalize().iter().map(|b| format!("{b:02x}")).collect()),
            n => sum.update(piece.get(..n).unwrap_or_default()),
        }
    }
}

/// Text as it may stand in HTML, also between quotation marks; what would turn the direction of
/// writing or take no room is written out.
pub fn html(text: &str) -> String {
    let mut out = String::new();
    for c in crate::text::shown(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_title_writes_a_tag_or_a_sum_is_another_programs() {
        assert_eq!(
            html("<b a='x'>\"&\u{202e}"),
            "&lt;b a=&#39;x&#39;&gt;&quot;&amp;&lt;U+202E&gt;"
        );
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), abc);
        let long = vec![7; 200_000];
        assert_eq!(sha256_of(&mut &long[..]).unwrap(), sha256(&long));
    }
}
