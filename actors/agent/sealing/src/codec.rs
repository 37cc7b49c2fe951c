//! The byte form of openmls' own rows: `format (1) || openmls major, minor (2) || MessagePack`.
//!
//! Arrays, not maps: a third of JSON's size. openmls' types hold hash maps, so this is not the
//! canonical form of the wire and nothing is ever signed over it. The prefix lets a later
//! version tell at once what wrote a row, instead of guessing from a failed parse.

use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::error::StateError;
use crate::limits::MAX_ROW_BYTES;

/// Format 1, written by openmls 0.9.
const PREFIX: [u8; 3] = [1, 0, 9];

pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Zeroizing<Vec<u8>>, StateError> {
    let mut out = Zeroizing::new(PREFIX.to_vec());
    rmp_serde::encode::write(&mut *out, value).map_err(|_| StateError::Damaged)?;
    if out.len() > MAX_ROW_BYTES {
        return Err(StateError::TooLarge);
    }
    Ok(out)
}

pub(crate) fn decode<T: DeserializeOwned>(row: &[u8]) -> Result<T, StateError> {
    let body = row.strip_prefix(&PREFIX).ok_or(StateError::OtherFormat)?;
    rmp_serde::from_slice(body).map_err(|_| StateError::Damaged)
}

/// The bytes of a key part; openmls' keys are small public values.
pub(crate) fn key<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, StateError> {
    rmp_serde::to_vec(value).map_err(|_| StateError::Damaged)
}
