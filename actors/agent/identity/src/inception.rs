//! The beginning of an identity, whose hash is its name.

use serde::{Deserialize, Serialize};
use telesphor_clinical::text::bounded;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::{IdentityId, Nonce};
use telesphor_wire::labels::HashLabel;

use crate::keys::{KeySet, NextKeys};
use crate::limits::{self, MAX_KEYS};

telesphor_wire::tagged! {
    /// Who stands behind the keys. Verifiers show it, so that an institution's word is never
    /// taken for the person's own.
    pub enum Custody {
        /// The identity itself.
        1 => Own(Extensions),
        /// Guardians: parents of a newborn, a legal guardian.
        2 => Guardians(Guardianship),
        /// An institution, until the identity can be handed over.
        3 => Institution(IdentityId),
    }
}

/// The guardians who hold the keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guardianship {
    /// Who.
    #[serde(deserialize_with = "bounded::<MAX_KEYS, _, _>")]
    pub guardians: Vec<IdentityId>,
    /// How many of them must act together.
    pub threshold: u8,
}

impl Custody {
    /// The identity itself.
    pub const fn own() -> Self {
        Self::Own(Extensions::none())
    }
}

/// How an identity can be recovered without its next key: by guardians, slowly and in public.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryTerms {
    /// [`crate::guardians::GuardianSet::hash`].
    pub guardian_set: Digest,
    /// `H("next-key", key)` of the key that the guardians' shares lead to.
    pub key: Digest,
    /// Least time between start and finish, milliseconds.
    pub wait_ms: u64,
    /// Whose word a third veto needs.
    pub authority: Option<IdentityId>,
}

telesphor_clinical::open_coded! {
    /// What an identity stands for. A hint for screens: rights come from attestations alone.
    pub enum Kind {
        /// A person.
        1 => Person "person",
        /// A device or program.
        2 => Device "device",
        /// An organisation.
        3 => Organisation "organisation",
        /// An authority that attests.
        4 => Authority "authority",
        /// A role, held by whoever is on duty.
        5 => Role "role",
    }
}

/// What an identity starts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inception {
    /// [`limits::VERSION`].
    pub version: u16,
    /// What it stands for.
    pub kind: Kind,
    /// The identity keys. They sign the history and nothing else.
    pub keys: KeySet,
    /// Commitments to the next ones, which must not lie on the same device.
    pub next: NextKeys,
    /// Who stands behind the keys.
    pub custody: Custody,
    /// Recovery by guardians, if there are any.
    pub recovery: Option<RecoveryTerms>,
    /// Makes two equal inceptions two.
    pub random: Nonce,
    /// For later versions.
    pub ext: Extensions,
}

impl Inception {
    /// A beginning with one key and one commitment, held by the identity itself.
    pub fn simple(kind: Kind, keys: KeySet, next: NextKeys) -> Self {
        Self {
            version: limits::VERSION,
            kind,
            keys,
            next,
            custody: Custody::own(),
            recovery: None,
            random: Nonce::random(),
            ext: Extensions::none(),
        }
    }

    /// `H("identity", inception)`.
    pub fn id(&self) -> IdentityId {
        IdentityId(hash(HashLabel::Identity, self).0)
    }

    /// `H("history-link", inception)`: the head of a history without events.
    pub fn link(&self) -> Digest {
        hash(HashLabel::HistoryLink, self)
    }
}
