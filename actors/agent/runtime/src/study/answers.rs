//! Vouchers: signed by the study without being seen, in batches, and paid out to whoever brings one.

use telesphor_clinical::lab::open;
use telesphor_clinical::study::word::{FromStudy, SignedBlind, Voucher};
use telesphor_research::voucher;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::DocumentId;
use telesphor_wire::labels::HpkeLabel;

use super::judge::study_of;
use super::record::{StudyJob, own, people};
use super::results::voucher_words;
use crate::core::Ctx;
use crate::core::records::Held;
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    /// Signs a voucher for everybody whose values came and who has none yet: all at once, and never
    /// for fewer than the study's smallest cell, so that whoever brings one is one of many.
    pub(super) fn sign_vouchers(&mut self, id: &DocumentId) -> Result<usize> {
        let own = own(self.tx, id)?.ok_or(Error::of(ErrorCode::NotFound))?;
        let (_, study) = study_of(self.tx, id)?;
        let key = own.voucher_key.as_ref().ok_or(Error::of(ErrorCode::NotFound))?;
        let job = StudyJob {
            study: *id,
            part: false,
        };
        let again = self.tell_study_again(job)?;
        let waits = |p: &super::record::Person| !p.signed && !p.left && p.number > 0;
        let waiting: Vec<_> = people(self.tx, id)?
            .into_iter()
            .filter(|p| waits(p) || (study.fields.is_empty() && !p.signed && !p.left))
            .collect();
        if waiting.len() < usize::from(study.min_cell) {
            return match again {
                0 => Err(ErrorCode::StudyTooFew.into()),
                _ => Ok(0),
            };
        }
        let mut signed = 0;
        for mut person in waiting {
            person.signed = true;
            if let Some(at) = &person.answer
                && let Ok(signature) = voucher::sign(key, &at.blinded)
            {
                let word = FromStudy::Voucher(SignedBlind {
                    study: *id,
                    signature: Bytes(signature),
                });
                self.answer_part(at, &word, job)?;
                signed += 1;
            }
            self.put_person(id, &person)?;
        }
        Ok(signed)
    }

    /// A study answers somebody who takes part.
    pub(crate) fn study_answered(&mut self, held: &Held, payload: &[u8]) -> Result<()> {
        let Some(mut part) = self.part_at(&held.id)? else {
            return Ok(());
        };
        let key = self.study_answer_key(&part.study)?;
        let word: FromStudy = open(payload, HpkeLabel::StudyAnswer, &held.id, &key)
            .map_err(|_| Error::of(ErrorCode::CannotOpen))?;
        let FromStudy::Voucher(signed) = word else {
            return Ok(());
        };
        let (_, study) = study_of(self.tx, &part.study)?;
        let (Some(waiting), Some(payout)) = (&part.waiting, &study.payout) else {
            return Ok(());
        };
        if signed.study != part.study {
            return Err(ErrorCode::VoucherForged.into());
        }
        let blinded = voucher::Blinded {
            message: waiting.message.0.clone(),
            secret: waiting.secret.0.clone(),
            noise: waiting.noise.0,
        };
        let words = voucher_words(&part.study, &waiting.serial);
        let signature = voucher::unblind(&payout.key, &words, &blinded, &signed.signature)
            .map_err(|_| Error::of(ErrorCode::VoucherForged))?;
        part.voucher = Some(Voucher {
            study: part.study,
            serial: waiting.serial,
            noise: waiting.noise,
            signature: Bytes(signature),
        });
        part.waiting = None;
        self.put_part(&part)
    }

    /// Pays a voucher out: it is of a study of this researcher, and was not paid before.
    pub(super) fn pay_voucher(&mut self, came: &Voucher) -> Result<String> {
        let forged = Error::of(ErrorCode::VoucherForged);
        let mut own = own(self.tx, &came.study)?.ok_or(forged.clone())?;
        let (_, study) = study_of(self.tx, &came.study)?;
        let payout = study.payout.as_ref().ok_or(forged.clone())?;
        let words = voucher_words(&came.study, &came.serial);
        voucher::check(&payout.key, &words, &came.noise.0, &came.signature).map_err(|_| forged)?;
        if own.paid.contains(&came.serial) {
            return Err(ErrorCode::VoucherUsed.into());
        }
        own.paid.push(came.serial);
        self.put_own_study(&own)?;
        Ok(payout.words.shown())
    }
}
