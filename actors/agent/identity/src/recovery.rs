//! Recovery by guardians: started in public, finished after a wait, stopped by a veto.
//!
//! With the recovery kit nobody needs this: the next key stands in the kit, and a rotation is
//! all. Guardians' shares lead to another key, which counts only after start and finish were
//! both durable at a relay, `wait` apart, and nobody vetoed.

use serde::{Deserialize, Serialize};
use telesphor_clinical::text::bounded;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::{IdentityId, Nonce};
use telesphor_wire::labels::{HashLabel, SignLabel};
use telesphor_wire::sign::{PublicKey, Signature, Signed};

use crate::evidence::{Domains, TimeEvidence};
use crate::history::History;
use crate::inception::RecoveryTerms;
use crate::keys::{KeySet, KeySignature, NextKeys};
use crate::limits::MAX_KEYS;

/// "I am about to take this identity over again."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryStart {
    /// Which identity.
    pub id: IdentityId,
    /// The head of its history when started.
    pub head: Digest,
    /// The key behind the recovery terms; it signs.
    pub reveal: PublicKey,
    /// The identity keys from then on.
    pub keys: KeySet,
    /// Commitments to those after them.
    pub next: NextKeys,
    /// Recovery from then on: a new secret, since this one is spent.
    pub recovery: Option<RecoveryTerms>,
    /// Makes two equal starts two.
    pub random: Nonce,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for RecoveryStart {
    const LABEL: SignLabel = SignLabel::RecoveryStart;
}

impl RecoveryStart {
    /// `H("recovery-id", start)`: names this recovery.
    pub fn id(&self) -> Digest {
        hash(HashLabel::RecoveryId, self)
    }
}

/// "The wait is over."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryFinish {
    /// [`RecoveryStart::id`].
    pub start: Digest,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for RecoveryFinish {
    const LABEL: SignLabel = SignLabel::RecoveryFinish;
}

impl RecoveryFinish {
    /// `H("recovery-id", finish)`: what is stamped.
    pub fn id(&self) -> Digest {
        hash(HashLabel::RecoveryId, self)
    }
}

/// "This recovery is not my will."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryVeto {
    /// Which identity.
    pub id: IdentityId,
    /// [`RecoveryStart::id`].
    pub start: Digest,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for RecoveryVeto {
    const LABEL: SignLabel = SignLabel::RecoveryVeto;
}

/// A finished recovery with all that proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryProof {
    /// The start.
    pub start: RecoveryStart,
    /// By `start.reveal`.
    pub start_signature: Signature,
    /// That the start was durable at a time.
    pub start_evidence: TimeEvidence,
    /// The finish.
    pub finish: RecoveryFinish,
    /// By `start.reveal`.
    pub finish_signature: Signature,
    /// That the finish was durable at a time.
    pub finish_evidence: TimeEvidence,
}

/// A veto. Beyond the second one the authority named in the terms must sign too, or a thief
/// with the identity key could block the owner for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VetoProof {
    /// What is signed.
    pub veto: RecoveryVeto,
    /// By the current identity keys.
    #[serde(deserialize_with = "bounded::<MAX_KEYS, _, _>")]
    pub signatures: Vec<KeySignature>,
    /// The authority's word, where it is needed.
    pub authority: Option<Box<AuthorityWord>>,
}

/// An authority's signature under a veto, with the history that makes it checkable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityWord {
    /// The authority's history.
    pub history: History,
    /// The endpoint whose key signs.
    pub endpoint: PublicKey,
    /// Over the [`RecoveryVeto`].
    pub signature: Signature,
}

/// Why a recovery does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryError {
    /// The identity has no guardians.
    #[error("this identity has no recovery by guardians")]
    NoTerms,
    /// Not the key that the guardians' shares lead to.
    #[error("the recovery was not started by the guardians' key")]
    WrongKey,
    /// A signature is not good.
    #[error("a signature of the recovery is not good")]
    Signature,
    /// It names another identity, history or start.
    #[error("the recovery's parts do not belong together")]
    Mismatch,
    /// No relay that this verifier knows confirms when it started and ended.
    #[error("nothing proves when the recovery was started and finished")]
    NoEvidence,
    /// Finished too early.
    #[error("the recovery was finished before its waiting time was over")]
    TooEarly,
    /// The owner said no.
    #[error("the recovery was stopped by the owner")]
    Vetoed,
    /// A third veto without the authority's word.
    #[error("a third veto needs the word of the authority named at the beginning")]
    VetoNeedsAuthority,
}

impl RecoveryProof {
    /// Checks everything but vetoes, which the history knows.
    pub(crate) fn check(
        &self,
        id: &IdentityId,
        terms: &RecoveryTerms,
        domains: &Domains,
    ) -> Result<(), RecoveryError> {
        if self.start.id != *id || self.finish.start != self.start.id() {
            return Err(RecoveryError::Mismatch);
        }
        if telesphor_wire::mailbox::next_key(&self.start.reveal) != terms.key {
            return Err(RecoveryError::WrongKey);
        }
        let signed = self
            .start
            .reveal
            .verify(&self.start, &self.start_signature)
            .is_ok()
            && self
                .start
                .reveal
                .verify(&self.finish, &self.finish_signature)
                .is_ok();
        if !signed {
            return Err(RecoveryError::Signature);
        }
        let started = self
            .start_evidence
            .verify(&self.start.id(), domains)
            .map_err(|_| RecoveryError::NoEvidence)?;
        let finished = self
            .finish_evidence
            .verify(&self.finish.id(), domains)
            .map_err(|_| RecoveryError::NoEvidence)?;
        if finished.at < started.at.saturating_add(terms.wait_ms) {
            return Err(RecoveryError::TooEarly);
        }
        Ok(())
    }
}
