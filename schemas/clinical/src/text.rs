//! Bounded text that people wrote. Never printed by `Debug`, shown only escaped.

use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;

use crate::limits::MAX_TEXT_BYTES;

/// A piece of text of at most [`MAX_TEXT_BYTES`], as somebody wrote it.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Text(String);

/// The text is longer than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("text of {0} bytes where at most {MAX_TEXT_BYTES} are allowed")]
pub struct TooLong(pub usize);

impl Text {
    /// Takes a text over.
    ///
    /// # Errors
    /// [`TooLong`].
    pub fn new(text: impl Into<String>) -> Result<Self, TooLong> {
        let text = text.into();
        if text.len() > MAX_TEXT_BYTES {
            Err(TooLong(text.len()))
        } else {
            Ok(Self(text))
        }
    }

    /// Takes a text over and cuts it at the last character that fits.
    pub fn cut(text: &str) -> Self {
        let mut end = text.len().min(MAX_TEXT_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self(text[..end].to_owned())
    }

    /// The text as written. For comparing and storing; to show it, use [`Text::shown`].
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text as it may be shown: see [`shown`].
    pub fn shown(&self) -> String {
        shown(&self.0)
    }
}

/// Makes text safe to show: control characters and those that turn the direction of writing
/// or take no room are written as `<U+202E>`, so that what is read is what is there.
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
        if hidden || (c.is_control() && c != '\n' && c != '\t') {
            out.push_str(&format!("<U+{:04X}>", c as u32));
        } else {
            out.push(c);
        }
    }
    out
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "text of {} bytes", self.0.len())
    }
}

impl From<&'static str> for Text {
    /// For texts of the program itself, which are short.
    fn from(text: &'static str) -> Self {
        Self::cut(text)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(d)?).map_err(de::Error::custom)
    }
}

/// A list of at most `MAX` elements, for `deserialize_with`: reading stops at the first one too
/// many, and nothing is allocated on the strength of the sender's claim.
///
/// # Errors
/// The deserializer's own, or a list that is too long.
pub fn bounded<'de, const MAX: usize, T: Deserialize<'de>, D: Deserializer<'de>>(
    d: D,
) -> Result<Vec<T>, D::Error> {
    struct Bounded<const MAX: usize, T>(std::marker::PhantomData<T>);
    impl<'de, const MAX: usize, T: Deserialize<'de>> de::Visitor<'de> for Bounded<MAX, T> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MAX}")
        }
        fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(16));
            while let Some(element) = seq.next_element()? {
                if list.len() == MAX {
                    return Err(de::Error::invalid_length(MAX + 1, &self));
                }
                list.push(element);
            }
            Ok(list)
        }
    }
    d.deserialize_seq(Bounded::<MAX, T>(std::marker::PhantomData))
}
