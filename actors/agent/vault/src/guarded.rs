//! One secret under a passphrase of its own, beside whatever opens the vault it lies in.
//!
//! The identity key rests so: somebody who finds the vault open can read and send, and still
//! cannot let another device in or end one.

use serde::{Deserialize, Serialize};
use telesphor_wire::hash::{Digest, Secret};

use crate::error::VaultError;
use crate::slots::{PassphraseCost, Slot};

/// Number that no slot of a vault has; it is bound into the seal.
const NUMBER: u16 = u16::MAX;

/// A secret that only its passphrase opens. Safe to copy to another device of its owner.
#[derive(Clone, Serialize, Deserialize)]
pub struct Guarded(Slot);

impl std::fmt::Debug for Guarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guarded(..)")
    }
}

impl Guarded {
    /// Seals `secret`. `of` says what it belongs to and must be named again to open it.
    ///
    /// # Errors
    /// [`VaultError::Damaged`] if `cost` is over the limits.
    pub fn seal(
        of: &Digest,
        passphrase: &str,
        cost: PassphraseCost,
        secret: &Secret,
    ) -> Result<Self, VaultError> {
        Ok(Self(Slot::passphrase(of, NUMBER, "", passphrase, cost, secret)?))
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`]; [`VaultError::Damaged`] if its cost is over the limits.
    pub fn open(&self, of: &Digest, passphrase: &str) -> Result<Secret, VaultError> {
        self.0.open_passphrase(of, passphrase)
    }

    /// The work that a guess costs, to seal its successor alike.
    pub const fn cost(&self) -> PassphraseCost {
        self.0.cost()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_guarded_secret_opens_for_its_passphrase_and_its_owner_alone() {
        let (mine, other) = (Digest([1; 32]), Digest([2; 32]));
        let secret = Secret::random();
        let guarded = Guarded::seal(&mine, "correct horse", PassphraseCost::least(), &secret).unwrap();
        assert_eq!(
            guarded.open(&mine, "correct horse").unwrap().expose(),
            secret.expose()
        );
        assert!(matches!(
            guarded.open(&mine, "correct house"),
            Err(VaultError::WrongKey)
        ));
        assert!(matches!(
            guarded.open(&other, "correct horse"),
            Err(VaultError::WrongKey)
        ));
    }
}
