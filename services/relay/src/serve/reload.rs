//! Taking a new certificate without dropping a connection, and keeping the domain record true.

use std::sync::PoisonError;

use super::Running;
use super::ground::certificate_of;
use crate::clock;
use crate::fault::Fault;
use crate::record;
use crate::sealing;

/// Reads the certificate again. A bad one changes nothing: the relay keeps the old one.
pub(crate) fn certificates(running: &Running) {
    let taken = certificate_of(&running.settings).and_then(|certificate| {
        // The record first: agents pin the key that it names.
        refresh(running, certificate.tls_key)?;
        running.certificates.replace(certificate);
        Ok(())
    });
    running.metrics.certificate_reloaded(taken.is_ok());
    match taken {
        Ok(()) => tracing::info!("the certificate was read again"),
        Err(fault) => {
            tracing::error!(code = %fault.code, support = %fault.support, "the certificate was refused; the old one stays")
        }
    }
}

/// Makes the record say what is so, and publishes it if it had to be signed anew.
///
/// # Errors
/// If a file cannot be written; the old record stays.
pub(crate) fn refresh(running: &Running, tls_key: telesphor_wire::hash::Digest) -> Result<(), Fault> {
    let current = running.published.record();
    let mut keys = running.keys();
    let facts = record::Facts {
        domain: &current.record.domain,
        address: &running.settings.edge.address,
        tls_key,
        now: clock::now_ms(),
    };
    let sequence = current.record.sequence;
    let domain = facts.domain;
    let sealing = sealing::tend(&running.layout, &mut keys, domain, running.founded, facts.now)?;
    *running.sealing.write().unwrap_or_else(PoisonError::into_inner) = sealing;
    let next = record::refresh(&running.layout, &keys, (*current).clone(), &facts)?;
    if next.record.sequence != sequence {
        running.published.replace(next);
    }
    Ok(())
}
