//! Whether a study may be answered: signed by a researcher whom an authority that is trusted here
//! approved for this study, current, not over. Judged anew whenever anything is to leave.

use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::header::{DocumentKind, Subject};
use telesphor_clinical::lab::mapping::{LAB_MAPPING, LabMapping, order_of};
use telesphor_clinical::study::Study;
use telesphor_clinical::study::facts::Facts;
use telesphor_identity::attestation::{Attestation, Claim};
use telesphor_identity::bundle::Bundle;
use telesphor_identity::status::SignedStatusList;
use telesphor_vault::{Records, Table};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::DocumentId;

use crate::attest::proofs::{all_attestations, list_name};
use crate::attest::trust::anchors;
use crate::attest::verdict::Asked;
use crate::core::Ctx;
use crate::documents::keep::{Kept, Way, all_kept};
use crate::documents::show::{People, find};
use crate::error::{Error, Result};

/// What an authority says of a researcher: approved, under the number of the study.
pub(super) const RESEARCHER: &str = "licensed-researcher";

/// The study that a document is.
pub(super) fn study_of(records: &impl Records, id: &DocumentId) -> Result<(SignedDocument, Study)> {
    let bytes = records.body(id)?.ok_or(Error::of(ErrorCode::NotFound))?;
    let document = SignedDocument::from_bytes(&bytes).map_err(|e| Error::of(e.code()))?;
    let study = Study::of(&document).map_err(|_| Error::of(ErrorCode::NotStudy))?;
    Ok((document, study))
}

/// The study that somebody means: by the id of its document, or by its name.
pub(super) fn meant(records: &impl Records, what: &str) -> Result<Kept> {
    let mut named = Vec::new();
    for kept in all_kept(records)?.into_iter().rev() {
        if kept.header.kind == DocumentKind::Study
            && let Ok((_, study)) = study_of(records, &kept.id)
            && study.name.as_str().eq_ignore_ascii_case(what.trim())
        {
            named.push(kept);
        }
    }
    match named.len() {
        0 => match find(records, what)? {
            kept if kept.header.kind == DocumentKind::Study => Ok(kept),
            _ => Err(ErrorCode::NotStudy.into()),
        },
        1 => Ok(named.remove(0)),
        _ => Err(ErrorCode::Ambiguous.into()),
    }
}

impl Ctx<'_, '_> {
    /// Takes a study in from a `.tel` file, as somebody publishes it.
    pub(super) fn study_file(&mut self, file: &[u8]) -> Result<DocumentId> {
        let bundle = Bundle::from_file(file).map_err(|e| Error::of(e.code()))?;
        let document = SignedDocument::from_bytes(&bundle.document).map_err(|e| Error::of(e.code()))?;
        Study::of(&document).map_err(|_| Error::of(ErrorCode::NotStudy))?;
        self.take_proofs(&bundle.proofs)?;
        if let Some(code) = self.doubt(&document)? {
            return Err(code.into());
        }
        self.keep(&document, &bundle.document, Way::Received, None, self.now, None)
    }

    /// Why nothing may be sent to a study, if there is a reason.
    pub(super) fn study_refused(&self, kept: &Kept, study: &Study) -> Result<Option<ErrorCode>> {
        let people = People::load(self.tx, &self.profile)?;
        if study.until <= self.now || !people.is_current(kept) {
            return Ok(Some(ErrorCode::StudyOver));
        }
        let bytes = self.document_bytes(&kept.id)?;
        let bundle = self.bundle(kept, &bytes)?;
        let asked = Asked {
            roles: vec![RESEARCHER.to_owned()],
            ..Asked::default()
        };
        if let Some(code) = self.judge_bundle(&bundle, &asked)?.failed {
            return Ok(Some(code));
        }
        // Approved is this study, not whatever its researcher thinks of next.
        let trusted: Vec<_> = anchors(self.tx)?
            .into_iter()
            .filter(|a| a.covers(RESEARCHER))
            .collect();
        let approved = all_attestations(self.tx)?.into_iter().any(|signed| {
            let said = &signed.attestation;
            let number = match &said.claim {
                Claim::Licensed(license) => license.number.as_ref(),
                _ => None,
            };
            said.subject == kept.header.author
                && said.claim.word() == RESEARCHER
                && number == Some(&study.approval)
                && said.from <= self.now
                && said.until > self.now
                && trusted.iter().any(|anchor| anchor.identity == said.issuer)
                && !self.withdrawn(said)
        });
        Ok((!approved).then_some(ErrorCode::NotAttested))
    }

    /// Whether the issuer took this very word back, as far as is known here.
    fn withdrawn(&self, said: &Attestation) -> bool {
        let list: Result<Option<SignedStatusList>> = self.get(Table::Attestations, &list_name(&said.issuer));
        let known = list.ok().flatten().filter(|l| l.list.list == said.list);
        known.is_some_and(|l| !matches!(l.list.status(said.index), Ok(None)))
    }

    /// What the own record says.
    pub(super) fn own_facts(&self) -> Result<Facts> {
        let people = People::load(self.tx, &self.profile)?;
        let (mut bodies, mut orders): (Vec<Vec<u8>>, Vec<Digest>) = (Vec::new(), Vec::new());
        let (all, me) = (all_kept(self.tx)?, self.me());
        let document = |kept: &Kept| -> Result<Option<SignedDocument>> {
            let bytes = self.tx.body(&kept.id)?;
            Ok(bytes.and_then(|bytes| SignedDocument::from_bytes(&bytes).ok()))
        };
        for kept in all.iter().filter(|k| k.header.format.as_str() == LAB_MAPPING) {
            let mapping = document(kept)?.and_then(|d| LabMapping::of(&d).ok());
            orders.extend(mapping.filter(|m| m.patient == me).map(|m| m.order));
        }
        for kept in &all {
            // Of others, shown by others, in doubt or taken back: not one's own to give.
            if kept.way == Way::Shared || kept.doubt.is_some() || !people.is_current(kept) {
                continue;
            }
            let Some(document) = document(kept)? else {
                continue;
            };
            let mine = match &kept.header.subject {
                None => kept.way == Way::Own,
                Some(Subject::Identity(id)) => *id == me,
                Some(Subject::Blind(_)) => order_of(&document).is_some_and(|order| orders.contains(&order)),
            };
            if mine {
                bodies.push(document.body.0);
            }
        }
        Ok(Facts::of(bodies.iter().map(Vec::as_slice), self.now))
    }
}
