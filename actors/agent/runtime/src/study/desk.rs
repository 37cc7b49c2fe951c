//! What comes at a desk: at the researcher's, and at those of the two who add up.

use telesphor_clinical::lab::open;
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::study::Study;
use telesphor_clinical::study::row::as_asked;
use telesphor_clinical::study::word::{SignedStudyJoin, SignedStudyLeave, SignedStudyRows, ToStudy};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::labels::HpkeLabel;

use super::judge::study_of;
use super::record::{OwnStudy, Person, note};
use crate::core::Ctx;
use crate::core::records::Held;
use crate::error::{Error, Result};
use crate::sync::events::is_local;

/// Two machines' clocks may differ by so much, milliseconds.
const CLOCKS_MS: u64 = 5 * 60 * 1000;

const FORGED: ErrorCode = ErrorCode::StudyForged;

impl Ctx<'_, '_> {
    /// Something was deposited at a desk. What is not counted is noted with its reason.
    pub(crate) fn study_told(&mut self, held: &Held, payload: &[u8], stamp: u64) -> Result<()> {
        if let Some(own) = self.own_study_at(&held.id)? {
            let id = own.study;
            return match self.study_heard(own, held, payload, stamp) {
                Err(error) if !is_local(error.code) => {
                    let mut own = super::record::own(self.tx, &id)?.ok_or(Error::fault("study"))?;
                    note(&mut own.refused, stamp, error.code);
                    self.put_own_study(&own)
                }
                other => other,
            };
        }
        let Some(adding) = self.adding_at(&held.id)? else {
            return Ok(());
        };
        match self.adder_heard(adding, held, payload, stamp) {
            Err(error) if !is_local(error.code) => {
                let mut adding = self.adding_at(&held.id)?.ok_or(Error::fault("study place"))?;
                note(&mut adding.refused, stamp, error.code);
                self.put_study_adding(&adding)
            }
            other => other,
        }
    }

    fn study_heard(&mut self, own: OwnStudy, held: &Held, payload: &[u8], stamp: u64) -> Result<()> {
        let key = self.study_desk_key(&own.nonce)?;
        let word = open(payload, HpkeLabel::StudyDesk, &held.id, &key)
            .map_err(|_| Error::of(ErrorCode::CannotOpen))?;
        let (_, study) = study_of(self.tx, &own.study)?;
        match word {
            ToStudy::Join(join) => self.join_came(&own, &study, &join, stamp),
            ToStudy::Rows(rows) => self.rows_came(&own, &study, &rows, stamp),
            ToStudy::Leave(leave) => self.leave_came(&own, &leave, stamp),
            ToStudy::Sum(sum) => self.half_sum_came(own, &study, &sum, stamp),
            ToStudy::Share(_) => Err(FORGED.into()),
            ToStudy::Foreign(_) => Ok(()),
        }
    }

    fn join_came(
        &mut self,
        own: &OwnStudy,
        study: &Study,
        signed: &SignedStudyJoin,
        stamp: u64,
    ) -> Result<()> {
        let join = &signed.join;
        let sound = join.version == VERSION
            && join.ext.check(&[]).is_ok()
            && join.study == own.study
            && join.answer.is_some() == study.payout.is_some()
            && join.key.verify(join, &signed.signature).is_ok();
        if !sound {
            return Err(FORGED.into());
        }
        if stamp > study.until.saturating_add(CLOCKS_MS) {
            return Err(ErrorCode::StudyOver.into());
        }
        match self.person(&own.study, &join.key)? {
            // The same once more changes nothing; nor does it bring back who has left.
            Some(_) => Ok(()),
            None => self.put_person(
                &own.study,
                &Person {
                    key: join.key,
                    left: false,
                    number: 0,
                    rows: Vec::new(),
                    answer: join.answer.clone(),
                    signed: false,
                    at: stamp,
                },
            ),
        }
    }

    fn rows_came(
        &mut self,
        own: &OwnStudy,
        study: &Study,
        signed: &SignedStudyRows,
        stamp: u64,
    ) -> Result<()> {
        let said = &signed.said;
        let sound = said.version == VERSION
            && said.ext.check(&[]).is_ok()
            && said.study == own.study
            && said.key.verify(said, &signed.signature).is_ok()
            // More than was asked for is not even kept.
            && as_asked(study, &said.rows);
        if !sound {
            return Err(FORGED.into());
        }
        if stamp > study.until.saturating_add(CLOCKS_MS) {
            return Err(ErrorCode::StudyOver.into());
        }
        let person = self.person(&own.study, &said.key)?;
        let mut person = person.ok_or(Error::of(FORGED))?;
        if person.left {
            return Err(ErrorCode::StudyLeft.into());
        }
        if said.number <= person.number {
            return Err(ErrorCode::StudySent.into());
        }
        person.number = said.number;
        person.rows.clone_from(&said.rows);
        person.at = stamp;
        self.put_person(&own.study, &person)
    }

    /// Somebody has left: what he sent is gone from here, and nothing more of his is taken.
    fn leave_came(&mut self, own: &OwnStudy, signed: &SignedStudyLeave, stamp: u64) -> Result<()> {
        let leave = &signed.leave;
        let sound = leave.version == VERSION
            && leave.ext.check(&[]).is_ok()
            && leave.study == own.study
            && leave.key.verify(leave, &signed.signature).is_ok();
        let person = self.person(&own.study, &leave.key)?;
        let Some(mut person) = person.filter(|_| sound) else {
            return Err(FORGED.into());
        };
        person.left = true;
        person.rows.clear();
        person.at = stamp;
        self.put_person(&own.study, &person)
    }
}
