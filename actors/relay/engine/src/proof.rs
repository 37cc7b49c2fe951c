//! Whether a session proof is good (crypto profile, part 2).
//!
//! The checks stand in the profile's order: form, nonce, mailbox, key, lease, signature.
//! Unknown mailbox and wrong key are one refusal and cost the same.

use std::sync::Arc;

use telesphor_rules::read::{Claim, may_hold};
use telesphor_rules::state::Mailbox;
use telesphor_store::{Reader, StoreError};
use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::read::ForwardClaim;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::Nonce;
use telesphor_wire::limits::NONCE_LIFE_MS;
use telesphor_wire::mailbox::MailboxKind;
use telesphor_wire::passing::{Bound as ShownTo, BoundForwarded, BoundHere, Shown};
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::session::{Certificate, PseudonymStatement, Right, SessionClaim, SessionProof};
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::Domain;

use crate::away::ShownRight;

/// What the relay knows of the connection a proof came over.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) domain: Domain,
    pub(crate) relay: PublicKey,
    pub(crate) channel_binding: Nonce,
    pub(crate) relay_nonce: Nonce,
    /// When the relay gave that nonce, Unix milliseconds.
    pub(crate) given_ms: u64,
    pub(crate) agent_nonce: Nonce,
    /// `H("command", body)` of a single HTTP call.
    pub(crate) body: Option<Digest>,
}

impl Connection {
    /// Whether its nonce is still good.
    ///
    /// # Errors
    /// [`ErrorCode::StaleNonce`].
    pub(crate) fn fresh(&self, now: u64) -> Result<(), Refusal> {
        match now.saturating_sub(self.given_ms) > NONCE_LIFE_MS {
            true => Err(ErrorCode::StaleNonce.into()),
            false => Ok(()),
        }
    }

    /// A proof that came over it, for a relay that keeps its mailbox.
    pub(crate) fn shown(&self, proof: SessionProof) -> ShownRight {
        Arc::new(Shown {
            bound: ShownTo::Here(BoundHere {
                channel_binding: self.channel_binding,
                relay_nonce: self.relay_nonce,
                agent_nonce: self.agent_nonce,
                body: self.body,
            }),
            proof,
        })
    }
}

/// What a proof is bound to.
#[derive(Clone, Debug)]
pub(crate) enum Bound {
    /// To a connection with this relay.
    Here(Connection),
    /// To the one request that another domain passed on, by the key of its answer.
    Forwarded(Passage),
}

/// What is known of a forwarded request, beside its proof.
#[derive(Clone, Debug)]
pub(crate) struct Passage {
    pub(crate) domain: Domain,
    pub(crate) reply: SealingPublic,
    pub(crate) not_after: u64,
    pub(crate) agent_nonce: Nonce,
}

impl Passage {
    /// A proof of the request, for a relay that keeps its mailbox.
    pub(crate) fn shown(self, proof: SessionProof) -> ShownRight {
        Arc::new(Shown {
            bound: ShownTo::Forwarded(BoundForwarded {
                reply: self.reply,
                not_after: self.not_after,
                agent_nonce: self.agent_nonce,
            }),
            proof,
        })
    }
}

/// A right that was proved, and where its mailbox stood then.
#[derive(Clone, Debug)]
pub(crate) struct Proven {
    pub(crate) claim: Claim,
    pub(crate) mailbox: Mailbox,
}

/// Checks a proof. Blocks for point reads and three signatures at most.
///
/// # Errors
/// The refusal to be sent.
pub(crate) fn check(
    reader: &Reader,
    bound: &Bound,
    proof: &SessionProof,
    now: u64,
) -> Result<Proven, Refusal> {
    examine(reader, bound, proof, now).unwrap_or_else(|_| Err(ErrorCode::Internal.into()))
}

