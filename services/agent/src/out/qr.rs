//! A code to be scanned, drawn with half blocks.

use qrcodegen::{QrCode, QrCodeEcc};

/// The code as text for a terminal; `None` if `text` is too long for one.
pub(crate) fn qr(text: &str) -> Option<String> {
    const QUIET: i32 = 2;
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let size = code.size();
    let mut drawn = String::new();
    let mut y = -QUIET;
    while y < size + QUIET {
        for x in -QUIET..size + QUIET {
            // Dark windows are the rule: light modules are drawn, dark ones left out.
            drawn.push(match (code.get_module(x, y), code.get_module(x, y + 1)) {
                (false, false) => '\u{2588}',
                (false, true) => '\u{2580}',
                (true, false) => '\u{2584}',
                (true, true) => ' ',
            });
        }
        drawn.push('\n');
        y += 2;
    }
    Some(drawn)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::qr;

    #[test]
    fn a_link_of_200_bytes_fits_and_an_endless_one_is_no_panic() {
        let drawn = qr(&"a".repeat(200)).unwrap();
        let widths: Vec<usize> = drawn.lines().map(|l| l.chars().count()).collect();
        assert!(widths.iter().all(|w| *w == widths[0]) && widths[0] < 80);
        assert!(qr(&"a".repeat(10_000)).is_none());
    }
}
