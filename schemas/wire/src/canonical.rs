//! Canonical MessagePack: one value, one sequence of bytes.
//!
//! Structs are arrays in field order, integers take their shortest form, byte
//! strings are `bin`, enums are `[kind, body]` ([`crate::tagged`]). There are no
//! floats, no maps, no extension types and no trailing bytes. The check is simple and
//! total: what was parsed is encoded again, and any difference is refused. So a
//! signature or a hash over a value never has two byte forms.

use serde::{Serialize, de::DeserializeOwned};

use crate::limits;

/// Why bytes from outside were not taken for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// Longer than the limit for its kind; nothing was parsed.
    #[error("{len} bytes where at most {max} are allowed")]
    TooLarge {
        /// What arrived, in bytes.
        len: usize,
        /// The limit, in bytes.
        max: usize,
    },
    /// Not MessagePack of the expected shape (or an unknown algorithm, or a bound exceeded).
    #[error("not a well-formed value of this kind")]
    Malformed,
    /// Well-formed, but not the one canonical form.
    #[error("not in canonical form")]
    NotCanonical,
}

/// The canonical bytes of a value.
///
/// # Panics
/// Never for the types of this crate: encoding to memory fails only for types
/// without a MessagePack form (unsized sequences), which none of ours has.
#[allow(clippy::expect_used)]
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    rmp_serde::to_vec(value).expect("wire types always have a MessagePack form")
}

/// [`encode`] for a value that is known to be long: about so many bytes, so that they are not
/// moved again and again while their number grows.
///
/// # Panics
/// As [`encode`].
#[allow(clippy::expect_used)]
pub fn encode_long<T: Serialize + ?Sized>(value: &T, about: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(about);
    rmp_serde::encode::write(&mut bytes, value).expect("wire types always have a MessagePack form");
    bytes
}

/// Writes the canonical bytes into a hasher or any other infallible sink.
#[allow(clippy::expect_used)]
pub(crate) fn encode_into<T: Serialize + ?Sized>(sink: &mut impl std::io::Write, value: &T) {
    rmp_serde::encode::write(sink, value).expect("wire types always have a MessagePack form");
}

/// Parses a value of at most `max` bytes and refuses every form but the canonical one.
///
/// # Errors
/// [`CanonicalError`]; the peer that sent the bytes must act.
pub fn decode_bounded<T: DeserializeOwned + Serialize>(
    bytes: &[u8],
    max: usize,
) -> Result<T, CanonicalError> {
    if bytes.len() > max {
        return Err(CanonicalError::TooLarge {
            len: bytes.len(),
            max,
        });
    }
    let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
    reader.set_max_depth(limits::MAX_DEPTH);
    let value = T::deserialize(&mut reader).map_err(|_| CanonicalError::Malformed)?;
    let mut rest = Rest(bytes);
    match rmp_serde::encode::write(&mut rest, &value) {
        Ok(()) if rest.0.is_empty() => Ok(value),
        _ => Err(CanonicalError::NotCanonical),
    }
}

/// What of the input has not been written again yet. Comparing while writing makes no
/// second copy, which for a value with secrets would stay behind in memory.
struct Rest<'a>(&'a [u8]);

impl std::io::Write for Rest<'_> {
    fn write(&mut self, written: &[u8]) -> std::io::Result<usize> {
        self.0 = self
            .0
            .strip_prefix(written)
            .ok_or(std::io::ErrorKind::InvalidData)?;
        Ok(written.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// [`decode_bounded`] under the general limit [`limits::MAX_VALUE_BYTES`].
///
/// # Errors
/// As [`decode_bounded`].
pub fn decode<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, CanonicalError> {
    decode_bounded(bytes, limits::MAX_VALUE_BYTES)
}
