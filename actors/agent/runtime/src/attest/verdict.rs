//! Whether a document is genuine, in words.

use telesphor_clinical::document::SignedDocument;
use telesphor_identity::bundle::{Bundle, Proofs};
use telesphor_identity::parcel::PARCEL;
use telesphor_identity::status::SignedStatusList;
use telesphor_identity::trust::Verifier;
use telesphor_identity::verify::{Refusal, verify};
use telesphor_vault::Table;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::proofs::list_name;
use super::trust::verifier;
use crate::acts::standing::{standing_of, superseded};
use crate::core::Ctx;
use crate::documents::keep::Kept;
use crate::error::{Error, Result};
use crate::views::{StandingView, Verdict};

/// What a verifier asks for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Claim words that the author must hold, such as `licensed-physician`.
    pub roles: Vec<String>,
    /// Judge as of this instant, Unix milliseconds; `None` = now.
    pub at: Option<u64>,
    /// To whom parts must be made out, if not to this identity.
    pub reader: Option<IdentityId>,
    /// Names by which the reader also goes.
    pub names: Vec<String>,
    /// The question that parts must answer.
    pub question: Option<String>,
}

impl Ctx<'_, '_> {
    /// A document that is kept here with everything that proves something about it.
    pub(crate) fn bundle(&self, kept: &Kept, bytes: &[u8]) -> Result<Bundle> {
        let mut proofs = self.proofs_about(&kept.header.author)?;
        // The lists of issuers' issuers: whoever attests may need an attestation himself.
        let issuers: Vec<_> = proofs.attestations.iter().map(|a| a.attestation.issuer).collect();
        for issuer in issuers {
            let more = self.proofs_about(&issuer)?;
            for history in more.histories {
                if !proofs.histories.contains(&history) {
                    proofs.histories.push(history);
                }
            }
            for attestation in more.attestations {
                if !proofs.attestations.contains(&attestation) {
                    proofs.attestations.push(attestation);
                }
            }
            for list in more.lists {
                if !proofs.lists.contains(&list) {
                    proofs.lists.push(list);
                }
            }
        }
        self.add_mandate(kept, &mut proofs)?;
        Ok(Bundle::new(bytes.to_vec(), proofs, kept.evidence.clone()))
    }

    /// What proves the mandate by which a document was written for another.
    fn add_mandate(&self, kept: &Kept, proofs: &mut Proofs) -> Result<()> {
        let Some(id) = kept.header.mandate else {
            return Ok(());
        };
        let Some(found) = crate::mandates::record::mandate(self.tx, &id)? else {
            return Ok(());
        };
        let more = crate::mandates::judge::proofs_of(self.tx, &self.profile, &found.signed)?;
        proofs.mandates.extend(more.mandates);
        for one in more.histories {
            if !proofs.histories.contains(&one) {
                proofs.histories.push(one);
            }
        }
        for one in more.attestations {
            if !proofs.attestations.contains(&one) {
                proofs.attestations.push(one);
            }
        }
        for one in more.lists {
            if !proofs.lists.contains(&one) {
                proofs.lists.push(one);
            }
        }
        Ok(())
    }

    /// Judges a document that is kept here by what is known now.
    pub(crate) fn verdict(&mut self, kept: &Kept, bytes: &[u8]) -> Result<Verdict> {
        let bundle = self.bundle(kept, bytes)?;
        self.judge_bundle(&bundle, &Asked::default())
    }

    /// Judges a document with the proofs that came with it and those known here; of a parcel also
    /// what is in it.
    pub(crate) fn judge_bundle(&self, bundle: &Bundle, asked: &Asked) -> Result<Verdict> {
        let bundle = self.with_lists(bundle.clone())?;
        if bundle.holds_parts() {
            return self.judge_parts(&bundle, asked, None);
        }
        let verdict = self.judge_whole(&bundle, asked)?;
        match SignedDocument::from_bytes(&bundle.document) {
            Ok(d) if verdict.failed.is_none() && d.header.format.as_str() == PARCEL => {
                self.judge_parcel(verdict, &d.body, asked, d.header.author)
            }
            _ => Ok(verdict),
        }
    }

    /// A file brings the list of the day it was written. What was withdrawn since is known here.
    pub(super) fn with_lists(&self, mut bundle: Bundle) -> Result<Bundle> {
        let attested = bundle.proofs.attestations.iter().map(|a| a.attestation.issuer);
        let mandated = bundle.proofs.mandates.iter().map(|m| m.mandate.issuer);
        let issuers: Vec<_> = attested.chain(mandated).collect();
        for issuer in issuers {
            let name = list_name(&issuer);
            if let Some(list) = self.get::<SignedStatusList>(Table::Attestations, &name)?
                && !bundle.proofs.lists.contains(&list)
            {
                bundle.proofs.lists.push(list);
            }
        }
        Ok(bundle)
    }

    /// A verifier for what is asked.
    pub(super) fn verifier_for(&self, asked: &Asked) -> Result<Verifier> {
        let mut verifier = verifier(self.tx, &self.profile, asked.at.unwrap_or(self.now))?;
        verifier.demands.clone_from(&asked.roles);
        if asked.at.is_some() {
            verifier.heads.clear();
        }
        Ok(verifier)
    }

    /// Judges a whole document.
    pub(super) fn judge_whole(&self, bundle: &Bundle, asked: &Asked) -> Result<Verdict> {
        let document = SignedDocument::from_bytes(&bundle.document).ok();
        let standing = match &document {
            Some(d) => standing_of(self.tx, &self.profile, &d.id(), &d.header.author)?,
            None => StandingView::Current,
        };
        let mut verifier = self.verifier_for(asked)?;
        if let (Some(document), Some(by)) = (&document, superseded(&standing)) {
            verifier.superseded.insert(document.id(), by);
        }
        Ok(match verify(bundle, &verifier) {
            Ok(report) => Verdict {
                failed: None,
                lines: report.words(&verifier),
                author: Some(report.author),
                document: Some(report.document),
                standing,
                parts: Vec::new(),
            },
            Err(refusal) => {
                let about = document.map(|d| (d.header.author, d.id()));
                refused(&refusal, about, standing)
            }
        })
    }

    /// Judges a `.tel` file.
    pub(crate) fn judge_file(&self, file: &[u8], asked: &Asked) -> Result<Verdict> {
        let bundle = Bundle::from_file(file).map_err(|e| Error::of(e.code()))?;
        self.judge_bundle(&bundle, asked)
    }
}

/// The verdict on what was refused, as a sentence.
pub(super) fn refused(
    refusal: &Refusal,
    about: Option<(IdentityId, DocumentId)>,
    standing: StandingView,
) -> Verdict {
    let mut line = refusal.to_string();
    if let Some(first) = line.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    Verdict {
        failed: Some(refusal.code()),
        lines: vec![line],
        author: about.map(|(author, _)| author),
        document: about.map(|(_, id)| id),
        standing,
        parts: Vec::new(),
    }
}
