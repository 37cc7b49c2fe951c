//! Attestations as they are shown.

use telesphor_identity::attestation::SignedAttestation;
use telesphor_identity::bundle::Proofs;
use telesphor_identity::status::SignedStatusList;
use telesphor_identity::verify::attested_now;
use telesphor_vault::{Records, Table};
use telesphor_wire::ids::IdentityId;

use super::proofs::{all_attestations, list_name};
use super::trust::verifier;
use crate::core::Profile;
use crate::core::shared::clock;
use crate::error::Result;
use crate::people;
use crate::views::AttestationView;

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
            use std::fmt::Write;
            let _ = write!(out, "{b:02x}");
            out
        })
}

fn view(signed: &SignedAttestation, list: Option<&SignedStatusList>, trusted: bool) -> AttestationView {
    let a = &signed.attestation;
    let withdrawn = list
        .filter(|l| l.list.list == a.list)
        .and_then(|l| l.list.status(a.index).ok().flatten())
        .map(|r| r.since);
    AttestationView {
        id: hex(&a.id().0[..8]),
        issuer: a.issuer,
        subject: a.subject,
        claim: a.claim.word(),
        from: a.from,
        until: a.until,
        withdrawn,
        trusted,
    }
}

/// Everything attested about somebody, or by somebody, that is kept here.
pub(crate) fn attestations(
    records: &impl Records,
    profile: &Profile,
    concerns: impl Fn(&SignedAttestation) -> bool,
) -> Result<Vec<AttestationView>> {
    let all = all_attestations(records)?;
    let mut proofs = Proofs::default();
    let mut people: Vec<IdentityId> = Vec::new();
    for signed in &all {
        people.push(signed.attestation.issuer);
        people.push(signed.attestation.subject);
    }
    people.sort_unstable();
    people.dedup();
    for id in &people {
        if let Some((history, _)) = people::history(records, profile, id)? {
            proofs.histories.push(history);
        }
        if let Some(list) = records.get_value::<SignedStatusList>(Table::Attestations, &list_name(id))? {
            proofs.lists.push(list);
        }
    }
    proofs.attestations.clone_from(&all);
    let verifier = verifier(records, profile, clock())?;
    let mut views = Vec::new();
    for signed in all.iter().filter(|a| concerns(a)) {
        let a = &signed.attestation;
        let list = proofs.lists.iter().find(|l| l.list.issuer == a.issuer);
        let trusted = attested_now(&a.subject, &proofs, &verifier)
            .iter()
            .any(|found| found.attestation == a.id());
        views.push(view(signed, list, trusted));
    }
    Ok(views)
}
