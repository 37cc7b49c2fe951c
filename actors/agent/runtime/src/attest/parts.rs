//! Judging parts of a document, and parcels of several.

use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::fields::LeafKind;
use telesphor_clinical::fields::path::words;
use telesphor_clinical::presentation::{Audience, Expected, Presentation};
use telesphor_identity::bundle::Bundle;
use telesphor_identity::parcel::Parcel;
use telesphor_identity::verify::{Refusal, verify_presentation};
use telesphor_wire::ids::IdentityId;

use super::verdict::{Asked, refused};
use crate::acts::standing::{standing_of, superseded};
use crate::core::Ctx;
use crate::error::{Error, Result};
use crate::views::{PartView, StandingView, Verdict};

impl Ctx<'_, '_> {
    /// Judges parts by the proofs in the file and one's own anchors. `from`: who sent them.
    pub(super) fn judge_parts(
        &self,
        bundle: &Bundle,
        asked: &Asked,
        from: Option<IdentityId>,
    ) -> Result<Verdict> {
        let presentation = match Presentation::from_bytes(&bundle.document) {
            Ok(presentation) => presentation,
            Err(why) => return Ok(refused(&Refusal::from(why), None, StandingView::Current)),
        };
        let statement = &presentation.statement;
        let about = Some((statement.author, statement.id()));
        let standing = standing_of(self.tx, &self.profile, &statement.id(), &statement.author)?;
        let mut verifier = self.verifier_for(asked)?;
        if let Some(by) = superseded(&standing) {
            verifier.superseded.insert(statement.id(), by);
        }
        // In what oneself has sent, whoever it was sent to is the reader.
        let mine = from == Some(self.me());
        let reader = match &presentation.showing.audience {
            Audience::Identity(id) if mine => *id,
            _ => asked.reader.unwrap_or(self.me()),
        };
        let expected = Expected {
            reader,
            names: asked.names.clone(),
            from,
            question: asked.question.clone(),
        };
        let judged = verify_presentation(
            &presentation,
            &bundle.proofs,
            &bundle.evidence,
            &expected,
            &verifier,
        );
        Ok(match judged {
            Ok(report) => Verdict {
                failed: None,
                lines: report.words(&verifier),
                author: Some(report.author),
                document: Some(report.document),
                standing,
                parts: views(&presentation),
            },
            Err(refusal) => refused(&refusal, about, standing),
        })
    }

    /// Adds to the verdict on a parcel those on the files in it. It is as good as the worst.
    pub(super) fn judge_parcel(
        &self,
        mut verdict: Verdict,
        body: &[u8],
        asked: &Asked,
        from: IdentityId,
    ) -> Result<Verdict> {
        let parcel = Parcel::from_bytes(body).map_err(|e| Error::of(e.code()))?;
        let many = parcel.files.len() > 1;
        for (n, file) in parcel.files.iter().enumerate() {
            let bundle = Bundle::from_file(file).map_err(|e| Error::of(e.code()))?;
            let bundle = self.with_lists(bundle)?;
            let inner = match bundle.holds_parts() {
                true => self.judge_parts(&bundle, asked, Some(from))?,
                false => self.judge_whole(&bundle, asked)?,
            };
            verdict.lines.push(match many {
                true => format!("of document {} of {} that are shown:", n + 1, parcel.files.len()),
                false => "of the document that is shown:".to_owned(),
            });
            verdict.lines.extend(inner.lines);
            verdict.failed = verdict.failed.or(inner.failed);
            if !inner.standing.is_current() && verdict.standing.is_current() {
                verdict.standing = inner.standing;
            }
            if inner.failed.is_some() {
                continue;
            }
            if bundle.holds_parts() {
                verdict.parts.extend(inner.parts);
            } else if let Ok(document) = SignedDocument::from_bytes(&bundle.document) {
                verdict.parts.push(PartView {
                    document: document.id(),
                    path: words(&[]),
                    kind: "whole",
                    value: String::from_utf8_lossy(&document.body).into_owned(),
                });
            }
        }
        Ok(verdict)
    }
}

/// What a presentation shows.
fn views(presentation: &Presentation) -> Vec<PartView> {
    let document = presentation.showing.document;
    let mut views = Vec::new();
    for part in &presentation.parts {
        let leaf = &part.leaf;
        for (name, raw) in part.texts() {
            let mut path = leaf.path.clone();
            let kind = match leaf.kind {
                LeafKind::Unit => "part",
                LeafKind::Guard => "guard",
                LeafKind::ArrayLength => "length",
            };
            let own = telesphor_clinical::fields::Step::Name(name.to_owned());
            match leaf.kind {
                LeafKind::Guard => path.push(own),
                // `_birthDate` beside `birthDate`.
                LeafKind::Unit if name.starts_with('_') && path.last() != Some(&own) => {
                    path.pop();
                    path.push(own);
                }
                _ => {}
            }
            views.push(PartView {
                document,
                path: words(&path),
                kind,
                value: raw.to_owned(),
            });
        }
    }
    views
}
