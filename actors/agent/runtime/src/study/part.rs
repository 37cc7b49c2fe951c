//! Whoever takes part: what would leave, joining, sending, leaving.

use telesphor_clinical::limits::VERSION;
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_clinical::study::row::{StudyRow, fits, rows};
use telesphor_clinical::study::task::Shape as Task;
use telesphor_clinical::study::word::{
    AnswerAt, SignedStudyJoin, SignedStudyLeave, SignedStudyRows, SignedStudyShare, StudyJoin, StudyLeave,
    StudyRows, StudyShare, ToStudy,
};
use telesphor_clinical::study::{Payout, Study};
use telesphor_research::halves::{Shape, cut};
use telesphor_research::voucher;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::DocumentId;
use telesphor_wire::mailbox::{MailboxKind, Policy};
use telesphor_wire::sign::SigningKey;

use super::judge::study_of;
use super::keys::{half_id, sum_context};
use super::record::{Part, StudyJob, Waiting, part};
use super::results::voucher_words;
use super::say::desk_of;
use crate::core::Ctx;
use crate::documents::keep::Kept;
use crate::error::{Error, Result};
use crate::mailbox::open::Plan;

/// The mailbox of one answer: the same for all.
const MOST_BYTES: u64 = 1 << 20;
const MOST_EVENTS: u64 = 16;

/// The research crate's word for a shape.
pub(super) const fn shape(task: Task) -> Shape {
    match task {
        Task::Vector(length, bits) => Shape::Vector(length, bits),
        Task::Histogram(buckets) => Shape::Histogram(buckets),
    }
}

impl Ctx<'_, '_> {
    /// A study to which something may be sent now.
    fn open_study(&mut self, kept: &Kept) -> Result<Study> {
        let (_, study) = study_of(self.tx, &kept.id)?;
        if let Some(code) = self.study_refused(kept, &study)? {
            return Err(code.into());
        }
        for place in &study.adders {
            self.check_study_place(place)?;
        }
        Ok(study)
    }

    /// What would leave, and nothing if the record does not fit.
    fn leaving(&self, study: &Study) -> Result<Vec<StudyRow>> {
        let facts = self.own_facts()?;
        match fits(study, &facts) {
            true => Ok(rows(study, &facts)),
            false => Err(ErrorCode::StudyNotMet.into()),
        }
    }

    /// Takes part, and sends what there is.
    pub(super) fn join_study(&mut self, kept: &Kept) -> Result<()> {
        let study = self.open_study(kept)?;
        match part(self.tx, &kept.id)? {
            Some(part) if part.left.is_some() => return Err(ErrorCode::StudyLeft.into()),
            Some(_) => return Err(ErrorCode::StudyJoined.into()),
            None => {}
        }
        self.leaving(&study)?;
        let key = self.study_key(&kept.id)?;
        let mut part = Part {
            study: kept.id,
            at: self.now,
            left: None,
            number: 0,
            last: self.now,
            sums: Vec::new(),
            mailbox: None,
            waiting: None,
            voucher: None,
            unsent: None,
        };
        let (mut answer, mut after) = (None, None);
        if let Some(payout) = &study.payout {
            let (at, open) = self.open_answers(&kept.id, payout, &mut part)?;
            (answer, after) = (Some(at), Some(open));
        }
        let join = StudyJoin {
            version: VERSION,
            study: kept.id,
            key: key.public(),
            answer,
            ext: Extensions::none(),
        };
        let signature = key.sign(&join);
        let word = ToStudy::Join(Box::new(SignedStudyJoin { join, signature }));
        let job = StudyJob {
            study: kept.id,
            part: true,
        };
        self.tell_study(&desk_of(&study, None)?, &word, job, after)?;
        self.put_part(&part)?;
        self.send_study(kept)
    }

