//! Which relay is meant: address, TLS key and domain, as agreed on beforehand.

use serde::{Deserialize, Serialize};
use telesphor_wire::domain::{AdmissionLink, DomainRecord, RelayEntry};
use telesphor_wire::hash::Digest;
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::Domain;

/// One relay of a domain, pinned by the hash of its TLS key. The public web's certificate
/// authorities play no part: whoever presents another key is not the relay that was agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The domain.
    pub domain: Domain,
    /// The domain key that signs its record.
    pub domain_key: PublicKey,
    /// `host:port`.
    pub address: String,
    /// `H("tls-key", SubjectPublicKeyInfo)` of the relay's certificate.
    pub tls_key: Digest,
}

impl Pin {
    /// The pin an admission link carries.
    pub fn of_link(link: &AdmissionLink) -> Self {
        Self {
            domain: link.domain.clone(),
            domain_key: link.key,
            address: link.address.clone(),
            tls_key: link.tls_key,
        }
    }

    /// The pin of one relay of a verified domain record.
    pub fn of_entry(record: &DomainRecord, entry: &RelayEntry) -> Self {
        Self {
            domain: record.domain.clone(),
            domain_key: record.key,
            address: entry.address.clone(),
            tls_key: entry.tls_key,
        }
    }

    /// The host part of the address (an IPv6 address without its brackets).
    pub fn host(&self) -> &str {
        let host = self
            .address
            .rsplit_once(':')
            .map_or(self.address.as_str(), |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }
}
