//! Whether somebody may act for another: one mandate held against one act.
//!
//! The order of the checks: its form; whether its issuer signed it, and is the one it speaks for
//! or an authority whose word the verifier takes for mandates; whose it is; its time; whether it
//! was ended; whether it sleeps; what it allows, and in which scopes. The first failure is the
//! verdict, and says who must act.

use telesphor_clinical::mandate::{Mandate, Power, SignedMandate};
use telesphor_clinical::scope::Scopes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use crate::bundle::Proofs;
use crate::judge::{AttestationProblem, Judge};
use crate::known::Known;
use crate::limits;
use crate::signing::Judged;
use crate::trust::Verifier;

/// The word for which an authority must be trusted to give mandates for others.
pub const MANDATE_WORD: &str = "mandate";

/// Something that is done for another.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    /// Who acts.
    pub by: &'a IdentityId,
    /// For whom.
    pub whom: &'a IdentityId,
    /// Any of these must be allowed; none: whatever the mandate allows.
    pub powers: &'a [Power],
    /// Scopes of each document it concerns, and those of them that are sensitive.
    pub documents: &'a [(&'a Scopes, &'a Scopes)],
}

/// Why a mandate does not allow an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MandateProblem {
    /// None is here.
    #[error("the mandate is not here")]
    Missing,
    /// Of a version that is not known here.
    #[error("the mandate was made by a newer version")]
    Newer,
    /// Its issuer did not sign it, as far as is known.
    #[error("the mandate is not signed by the one who is said to have given it: {0}")]
    NotSigned(AttestationProblem),
    /// Its issuer is neither the one it speaks for nor trusted for mandates.
    #[error("whoever gave the mandate is neither the one it speaks for nor trusted here for mandates")]
    NotTrusted,
    /// Its holder has given it, for somebody else's record.
    #[error("a mandate cannot be given on or given by its holder")]
    GivenOn,
    /// Somebody else's, or for somebody else.
    #[error("the mandate is for somebody else, or somebody else holds it")]
    OtherPerson,
    /// Not at that time.
    #[error("the mandate did not run at that time")]
    NotThen,
    /// Ended by its issuer.
    #[error("the mandate was ended")]
    Ended(u64),
    /// Whether it was ended cannot be told.
    #[error("whether the mandate was ended cannot be told: {0}")]
    Unknown(AttestationProblem),
    /// What it waits for was not attested.
    #[error("the mandate sleeps: what it waits for is not attested by anybody trusted here")]
    Dormant,
    /// It does not allow that.
    #[error("the mandate does not allow this act")]
    Power,
    /// It does not reach that far.
    #[error("the document lies outside the scopes of the mandate")]
    Scope,
    /// Only parts are shown, and not in which scopes the document lies.
    #[error("it is for some scopes only, and parts do not show in which the document lies")]
    ScopeHidden,
}

impl MandateProblem {
    /// The stable code for users.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Missing => ErrorCode::NoMandate,
            Self::Newer => ErrorCode::UnknownCritical,
            Self::NotSigned(_) | Self::NotTrusted => ErrorCode::MandateForged,
            Self::GivenOn => ErrorCode::MandateGivenOn,
            Self::OtherPerson => ErrorCode::MandateOther,
            Self::NotThen => ErrorCode::MandateOver,
            Self::Ended(_) => ErrorCode::MandateEnded,
            Self::Unknown(_) => ErrorCode::StatusTooOld,
            Self::Dormant => ErrorCode::MandateDormant,
            Self::Power => ErrorCode::MandatePower,
            Self::Scope | Self::ScopeHidden => ErrorCode::MandateScope,
        }
    }
}

/// Whether `signed` allows `act`, by the proofs that are there; gives until when it runs.
///
/// # Errors
/// [`MandateProblem`].
pub fn allows(
    signed: &SignedMandate,
    act: &Act<'_>,
    proofs: &Proofs,
    verifier: &Verifier,
    judged: Judged,
) -> Result<Option<u64>, MandateProblem> {
    let known = Known::check(proofs, verifier);
    Judge::new(&known, proofs, verifier, judged).allows(signed, act)
}

impl Judge<'_> {
    pub(crate) fn allows(
        &self,
        signed: &SignedMandate,
        act: &Act<'_>,
    ) -> Result<Option<u64>, MandateProblem> {
        let m = &signed.mandate;
        self.given(signed)?;
        if m.subject != *act.whom || m.holder != *act.by {
            return Err(MandateProblem::OtherPerson);
        }
        if !m.runs_at(self.judged.at) {
            return Err(MandateProblem::NotThen);
        }
        if let Some(place) = m.status {
            match self.place(&m.issuer, &place.list, place.index) {
                Ok(_) => {}
                Err(AttestationProblem::Withdrawn { revoked, .. }) => {
                    return Err(MandateProblem::Ended(revoked.since));
                }
                Err(why) => return Err(MandateProblem::Unknown(why)),
            }
        }
        if !self.is_awake(m) {
            return Err(MandateProblem::Dormant);
        }
        if !act.powers.is_empty() && !act.powers.iter().any(|power| m.powers.contains(power)) {
            return Err(MandateProblem::Power);
        }
        match act
            .documents
            .iter()
            .all(|(scopes, sensitive)| m.covers(scopes, sensitive))
        {
            true => Ok(m.until.as_ref().map(|until| until.stamp())),
            false => Err(MandateProblem::Scope),
        }
    }

    /// Its form, its signature, and whether its issuer could give it.
    fn given(&self, signed: &SignedMandate) -> Result<(), MandateProblem> {
        let m = &signed.mandate;
        if m.version != limits::VERSION || m.ext.check(&[]).is_err() {
            return Err(MandateProblem::Newer);
        }
        self.issued(&m.issuer, &m.issuer_head, &m.endpoint, m, &signed.signature)
            .map_err(MandateProblem::NotSigned)?;
        if m.issuer == m.subject {
            return Ok(());
        }
        // Whoever holds a mandate is no authority over it, however much he is trusted otherwise.
        if m.issuer == m.holder {
            return Err(MandateProblem::GivenOn);
        }
        let anchors = &self.verifier.anchors;
        let trusted = anchors
            .iter()
            .any(|a| a.identity == m.issuer && a.covers(MANDATE_WORD));
        match trusted {
            true => Ok(()),
            false => Err(MandateProblem::NotTrusted),
        }
    }

    /// Whether what it waits for is attested.
    fn is_awake(&self, m: &Mandate) -> bool {
        m.dormant_until.as_ref().is_none_or(|claim| {
            self.proofs.attestations.iter().any(|a| {
                a.attestation.subject == m.subject
                    && a.attestation.claim.word() == claim.as_str()
                    // Nobody wakes his own mandate.
                    && a.attestation.issuer != m.holder
                    && self.attestation(a).is_ok()
            })
        })
    }
}