    /// A mailbox for the voucher, and the voucher, blinded.
    fn open_answers(&mut self, id: &DocumentId, payout: &Payout, part: &mut Part) -> Result<(AnswerAt, u64)> {
        let (mailbox, ticket) = self.draw_mailbox()?;
        let seed = self.study_answer_seed(id)?;
        let plan = Plan {
            id: mailbox,
            voucher: ticket,
            kind: MailboxKind::Personal,
            used: MailboxUse::StudyAnswers,
            with: None,
            min_suite: self.min_suite(),
            policy: Policy {
                max_bytes: MOST_BYTES,
                max_events: MOST_EVENTS,
                ..Policy::standard()
            },
            access: None,
            deposit_keys: vec![SigningKey::from_seed(&seed).public()],
            name: String::new(),
        };
        let open = self.open_mailbox(plan, None)?;
        let serial = Digest(*Secret::random().expose());
        let blinded = voucher::blind(&payout.key, &voucher_words(id, &serial));
        let blinded = blinded.map_err(|_| Error::of(ErrorCode::NotStudy))?;
        part.mailbox = Some(mailbox);
        part.waiting = Some(Waiting {
            serial,
            message: Bytes(blinded.message.clone()),
            secret: Bytes(blinded.secret),
            noise: Digest(blinded.noise),
        });
        let at = AnswerAt {
            domain: self.profile.domain().clone(),
            mailbox,
            deposit_seed: seed,
            key: self.study_answer_key(id)?.public(),
            blinded: Bytes(blinded.message),
        };
        Ok((at, open))
    }

    /// Sends what the record says now, in the place of what was sent before; and halves of numbers
    /// that were not sent yet.
    pub(super) fn send_study(&mut self, kept: &Kept) -> Result<()> {
        let mut part = part(self.tx, &kept.id)?.ok_or(Error::of(ErrorCode::StudyNotJoined))?;
        if part.left.is_some() {
            return Err(ErrorCode::StudyLeft.into());
        }
        let study = self.open_study(kept)?;
        let rows = self.leaving(&study)?;
        let key = self.study_key(&kept.id)?;
        let job = StudyJob {
            study: kept.id,
            part: true,
        };
        self.tell_study_again(job)?;
        part.unsent = None;
        part.number += 1;
        part.last = self.now;
        if !study.fields.is_empty() {
            let said = StudyRows {
                version: VERSION,
                study: kept.id,
                key: key.public(),
                number: part.number,
                rows,
                ext: Extensions::none(),
            };
            let signature = key.sign(&said);
            let word = ToStudy::Rows(Box::new(SignedStudyRows { said, signature }));
            self.tell_study(&desk_of(&study, None)?, &word, job, None)?;
        }
        let facts = self.own_facts()?;
        for (task, at) in study.sums.iter().zip(0u16..) {
            let (Some(numbers), Some(form)) = (task.measure(&facts), task.shape()) else {
                continue;
            };
            if part.sums.contains(&at) {
                continue;
            }
            let key = self.sum_key(&kept.id, at)?;
            let context = sum_context(&kept.id, at);
            let halves = cut(shape(form), &context, &half_id(&key.public()), &numbers)
                .map_err(|_| Error::of(ErrorCode::SumUnsound))?;
            for (adder, half) in [halves.first, halves.second].into_iter().enumerate() {
                let share = StudyShare {
                    version: VERSION,
                    study: kept.id,
                    task: at,
                    key: key.public(),
                    public: Bytes(halves.public.clone()),
                    half: Bytes(half),
                    ext: Extensions::none(),
                };
                let signature = key.sign(&share);
                let word = ToStudy::Share(Box::new(SignedStudyShare { share, signature }));
                self.tell_study(&desk_of(&study, Some(adder))?, &word, job, None)?;
            }
            part.sums.push(at);
        }
        self.put_part(&part)
    }

    /// Takes part no more. It is said under the key for this study, and nothing leaves after it.
    pub(super) fn leave_study(&mut self, kept: &Kept) -> Result<()> {
        let mut part = part(self.tx, &kept.id)?.ok_or(Error::of(ErrorCode::StudyNotJoined))?;
        if part.left.is_some() {
            return Ok(());
        }
        // Also from a study that is over or whose approval was withdrawn: leaving is always possible.
        let (_, study) = study_of(self.tx, &kept.id)?;
        let key = self.study_key(&kept.id)?;
        let leave = StudyLeave {
            version: VERSION,
            study: kept.id,
            key: key.public(),
            ext: Extensions::none(),
        };
        let signature = key.sign(&leave);
        let word = ToStudy::Leave(Box::new(SignedStudyLeave { leave, signature }));
        let job = StudyJob {
            study: kept.id,
            part: true,
        };
        self.tell_study(&desk_of(&study, None)?, &word, job, None)?;
        part.left = Some(self.now);
        self.put_part(&part)
    }
}
