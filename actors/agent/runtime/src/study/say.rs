//! Depositing at a desk, and at whoever takes part.

use telesphor_clinical::lab::seal;
use telesphor_clinical::study::word::{AnswerAt, FromStudy, ToStudy};
use telesphor_clinical::study::{Study, StudyDesk};
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, MailboxId};
use telesphor_wire::labels::HpkeLabel;
use telesphor_wire::seal::SealingPublic;

use super::judge::study_of;
use super::record::{Adding, StudyJob, all_adding, all_parts, note, own, people};
use crate::core::records::{Entry, Job, Refused};
use crate::core::{Ctx, names};
use crate::error::{Error, Result};
use crate::mailbox::leave::Letterbox;

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

fn of_desk(desk: &StudyDesk) -> Letterbox {
    Letterbox {
        domain: desk.domain.clone(),
        mailbox: desk.mailbox,
        seed: desk.deposit_seed.clone(),
    }
}

fn of_answers(at: &AnswerAt) -> Letterbox {
    Letterbox {
        domain: at.domain.clone(),
        mailbox: at.mailbox,
        seed: at.deposit_seed.clone(),
    }
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
        self.leave_at(of_desk(desk), payload, Job::Study(job), after)
    }

    /// Answers somebody who takes part.
    pub(super) fn answer_part(&mut self, at: &AnswerAt, word: &FromStudy, job: StudyJob) -> Result<u64> {
        let key: &SealingPublic = &at.key;
        let payload = seal(word, HpkeLabel::StudyAnswer, &at.mailbox, key)
            .map_err(|_| Error::of(ErrorCode::TooLarge))?;
        self.leave_at(of_answers(at), payload, Job::Study(job), None)
    }

    /// What could not be brought to another hospital goes once more; gives how much that was.
    pub(super) fn tell_study_again(&mut self, job: StudyJob) -> Result<usize> {
        let (_, study) = study_of(self.tx, &job.study)?;
        let adders = (0..study.adders.len()).map(|at| desk_of(&study, Some(at)));
        let mut desks = adders.collect::<Result<Vec<_>>>()?;
        desks.push(study.desk);
        self.leave_again(Job::Study(job), |ctx, mailbox| {
            if let Some(desk) = desks.iter().find(|desk| desk.mailbox == *mailbox) {
                return Ok(Some(of_desk(desk)));
            }
            let mut answers = people(ctx.tx, &job.study)?.into_iter().filter_map(|p| p.answer);
            let at = answers.find(|at| at.mailbox == *mailbox);
            Ok(at.map(|at| of_answers(&at)))
        })
    }

    /// Studies of which something that was said here, and not by taking part, has not arrived yet.
    pub(super) fn studies_waiting(&self) -> Result<Vec<DocumentId>> {
        let mut studies = Vec::new();
        for (_, bytes) in self.tx.range(Table::Outbox, names::OUTBOX, 0, usize::MAX)? {
            let entry: Entry = canonical::decode(&bytes).map_err(|_| Error::fault("outbox"))?;
            if let Job::Study(StudyJob { study, part: false }) = entry.job {
                studies.push(study);
            }
        }
        Ok(studies)
    }

    /// The relay refused what was to be sent about a study.
    pub(crate) fn study_unsent(&mut self, job: &StudyJob, refused: Refused) -> Result<()> {
        if job.part {
            if let Some(mut part) = super::record::part(self.tx, &job.study)? {
                part.unsent = Some(refused);
                self.put_part(&part)?;
            }
        } else if let Some(mut own) = own(self.tx, &job.study)? {
            note(&mut own.refused, self.now, refused.code);
            self.put_own_study(&own)?;
        } else {
            let adds = |adding: &Adding| adding.tasks.iter().any(|(study, _)| *study == job.study);
            let mut all = all_adding(self.tx)?.into_iter();
            if let Some(mut adding) = all.find(adds) {
                note(&mut adding.refused, self.now, refused.code);
                self.put_study_adding(&adding)?;
            }
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
