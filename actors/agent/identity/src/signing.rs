//! Every signing purpose of the agent side, in one table: type, label, key.
//!
//! A purpose has one type and one label, so a signature can never be taken for another one. There
//! is no function that signs bytes. Keys belong to one family each:
//!
//! | type | label | signed by |
//! |---|---|---|
//! | [`crate::event::IdentityEvent`] | `identity-event` | identity keys |
//! | [`crate::recovery::RecoveryVeto`] | `recovery-veto` | identity keys, authority's endpoint |
//! | [`crate::recovery::RecoveryStart`], [`crate::recovery::RecoveryFinish`] | `recovery-start`, `recovery-finish` | the guardians' key |
//! | [`crate::guardians::GuardianShare`] | `guardian-share` | owner's endpoint |
//! | [`crate::endpoint::EndpointRecord`] | `endpoint` | the endpoint itself |
//! | [`crate::attestation::Attestation`] | `attestation` | issuer's endpoint |
//! | [`crate::status::StatusList`] | `status-list` | issuer's endpoint |
//! | [`crate::export::ExportManifest`] | `export-manifest` | owner's endpoint |
//! | [`telesphor_clinical::statement::Statement`] | `document` | author's endpoint |
//! | [`telesphor_clinical::presentation::Showing`] | `presentation` | holder's key, or endpoint of who shows |
//! | [`telesphor_clinical::statement::CoSignature`] | `co-signature` | signer's endpoint |
//! | [`telesphor_clinical::receipt::OpeningReceipt`] | `opening-receipt` | the opening endpoint |
//! | [`telesphor_clinical::receipt::Presence`] | `presence` | the person's endpoint |
//! | [`telesphor_clinical::grant::Grant`] | `grant` | grantor's endpoint |
//! | [`telesphor_clinical::mandate::Mandate`] | `mandate` | issuer's endpoint |
//! | [`telesphor_clinical::standing_in::MandateRequest`] | `mandate-request` | holder's endpoint |
//! | [`telesphor_clinical::invite::InviteAccept`] | `invite-accept` | taker's endpoint |
//! | [`telesphor_clinical::stream::Association`] | `association` | endpoint of who attached |
//! | [`telesphor_clinical::stream::StreamBatch`] | `stream-batch` | device's endpoint |
//! | [`telesphor_clinical::message::Complaint`] | `complaint` | member's endpoint |
//! | [`telesphor_clinical::message::Rejoin`] | `rejoin-request` | member's endpoint |
//! | [`telesphor_clinical::team::Discharge`] | `discharge` | organisation's endpoint |
//! | [`telesphor_clinical::role::RoleCard`] | `role-card` | organisation's endpoint |
//! | [`telesphor_clinical::role::RoleKey`] | `role-key` | the reader's endpoint |
//! | [`telesphor_clinical::role::RoleSaid`] | `role-letter` | sender's endpoint |
//! | [`telesphor_clinical::lab::word::LabDesk`], [`telesphor_clinical::lab::word::LabNotice`] | `lab-desk`, `lab-notice` | laboratory's endpoint |
//! | [`telesphor_clinical::lab::order::LabPass`] | `lab-pass` | hospital's endpoint |
//! | [`telesphor_clinical::lab::order::LabOrder`] | `lab-order` | the pass's key |
//! | [`telesphor_clinical::lab::word::LabNews`] | `lab-news` | the order's key |
//!
//! `commit-attribution`, `deposit-inner` and `key-package-set` are signed where they are sealed;
//! what a relay verifies stands with the words that it sees.

use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::{PublicKey, Signature, Signed};

use crate::history::VerifiedHistory;

/// Why a signature by an endpoint does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// The history is another identity's.
    #[error("the key history is of another identity")]
    OtherIdentity,
    /// The history does not contain the event that the signer names.
    #[error("the key history does not reach to when this was signed")]
    UnknownHead,
    /// From that event on nothing counts, because two histories exist.
    #[error("the key history is disputed")]
    Disputed,
    /// No such endpoint, or ended.
    #[error("the key was not one of the signer's endpoints at that time")]
    KeyNotValidThen,
    /// The signature is not good.
    #[error("the signature is not good")]
    BadSignature,
}

impl SignerError {
    /// The stable code for users.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::OtherIdentity | Self::UnknownHead => ErrorCode::BrokenHistory,
            Self::Disputed => ErrorCode::Disputed,
            Self::KeyNotValidThen => ErrorCode::KeyNotValidThen,
            Self::BadSignature => ErrorCode::BadDocument,
        }
    }
}

/// Who is said to have signed something: identity, head of his history, endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignerSaid<'a> {
    /// Who.
    pub identity: &'a IdentityId,
    /// His history as it stood.
    pub head: &'a Digest,
    /// The endpoint whose key signs.
    pub endpoint: &'a PublicKey,
}

/// At which instant a signature must have been good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Unix milliseconds: proved time of signing, or now.
    pub at: u64,
    /// Whether it is proved.
    pub proved: bool,
}

impl Judged {
    /// Without evidence everything is judged as if signed now.
    pub const fn now(now: u64) -> Self {
        Self {
            at: now,
            proved: false,
        }
    }
}

impl VerifiedHistory {
    /// Whether this endpoint could sign for the identity at that head, as far as is known by now.
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn check_endpoint(&self, said: SignerSaid<'_>, judged: Judged) -> Result<(), SignerError> {
        if self.id() != *said.identity {
            return Err(SignerError::OtherIdentity);
        }
        let state = self.at_head(said.head).ok_or(SignerError::UnknownHead)?;
        if self.disputed_from().is_some_and(|n| state.n >= n) {
            return Err(SignerError::Disputed);
        }
        state
            .live_endpoint(said.endpoint)
            .ok_or(SignerError::KeyNotValidThen)?;
        let end = self.now().endpoint(said.endpoint).and_then(|e| e.ended);
        match end {
            Some(end) if end.since <= judged.at => Err(SignerError::KeyNotValidThen),
            // Signed without evidence and the key is in other hands since: nothing tells who.
            Some(end) if end.reason == crate::endpoint::EndReason::Stolen && !judged.proved => {
                Err(SignerError::KeyNotValidThen)
            }
            _ => Ok(()),
        }
    }

    /// Whether this endpoint signed `value`, and could.
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn check_signed<T: Signed>(
        &self,
        said: SignerSaid<'_>,
        judged: Judged,
        value: &T,
        signature: &Signature,
    ) -> Result<(), SignerError> {
        self.check_endpoint(said, judged)?;
        said.endpoint
            .verify(value, signature)
            .map_err(|_| SignerError::BadSignature)
    }
}
