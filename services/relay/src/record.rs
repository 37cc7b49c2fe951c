//! The signed domain record: made by `init`, made anew when a certificate, an address or a
//! sealing key changes.

use std::path::Path;

use telesphor_wire::canonical;
use telesphor_wire::domain::{DomainRecord, RelayEntry, SignedDomainRecord};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::text::Domain;

use crate::fault::{Exit, Fault};
use crate::files;
use crate::keys::Keys;
use crate::layout::Layout;

/// What a record is made from, beside the keys.
pub struct Facts<'a> {
    /// The name.
    pub domain: &'a Domain,
    /// `host:port` of this relay.
    pub address: &'a str,
    /// `H("tls-key", ..)` of its certificate.
    pub tls_key: Digest,
    /// Unix milliseconds.
    pub now: u64,
}

/// Signs the record of a domain with one relay.
pub fn sign(keys: &Keys, facts: &Facts<'_>, sequence: u64) -> SignedDomainRecord {
    let here = RelayEntry {
        relay: keys.attesting.public(),
        tls_key: facts.tls_key,
        address: facts.address.to_owned(),
    };
    sign_all(
        keys,
        facts.domain,
        vec![here],
        facts.now,
        sequence,
        Extensions::none(),
    )
}

/// Signs the record of a domain with these relays; `ext` says how many of them keep each mailbox, if not
/// all.
pub fn sign_all(
    keys: &Keys,
    domain: &Domain,
    relays: Vec<RelayEntry>,
    now: u64,
    sequence: u64,
    ext: Extensions,
) -> SignedDomainRecord {
    let record = DomainRecord {
        domain: domain.clone(),
        key: keys.domain.public(),
        admission: keys.admission.public(),
        relays,
        sealing: keys.sealing.public(),
        sequence,
        issued: now,
        ext,
    };
    let signature = keys.domain.sign(&record);
    SignedDomainRecord { record, signature }
}

/// Reads the record of a data directory and checks its signature.
///
/// # Errors
/// [`Fault`] with exit 8 if it cannot be read, 4 if it is not genuine.
pub fn read(layout: &Layout) -> Result<SignedDomainRecord, Fault> {
    let path = layout.record();
    let bytes = std::fs::read(&path).map_err(|e| Fault::file("domain record", &path, &e))?;
    let signed: SignedDomainRecord = canonical::decode(&bytes).map_err(|_| damaged(&path))?;
    signed.verify().map_err(|_| damaged(&path))?;
    Ok(signed)
}

fn damaged(path: &Path) -> Fault {
    Fault::new(
        Exit::NotGenuine,
        telesphor_wire::error::ErrorCode::StoreDamaged,
        format!(
            "domain record {}: damaged, or its signature is not good",
            path.display()
        ),
    )
}

/// Whether the record no longer says what is so.
pub fn is_stale(signed: &SignedDomainRecord, keys: &Keys, facts: &Facts<'_>) -> bool {
    let record = &signed.record;
    let here = record.relays.iter().find(|r| r.relay == keys.attesting.public());
    record.domain != *facts.domain
        || record.key != keys.domain.public()
        || record.admission != keys.admission.public()
        // In a cluster it is published beside the record, which all its relays share.
        || (record.relays.len() == 1 && record.sealing != keys.sealing.public())
        || here.is_none_or(|r| {
            r.relay != keys.attesting.public() || r.tls_key != facts.tls_key || r.address != facts.address
        })
}

/// Makes the record say what is so where anything in it has changed. Returns the record in force.
///
/// # Errors
/// [`Fault`] with exit 8.
pub fn refresh(
    layout: &Layout,
    keys: &Keys,
    signed: SignedDomainRecord,
    facts: &Facts<'_>,
) -> Result<SignedDomainRecord, Fault> {
    if signed.record.relays.len() > 1 {
        // One relay of a cluster does not change what all of them publish.
        return if is_stale(&signed, keys, facts) {
            Err(Fault::new(
                Exit::Usage,
                telesphor_wire::error::ErrorCode::BadConfig,
                "certificate, address or keys are not those of the domain record: in a cluster `cluster renew` makes a change that all relays accept",
            ))
        } else {
            Ok(signed)
        };
    }
    if !is_stale(&signed, keys, facts) {
        return Ok(signed);
    }
    let next = sign(keys, facts, signed.record.sequence + 1);
    let path = layout.record();
    files::replace(&path, &canonical::encode(&next)).map_err(|e| Fault::file("domain record", &path, &e))?;
    Ok(next)
}
