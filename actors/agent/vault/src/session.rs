//! A session: for a while the vault opens without asking.
//!
//! ```text
//! <runtime folder>/...   [1, session key: 32]                              mode 0600
//! vault.session          [1, not after: u64 ms, wrapped]                   mode 0600
//! wrapped = seal(K("vault-page", session key, 0x05), aad = [vault id, not after], master key)
//! ```
//! Two files, so that neither alone opens anything: the runtime folder is in memory and dies
//! with the log-in; a stolen copy of it is worthless once `vault.session` is gone.

use std::path::Path;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::seal;
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::files;
use crate::slots::wrapping;

const VERSION: u16 = 1;
const MAX_BYTES: usize = 512;

pub(crate) fn begin(
    vault: &Digest,
    master: &Secret,
    inner: &Path,
    outer: &Path,
    not_after_ms: u64,
) -> Result<(), VaultError> {
    let key = Secret::random();
    let aad = canonical::encode(&(vault, not_after_ms));
    let wrapped = Bytes(seal::seal(&wrapping(&key), &aad, master.expose()));
    files::replace(inner, &canonical::encode(&(VERSION, not_after_ms, wrapped)))?;
    files::replace(outer, &Zeroizing::new(canonical::encode(&(VERSION, key))))
}

/// The master key, or [`VaultError::Locked`] if there is no session, it is over, or it belongs
/// to another vault.
pub(crate) fn resume(vault: &Digest, inner: &Path, outer: &Path, now_ms: u64) -> Result<Secret, VaultError> {
    let part = |path| {
        files::read(path, MAX_BYTES)
            .ok()
            .flatten()
            .ok_or(VaultError::Locked)
    };
    let (version, key): (u16, Secret) =
        canonical::decode(&Zeroizing::new(part(outer)?)).map_err(|_| VaultError::Locked)?;
    let (other, not_after_ms, wrapped): (u16, u64, Bytes) =
        canonical::decode(&part(inner)?).map_err(|_| VaultError::Locked)?;
    if version != VERSION || other != VERSION || now_ms >= not_after_ms {
        return Err(VaultError::Locked);
    }
    let aad = canonical::encode(&(vault, not_after_ms));
    let master = Zeroizing::new(seal::open(&wrapping(&key), &aad, &wrapped).map_err(|_| VaultError::Locked)?);
    Ok(Secret::new(
        master.as_slice().try_into().map_err(|_| VaultError::Locked)?,
    ))
}

/// Whether a session lasts, as far as can be seen without opening anything: for whoever has the
/// vault open and must let go of it when the session ends.
pub fn session_lasts(inner: &Path, outer: &Path, now_ms: u64) -> bool {
    let Ok(Some(bytes)) = files::read(inner, MAX_BYTES) else {
        return false;
    };
    let part: Result<(u16, u64, Bytes), _> = canonical::decode(&bytes);
    outer.exists() && part.is_ok_and(|(version, not_after_ms, _)| version == VERSION && now_ms < not_after_ms)
}

/// Ends a session: from now on the vault asks again. Needs no key. `inner` is
/// [`crate::VaultPaths::session`], `outer` the file in the runtime folder.
///
/// # Errors
/// [`VaultError::Io`] if a file could not be removed; try again, the session may still be open.
pub fn end_session(inner: &Path, outer: &Path) -> Result<(), VaultError> {
    files::shred(inner).and(files::shred(outer))
}
