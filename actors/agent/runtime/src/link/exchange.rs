//! `GET /v1/exchange`: which other domains home knows, and to which keys is sealed for them.

use telesphor_wire::forward::facts::ExchangeFacts;
use telesphor_wire::forward::key::SignedSealingKey;
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::text::Domain;

use super::domain::get;
use super::error::LinkError;
use super::pin::Pin;

/// Fetches what home says.
///
/// # Errors
/// As [`super::domain::fetch`]; [`LinkError::Refused`] by a home without an exchange.
pub async fn fetch(pin: &Pin) -> Result<ExchangeFacts, LinkError> {
    get(pin, "/v1/exchange").await
}

/// The key to seal to for a domain, if home knows one that is good now.
pub fn sealing<'a>(facts: &'a ExchangeFacts, domain: &Domain, now: u64) -> Option<&'a SealingPublic> {
    let peer = facts.peers.iter().find(|p| p.record.record.domain == *domain)?;
    let record = peer.record.verify().ok()?;
    let signed: &SignedSealingKey = peer.sealing.as_ref()?;
    signed.verify(domain, &record.key, now).ok()
}
