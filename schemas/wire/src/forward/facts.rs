//! What an agent learns of the exchange at its home: `GET /v1/exchange`.

use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::domain::SignedDomainRecord;
use crate::ext::Extensions;
use crate::forward::key::SignedSealingKey;
use crate::hash::{Secret, derive_key};
use crate::labels::KdfLabel;
use crate::sign::{PublicKey, SigningKey};
use crate::text::Domain;
use crate::{limits, list};

/// What home says. It is home's word: an agent that has a domain's key from elsewhere (a
/// contact's own words) compares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeFacts {
    /// Deposits what became of requests: to be listed in the outbox.
    pub deposit: PublicKey,
    /// The domains that are pinned here.
    #[serde(deserialize_with = "list::bounded::<{ limits::MAX_PEERS }, _, _>")]
    pub peers: Vec<PeerFacts>,
    /// For later versions.
    pub ext: Extensions,
}

/// One pinned domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerFacts {
    /// As it was pinned.
    pub record: SignedDomainRecord,
    /// The newest sealing key that was heard of it.
    pub sealing: Option<SignedSealingKey>,
}

/// The key that answers are deposited with: the same at all relays of a domain, out of the
/// admission key that they share.
pub fn deposit_key(admission: &SigningKey, domain: &Domain) -> SigningKey {
    let seed = derive_key(
        KdfLabel::ExchangeKey,
        &admission.seed(),
        &canonical::encode(&(domain,)),
    );
    SigningKey::from_seed(&seed)
}

/// The sealing key of a cluster after this one.
pub fn next_sealing_seed(seed: &Secret) -> Secret {
    derive_key(KdfLabel::SealingNext, seed, &[])
}