fn examine(
    reader: &Reader,
    bound: &Bound,
    proof: &SessionProof,
    now: u64,
) -> Result<Result<Proven, Refusal>, StoreError> {
    let refused = Refusal::of(ErrorCode::Refused);
    // Form: pseudonyms are certified, and only they are.
    let shared = proof.right == Right::Read;
    if shared != proof.certificate.is_some() || (!shared && proof.current.is_some()) {
        return Ok(Err(ErrorCode::NotAllowedHere.into()));
    }
    if !readable(proof) {
        return Ok(Err(ErrorCode::UnknownCritical.into()));
    }
    // A forwarded request says its end, which was looked at when it was opened.
    if let Bound::Here(connection) = bound
        && let Err(stale) = connection.fresh(now)
    {
        return Ok(Err(stale));
    }
    let mailbox = reader.mailbox(&proof.mailbox)?;
    let record = match shared {
        true => reader.access(&proof.mailbox, proof.branch, proof.epoch)?,
        false => None,
    };
    // An unknown mailbox must not answer sooner than a known one: the signature is verified
    // in any case, and the certificate under a key that signed nothing.
    let (key, signature) = (&proof.key, &proof.signature);
    let signed = match bound {
        Bound::Here(connection) => key.verify(&claim_of(connection, proof), signature),
        Bound::Forwarded(passage) => key.verify(&forward_claim_of(passage, proof), signature),
    }
    .is_ok();
    let certified = match &proof.certificate {
        Some(certificate) => {
            let key = record.map_or(proof.key, |r| r.key);
            certifies(&key, statement(proof, proof.epoch), certificate) && record.is_some()
        }
        None => true,
    };
    let Some(mailbox) = mailbox else {
        return Ok(Err(refused));
    };
    if !certified || (shared && mailbox.profile.kind != MailboxKind::Shared) {
        return Ok(Err(refused));
    }
    let claim = Claim {
        right: proof.right,
        branch: proof.branch,
        epoch: proof.epoch,
        key: record.map_or(proof.key, |r| r.key),
        reader: proof.key,
        current: current(&mailbox, proof),
    };
    if let Err(refusal) = may_hold(Some(&mailbox), record.as_ref(), &claim, now) {
        return Ok(Err(refusal));
    }
    if !signed {
        return Ok(Err(refused));
    }
    Ok(Ok(Proven { claim, mailbox }))
}

/// The current epoch, if the proof shows its key too.
fn current(mailbox: &Mailbox, proof: &SessionProof) -> Option<(u32, u64)> {
    let head = &mailbox.head;
    if (proof.branch, proof.epoch) == (head.branch, head.epoch) {
        return Some((head.branch, head.epoch));
    }
    let current = proof.current.as_ref().filter(|c| c.epoch == head.epoch)?;
    let statement = PseudonymStatement {
        branch: head.branch,
        ..statement(proof, current.epoch)
    };
    certifies(&head.access, statement, &current.certificate).then_some((head.branch, head.epoch))
}

/// Whether nothing in the proof asks for more than this version knows.
fn readable(proof: &SessionProof) -> bool {
    let current = proof.current.as_ref().map(|c| &c.certificate);
    let certificates = proof.certificate.iter().chain(current);
    let mut all = certificates.map(|c| &c.ext).chain([&proof.ext]);
    all.all(|ext| ext.check(&[]).is_ok())
}

fn certifies(key: &PublicKey, statement: PseudonymStatement, certificate: &Certificate) -> bool {
    let said = PseudonymStatement {
        ext: certificate.ext.clone(),
        ..statement
    };
    key.verify(&said, &certificate.signature).is_ok()
}

fn statement(proof: &SessionProof, epoch: u64) -> PseudonymStatement {
    PseudonymStatement {
        mailbox: proof.mailbox,
        branch: proof.branch,
        epoch,
        pseudonym: proof.key,
        ext: Extensions::none(),
    }
}

fn claim_of(connection: &Connection, proof: &SessionProof) -> SessionClaim {
    SessionClaim {
        domain: connection.domain.clone(),
        relay: connection.relay,
        channel_binding: connection.channel_binding,
        relay_nonce: connection.relay_nonce,
        agent_nonce: connection.agent_nonce,
        mailbox: proof.mailbox,
        right: proof.right,
        branch: proof.branch,
        epoch: proof.epoch,
        body: connection.body,
        ext: proof.ext.clone(),
    }
}

fn forward_claim_of(passage: &Passage, proof: &SessionProof) -> ForwardClaim {
    ForwardClaim {
        domain: passage.domain.clone(),
        reply: passage.reply.clone(),
        not_after: passage.not_after,
        agent_nonce: passage.agent_nonce,
        mailbox: proof.mailbox,
        right: proof.right,
        branch: proof.branch,
        epoch: proof.epoch,
        ext: proof.ext.clone(),
    }
}
