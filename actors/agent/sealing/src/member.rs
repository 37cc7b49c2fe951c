//! Who sits in a group: the credential of a leaf, and the keys of our own.

use openmls::prelude::{BasicCredential, Credential, CredentialWithKey, SignatureScheme};
use openmls_traits::signatures::{Signer, SignerError};
use serde::{Deserialize, Serialize};
use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::{PublicKey, SigningKey};

/// Longest credential, bytes.
const MAX_CREDENTIAL_BYTES: usize = 1024;

/// One endpoint of one identity, as its leaf says it. MLS proves only that the leaf key
/// signed this; that the key stands in the identity's history is the caller's to check (the
/// team policy for members who join, [`crate::package::PackageRules`] for key packages).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// Whose endpoint.
    pub identity: IdentityId,
    /// The endpoint's own key, by which the identity's history knows it.
    pub endpoint: PublicKey,
    /// The endpoint's MLS leaf key. Never the endpoint key itself: one key, one purpose.
    pub leaf: PublicKey,
}

/// A member and its place in the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Leaf index; given anew when a leaf becomes free.
    pub index: u32,
    /// Who sits there.
    pub member: Member,
    /// Until when the leaf as it joined was valid, Unix milliseconds; `None` once the member
    /// has updated itself. One that has passed asks for an update, or for a removal.
    pub expires: Option<u64>,
}

/// What stands in the basic credential (RFC 9420, section 5.3). The leaf key is repeated in it
/// so that a credential cannot be lifted onto another key.
#[derive(Serialize, Deserialize)]
struct Named {
    version: u8,
    identity: IdentityId,
    endpoint: PublicKey,
    leaf: PublicKey,
    ext: Extensions,
}

/// The leaf's credential is not one of ours or does not belong to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the credential does not belong to its leaf")]
pub struct BadCredential;

impl Member {
    pub(crate) fn read(credential: &Credential, leaf_key: &[u8]) -> Result<Self, BadCredential> {
        let basic = BasicCredential::try_from(credential.clone()).map_err(|_| BadCredential)?;
        let named: Named =
            canonical::decode_bounded(basic.identity(), MAX_CREDENTIAL_BYTES).map_err(|_| BadCredential)?;
        named.ext.check(&[]).map_err(|_| BadCredential)?;
        if named.version != 1 || named.leaf.0 != leaf_key {
            return Err(BadCredential);
        }
        Ok(Self {
            identity: named.identity,
            endpoint: named.endpoint,
            leaf: named.leaf,
        })
    }

    fn credential(&self) -> CredentialWithKey {
        let named = Named {
            version: 1,
            identity: self.identity,
            endpoint: self.endpoint,
            leaf: self.leaf,
            ext: Extensions::none(),
        };
        CredentialWithKey {
            credential: BasicCredential::new(canonical::encode(&named)).into(),
            signature_key: self.leaf.0.to_vec().into(),
        }
    }
}

/// This endpoint's own keys inside groups.
///
/// The signer keeps the expanded key: deriving the public half anew for every signature, as
/// openmls' own signer does, doubles the price of a message.
pub struct MemberKeys {
    member: Member,
    attribution: SigningKey,
    mls: ed25519_dalek::SigningKey,
}

impl MemberKeys {
    /// The keys of an endpoint, from the seed of its leaf key.
    pub fn new(identity: IdentityId, endpoint: PublicKey, leaf_seed: &Secret) -> Self {
        let attribution = SigningKey::from_seed(leaf_seed);
        let leaf = attribution.public();
        let mls = ed25519_dalek::SigningKey::from_bytes(leaf_seed.expose());
        Self {
            member: Member {
                identity,
                endpoint,
                leaf,
            },
            attribution,
            mls,
        }
    }

    /// As others see it.
    pub const fn member(&self) -> &Member {
        &self.member
    }

    pub(crate) fn credential(&self) -> CredentialWithKey {
        self.member.credential()
    }

    pub(crate) const fn attribution(&self) -> &SigningKey {
        &self.attribution
    }
}

impl std::fmt::Debug for MemberKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemberKeys(..)")
    }
}

/// MLS signs its own content under its own labels (RFC 9420, section 5.1.2). Those begin with a
/// length below 0x40, the signatures of this product with the letter t, so neither can
/// be taken for the other though one key makes both.
impl Signer for MemberKeys {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        use ed25519_dalek::Signer as _;
        self.mls
            .try_sign(payload)
            .map(|s| s.to_bytes().to_vec())
            .map_err(|_| SignerError::SigningError)
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}
