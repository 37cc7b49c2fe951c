//! Whose result it is: the laboratory's signature on a number, and the signature on what the
//! number stands for, together. Neither proves it alone.

use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::header::Subject;
use telesphor_clinical::lab::mapping::{LAB_MAPPING, LabMapping, order_of};
use telesphor_vault::Records;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;

use crate::acts::standing::standing_of;
use crate::attest::trust::anchors;
use crate::attest::verdict::Asked;
use crate::core::Ctx;
use crate::documents::keep::{Kept, all_kept};
use crate::documents::show::{People, find, view};
use crate::error::{Error, Result};
use crate::views::{LabProof, Verdict};

/// What an authority says of a laboratory.
pub(super) const LABORATORY: &str = "licensed-laboratory";

impl Ctx<'_, '_> {
    /// The verdict on a result. Where an authority is trusted to say who is a laboratory, its word
    /// is demanded.
    pub(super) fn judge_result(&self, kept: &Kept) -> Result<Verdict> {
        let bytes = self.document_bytes(&kept.id)?;
        let bundle = self.bundle(kept, &bytes)?;
        let asks = anchors(self.tx)?.iter().any(|a| a.covers(LABORATORY));
        let asked = Asked {
            roles: if asks {
                vec![LABORATORY.to_owned()]
            } else {
                Vec::new()
            },
            ..Asked::default()
        };
        self.judge_bundle(&bundle, &asked)
    }

    /// The signed mapping of an order, if it is here.
    fn mapping_of(&self, order: &Digest) -> Result<Option<(Kept, LabMapping)>> {
        for kept in all_kept(self.tx)? {
            if kept.header.format.as_str() != LAB_MAPPING {
                continue;
            }
            let Some(body) = self.tx.body(&kept.id)? else {
                continue;
            };
            let Ok(document) = SignedDocument::from_bytes(&body) else {
                continue;
            };
            match LabMapping::of(&document) {
                Ok(mapping) if mapping.order == *order => return Ok(Some((kept, mapping))),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Puts a result and its mapping together.
    pub(super) fn prove_result(&mut self, what: &str) -> Result<LabProof> {
        let mut kept = find(self.tx, what)?;
        let document =
            SignedDocument::from_bytes(&self.document_bytes(&kept.id)?).map_err(|e| Error::of(e.code()))?;
        // Whoever names the order means its result.
        let order = match (order_of(&document), LabMapping::of(&document)) {
            (Some(order), _) => order,
            (None, Ok(mapping)) => {
                let is_result = |k: &Kept| {
                    let number = telesphor_clinical::lab::mapping::blind_number(&mapping.order);
                    k.header.subject == Some(Subject::Blind(number))
                };
                let all = all_kept(self.tx)?;
                let last = all.into_iter().rev().find(is_result);
                kept = last.ok_or(Error::of(ErrorCode::NotFound))?;
                mapping.order
            }
            _ => return Err(ErrorCode::LabNotResult.into()),
        };
        let mut verdict = self.judge_result(&kept)?;
        let people = People::load(self.tx, &self.profile)?;
        let result = view(self.tx, &people, &kept)?;
        let Some((mapped, mapping)) = self.mapping_of(&order)? else {
            return Ok(LabProof {
                failed: verdict.failed.or(Some(ErrorCode::LabNoMapping)),
                result,
                verdict,
                mapping: None,
                patient: None,
                mine: false,
                orderer: None,
                laboratory: String::new(),
            });
        };
        let bytes = self.document_bytes(&mapped.id)?;
        let bundle = self.bundle(&mapped, &bytes)?;
        let signed = self.judge_bundle(&bundle, &Asked::default())?;
        let mine = mapping.patient == self.me();
        let ours = mine
            || mapping.doctor == self.me()
            || self
                .tx
                .contains(telesphor_vault::Table::Contacts, &mapping.patient.0)?;
        let mismatch = if kept.header.author != mapping.laboratory {
            Some(ErrorCode::LabOtherResult)
        } else if !ours {
            Some(ErrorCode::LabNotYours)
        } else {
            None
        };
        let failed = verdict.failed.or(signed.failed).or(mismatch);
        verdict.standing = standing_of(self.tx, &self.profile, &kept.id, &kept.header.author)?;
        Ok(LabProof {
            failed,
            result,
            verdict,
            mapping: Some((view(self.tx, &people, &mapped)?, signed)),
            patient: Some(people.name(&mapping.patient)),
            mine,
            orderer: Some(people.name(&mapping.doctor)),
            laboratory: mapping.laboratory_name.shown(),
        })
    }
}
