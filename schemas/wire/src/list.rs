//! Lists and texts with a bound, refused while they are read and not afterwards.
//!
//! A length in front of a list is the peer's claim: nothing is allocated on the strength
//! of it, and reading stops at the first element too many.

use serde::{Deserialize, Deserializer, de};
use std::fmt;
use std::marker::PhantomData;

/// At most so many elements are allocated before any was read.
const FIRST_ALLOCATION: usize = 16;

/// A list of at most `MAX` elements.
pub(crate) fn bounded<'de, const MAX: usize, T: Deserialize<'de>, D: Deserializer<'de>>(
    d: D,
) -> Result<Vec<T>, D::Error> {
    struct Bounded<const MAX: usize, T>(PhantomData<T>);
    impl<'de, const MAX: usize, T: Deserialize<'de>> de::Visitor<'de> for Bounded<MAX, T> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MAX}")
        }
        fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(FIRST_ALLOCATION));
            while let Some(element) = seq.next_element()? {
                if list.len() == MAX {
                    return Err(de::Error::invalid_length(MAX + 1, &self));
                }
                list.push(element);
            }
            Ok(list)
        }
    }
    d.deserialize_seq(Bounded::<MAX, T>(PhantomData))
}

/// A text of at most `MAX` bytes.
pub(crate) fn bounded_text<'de, const MAX: usize, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    struct Text<const MAX: usize>;
    impl<const MAX: usize> de::Visitor<'_> for Text<MAX> {
        type Value = String;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a text of at most {MAX} bytes")
        }
        fn visit_str<E: de::Error>(self, v: &str) -> Result<String, E> {
            if v.len() > MAX {
                return Err(E::invalid_length(v.len(), &self));
            }
            Ok(v.to_owned())
        }
    }
    d.deserialize_str(Text::<MAX>)
}
