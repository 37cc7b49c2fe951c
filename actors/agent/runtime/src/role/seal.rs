//! A letter's seals: its content under one key, and that key for each of its readers.

use serde::Serialize;
use serde::de::DeserializeOwned;
use telesphor_clinical::role::{RoleCopy, SignedRoleKey, copy_for};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::labels::HpkeLabel;
use telesphor_wire::seal::{SealingKey, open, seal, seal_to};
use telesphor_wire::sign::PublicKey;

use crate::error::{Error, Result};

/// A letter's key for one reader's endpoint.
pub(super) fn copy(
    organisation: &IdentityId,
    letter: &Digest,
    key: &Secret,
    reader: &SignedRoleKey,
) -> Result<RoleCopy> {
    let (person, endpoint) = (reader.key.person, reader.key.endpoint);
    let to = copy_for(organisation, letter, &person, &endpoint);
    let sealed = seal_to(&reader.key.key, HpkeLabel::Role, &to, key.expose())
        .map_err(|_| Error::of(ErrorCode::BadDocument))?;
    Ok(RoleCopy {
        person,
        endpoint,
        key: sealed,
    })
}

/// Opens a copy with one of one's own keys.
pub(super) fn open_copy(
    (organisation, letter): (&IdentityId, &Digest),
    (person, endpoint): (&IdentityId, &PublicKey),
    keys: impl Iterator<Item = SealingKey>,
    copies: &[RoleCopy],
) -> Option<Secret> {
    let mine = copies
        .iter()
        .filter(|c| c.person == *person && c.endpoint == *endpoint);
    let to = copy_for(organisation, letter, person, endpoint);
    let keys: Vec<SealingKey> = keys.collect();
    for copy in mine {
        for key in &keys {
            let opened = key.open(HpkeLabel::Role, &to, &copy.key);
            if let Ok(Ok(secret)) = opened.map(<[u8; 32]>::try_from) {
                return Some(Secret::new(secret));
            }
        }
    }
    None
}

/// Something under a letter's key.
pub(super) fn seal_value<T: Serialize>(key: &Secret, of: &[u8], value: &T) -> Bytes {
    Bytes(seal(key, of, &canonical::encode(value)))
}

/// Opens what [`seal_value`] made.
pub(super) fn open_value<T: Serialize + DeserializeOwned>(
    key: &Secret,
    of: &[u8],
    sealed: &Bytes,
) -> Result<T> {
    let bytes = open(key, of, sealed).map_err(|_| Error::of(ErrorCode::CannotOpen))?;
    canonical::decode(&bytes).map_err(|_| Error::of(ErrorCode::Malformed))
}
