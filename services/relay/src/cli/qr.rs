//! A QR code in letters that every terminal has.

use qrcodegen::{QrCode, QrCodeEcc};

/// Light modules around the code; scanners need four.
const MARGIN: i32 = 4;

/// Draws the text as a QR code, two modules to a character; `None` if it is too long for one.
pub(crate) fn draw(text: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut drawn = String::new();
    let mut y = -MARGIN;
    while y < code.size() + MARGIN {
        for x in -MARGIN..code.size() + MARGIN {
            // Terminals are mostly dark, so what is drawn is the light.
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
