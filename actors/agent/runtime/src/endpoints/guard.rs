//! The identity key: at rest under a passphrase of its own, out for one act, wiped after it.

use telesphor_vault::{Guarded, PassphraseCost, VaultError};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::SigningKey;

use crate::api::Passphrase;
use crate::core::Core;
use crate::error::{Error, Result};

/// Seals the identity key.
pub(crate) fn guard_key(
    id: &IdentityId,
    key: &SigningKey,
    passphrase: &Passphrase,
    cost: PassphraseCost,
) -> Result<Guarded> {
    Ok(Guarded::seal(&Digest(id.0), passphrase, cost, &key.seed())?)
}

impl Core {
    /// The identity key, for whoever knows its passphrase. Slow by intent.
    ///
    /// # Errors
    /// [`ErrorCode::WrongIdentityPassphrase`]; [`ErrorCode::NotYetDurable`] on a new endpoint that
    /// has not been told everything yet.
    pub(crate) fn identity_key(&self, passphrase: &Passphrase) -> Result<SigningKey> {
        let stored = &self.keys.stored;
        let guarded = stored
            .guarded
            .as_ref()
            .ok_or(Error::of(ErrorCode::NotYetDurable))?;
        match guarded.open(&Digest(stored.identity.0), passphrase) {
            Ok(seed) => Ok(SigningKey::from_seed(&seed)),
            Err(VaultError::WrongKey) => Err(ErrorCode::WrongIdentityPassphrase.into()),
            Err(other) => Err(other.into()),
        }
    }
}
