//! Depositing at a desk, and at whoever takes part.

use telesphor_clinical::lab::seal;
use telesphor_clinical::study::word::{AnswerAt, FromStudy, ToStudy};
use telesphor_clinical::study::{Study, StudyDesk};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::labels::HpkeLabel;
use telesphor_wire::seal::SealingPublic;

use super::record::{StudyJob, all_parts, own};
use crate::core::Ctx;
use crate::core::records::{Job, Refused};
use crate::error::{Error, Result};

/// The desks of a study: the researcher's, and those of the two who add up.
pub(super) fn desk_of(study: &Study, adder: Option<usize>) -> Result<StudyDesk> {
    let Some(at) = adder else {
        return Ok(study.desk.clone());
    };
    let place = study.adders.get(at).ok_or(Error::of(ErrorCode::NotStudy))?;
    let place = &place.place;
    Ok(StudyDesk {
        domain: place.domain.clone(),
        mailbox: place.mailbox,
        deposit_seed: place.deposit_seed.clone(),
        key: place.key.clone(),
    })
}

impl Ctx<'_, '_> {
    /// Says something at a desk.
    pub(super) fn tell_study(
        &mut self,
        desk: &StudyDesk,
        word: &ToStudy,
        job: StudyJob,
        after: Option<u64>,
    ) -> Result<u64> {
        let payload = seal(word, HpkeLabel::StudyDesk, &desk.mailbox, &desk.key)
            .map_err(|_| Error::of(ErrorCode::TooLarge))?;
        let at = (desk.mailbox, desk.deposit_seed.clone());
        self.leave_at(at, payload, Job::Study(job), after)
    }

    /// Answers somebody who takes part.
    pub(super) fn answer_part(&mut self, at: &AnswerAt, word: &FromStudy, job: StudyJob) -> Result<u64> {
        let key: &SealingPublic = &at.key;
        let payload = seal(word, HpkeLabel::StudyAnswer, &at.mailbox, key)
            .map_err(|_| Error::of(ErrorCode::TooLarge))?;
        let at = (at.mailbox, at.deposit_seed.clone());
        self.leave_at(at, payload, Job::Study(job), None)
    }

    /// The relay refused what was to be sent about a study.
    pub(crate) fn study_unsent(&mut self, job: &StudyJob, refused: Refused) -> Result<()> {
        if job.part {
            if let Some(mut part) = super::record::part(self.tx, &job.study)? {
                part.unsent = Some(refused);
                self.put_part(&part)?;
            }
        } else if let Some(mut own) = own(self.tx, &job.study)? {
            super::record::note(&mut own.refused, self.now, refused.code);
            self.put_own_study(&own)?;
        }
        Ok(())
    }

    /// The mailbox of somebody who takes part could not be opened: no voucher can come.
    pub(crate) fn study_not_opened(&mut self, mailbox: &MailboxId, code: ErrorCode) -> Result<()> {
        let mut parts = all_parts(self.tx)?.into_iter();
        if let Some(mut part) = parts.find(|part| part.mailbox == Some(*mailbox)) {
            part.unsent = Some(Refused::here(code));
            self.put_part(&part)?;
        }
        Ok(())
    }
}
