//! Whether a mandate allows an act, by what is known here.

use telesphor_clinical::header::{Header, Subject};
use telesphor_clinical::mandate::{Power, SignedMandate};
use telesphor_clinical::scope::Scopes;
use telesphor_identity::bundle::Proofs;
use telesphor_identity::mandate::{Act, MandateProblem, allows};
use telesphor_identity::signing::Judged;
use telesphor_identity::status::SignedStatusList;
use telesphor_identity::trust::Verifier;
use telesphor_vault::{Records, Table};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::IdentityId;

use super::record::{all_mandates, mandate};
use crate::attest::proofs::{all_attestations, list_name};
use crate::attest::trust::anchors;
use crate::core::{Ctx, Profile};
use crate::error::{Error, Result};
use crate::people;

/// The scopes of documents, and those of them that are sensitive.
pub(crate) type OfDocuments<'a> = Vec<(&'a Scopes, &'a Scopes)>;

/// What proves a mandate: histories, status lists, and the attestation that wakes it. Nothing else
/// that is said about its people.
pub(crate) fn proofs_of(records: &impl Records, profile: &Profile, signed: &SignedMandate) -> Result<Proofs> {
    let m = &signed.mandate;
    let mut proofs = Proofs {
        mandates: vec![signed.clone()],
        ..Proofs::default()
    };
    let (mut people, mut issuers) = (vec![m.issuer, m.subject, m.holder], vec![m.issuer]);
    if let Some(claim) = &m.dormant_until {
        let all = all_attestations(records)?;
        let wakes = all
            .iter()
            .filter(|a| a.attestation.subject == m.subject && a.attestation.claim.word() == claim.as_str());
        proofs.attestations.extend(wakes.cloned());
        // Whoever attests may be allowed to by somebody else.
        let by: Vec<IdentityId> = proofs.attestations.iter().map(|a| a.attestation.issuer).collect();
        let allowed = all.iter().filter(|a| by.contains(&a.attestation.subject));
        proofs.attestations.extend(allowed.cloned());
        issuers.extend(proofs.attestations.iter().map(|a| a.attestation.issuer));
    }
    people.extend(&issuers);
    people.sort_unstable();
    people.dedup();
    for id in &people {
        if let Some((history, _)) = people::history(records, profile, id)? {
            proofs.histories.push(history);
        }
    }
    issuers.sort_unstable();
    issuers.dedup();
    for id in &issuers {
        let list: Option<SignedStatusList> = records.get_value(Table::Attestations, &list_name(id))?;
        proofs.lists.extend(list);
    }
    Ok(proofs)
}

/// Whether a mandate allows an act now; gives until when it runs.
pub(crate) fn judge(
    records: &impl Records,
    profile: &Profile,
    now: u64,
    signed: &SignedMandate,
    act: &Act<'_>,
) -> Result<std::result::Result<Option<u64>, MandateProblem>> {
    let proofs = proofs_of(records, profile, signed)?;
    let mut verifier = Verifier::new(now);
    verifier.anchors = anchors(records)?;
    verifier.domains = people::domains(profile);
    Ok(allows(signed, act, &proofs, &verifier, Judged::now(now)))
}

/// Whether a mandate runs now at all.
pub(crate) fn runs(
    records: &impl Records,
    profile: &Profile,
    now: u64,
    signed: &SignedMandate,
) -> Result<std::result::Result<Option<u64>, MandateProblem>> {
    let act = Act {
        by: &signed.mandate.holder,
        whom: &signed.mandate.subject,
        powers: &[],
        documents: &[],
    };
    judge(records, profile, now, signed, &act)
}

/// The mandate by which this identity may do something for another; of several the first that
/// allows it.
///
/// # Errors
/// Why the one that comes nearest does not.
pub(crate) fn held_for(
    records: &impl Records,
    profile: &Profile,
    now: u64,
    whom: &IdentityId,
    power: Power,
    documents: &[(&Scopes, &Scopes)],
) -> Result<SignedMandate> {
    let mut nearest = ErrorCode::NoMandate;
    for kept in all_mandates(records)? {
        let m = &kept.signed.mandate;
        if m.holder != profile.identity || m.subject != *whom {
            continue;
        }
        let act = Act {
            by: &profile.identity,
            whom,
            powers: &[power],
            documents,
        };
        match judge(records, profile, now, &kept.signed, &act)? {
            Ok(_) => return Ok(kept.signed),
            Err(why) => nearest = why.code(),
        }
    }
    Err(nearest.into())
}

/// Whether a document is of somebody's record: about him, by him, or in his name.
pub(crate) fn is_of(header: &Header, subject: &IdentityId) -> bool {
    matches!(&header.subject, Some(Subject::Identity(id)) if id == subject)
        || header.author == *subject
        || header.on_behalf_of == Some(*subject)
}

impl Ctx<'_, '_> {
    /// Judges an act under a mandate that is kept here; gives the mandate.
    pub(crate) fn judge_act(&self, id: &Digest, act: &Act<'_>) -> Result<SignedMandate> {
        let kept = mandate(self.tx, id)?.ok_or(Error::of(ErrorCode::NoMandate))?;
        match judge(self.tx, &self.profile, self.now, &kept.signed, act)? {
            Ok(_) => Ok(kept.signed),
            Err(why) => Err(why.code().into()),
        }
    }

    /// For whom this identity acts under a mandate: for itself, if it holds none of that name.
    pub(crate) fn acts_for(&self, under: Option<&Digest>) -> Result<IdentityId> {
        let kept = under.map(|id| mandate(self.tx, id)).transpose()?.flatten();
        let held = kept.filter(|k| k.signed.mandate.holder == self.me());
        Ok(held.map_or(self.me(), |k| k.signed.mandate.subject))
    }
}
