//! The two who add up: halves come in, are checked between them, and are added with noise.
//!
//! The first asks, the second answers; parts never travel. A half whose question was answered is
//! never answered otherwise. One half counts in one batch and no more.

use telesphor_clinical::lab::open;
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::study::Study;
use telesphor_clinical::study::word::{
    Batch, Checked, Checking, HalfSum, MAX_BATCH, MAX_CHECKED, SignedStudyShare, SignedStudySum, StudySum,
    SumSaid, ToStudy,
};
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_research::halves::{self, About, LEAST_BATCH};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret, hash};
use telesphor_wire::ids::DocumentId;
use telesphor_wire::labels::{HashLabel, HpkeLabel};
use telesphor_wire::sign::PublicKey;

use super::judge::study_of;
use super::keys::{half_id, sum_context};
use super::part::shape;
use super::record::{Adding, Half, HalfState, StudyJob, all_adding, halves as all_halves};
use super::say::desk_of;
use crate::core::Ctx;
use crate::core::records::Held;
use crate::error::{Error, Result};

/// Halves of one sum that are kept.
const MAX_HALVES: usize = 65_536;
/// Two machines' clocks may differ by so much, milliseconds.
const CLOCKS_MS: u64 = 5 * 60 * 1000;

const UNSOUND: ErrorCode = ErrorCode::SumUnsound;

/// The name of a batch.
pub(super) fn batch_id(study: &DocumentId, task: u16, keys: &[PublicKey]) -> Digest {
    hash(HashLabel::StudyBatch, &(study, task, keys))
}

/// One of the two, and which.
struct Place {
    study: Study,
    /// 0: the first.
    side: usize,
}

impl Ctx<'_, '_> {
    /// The study for which this place is one of the two.
    fn place_in(&self, adding: &Adding, id: &DocumentId) -> Result<Option<Place>> {
        let Ok((document, study)) = study_of(self.tx, id) else {
            return Ok(None);
        };
        let here = |p: &telesphor_clinical::study::word::SignedStudyPlace| {
            p.place.mailbox == adding.mailbox && p.place.aggregator == self.me()
        };
        let side = study.adders.iter().position(here);
        let genuine = document.header.author == adding.researcher && self.doubt(&document)?.is_none();
        Ok(side.filter(|_| genuine).map(|side| Place { study, side }))
    }

    pub(super) fn adder_heard(
        &mut self,
        adding: Adding,
        held: &Held,
        payload: &[u8],
        stamp: u64,
    ) -> Result<()> {
        let key = self.study_desk_key(&adding.nonce)?;
        let word = open(payload, HpkeLabel::StudyDesk, &held.id, &key)
            .map_err(|_| Error::of(ErrorCode::CannotOpen))?;
        match word {
            ToStudy::Share(share) => self.share_came(adding, *share, stamp),
            ToStudy::Sum(sum) => self.sum_came(adding, &sum),
            ToStudy::Foreign(_) => Ok(()),
            _ => Err(ErrorCode::StudyForged.into()),
        }
    }

    fn share_came(&mut self, mut adding: Adding, signed: SignedStudyShare, stamp: u64) -> Result<()> {
        let share = &signed.share;
        let sound = share.version == VERSION
            && share.ext.check(&[]).is_ok()
            && share.key.verify(share, &signed.signature).is_ok();
        if !sound {
            return Err(ErrorCode::StudyForged.into());
        }
        if let Some(before) = self.half(&share.study, share.task, &share.key)? {
            // The same bytes again change nothing; others under the same key are a second number.
            return match before.signed == signed {
                true => Ok(()),
                false => Err(ErrorCode::StudySent.into()),
            };
        }
        let place = self.place_in(&adding, &share.study)?;
        // The study may come after the first halves: then it is looked at when they are checked.
        let over = |p: &Place| p.study.until.saturating_add(CLOCKS_MS) < stamp;
        if place.as_ref().is_some_and(over) {
            return Err(ErrorCode::StudyOver.into());
        }
        let task = (share.study, share.task);
        if !adding.tasks.contains(&task) {
            // A place is for one study, and no study has more sums.
            let another = adding.tasks.iter().any(|(study, _)| *study != share.study);
            if another || adding.tasks.len() >= telesphor_clinical::study::MAX_OF_STUDY {
                return Err(ErrorCode::StudyForged.into());
            }
            adding.tasks.push(task);
            self.put_study_adding(&adding)?;
        }
        if all_halves(self.tx, &share.study, share.task)?.len() >= MAX_HALVES {
            return Err(ErrorCode::TooMany.into());
        }
        self.put_half(&Half {
            signed,
            state: HalfState::Came,
            part: Bytes(Vec::new()),
            asked: Bytes(Vec::new()),
            answer: Bytes(Vec::new()),
        })
    }

    fn say_sum(
        &mut self,
        place: &Place,
        id: &DocumentId,
        task: u16,
        to: Option<usize>,
        said: SumSaid,
    ) -> Result<()> {
        let sum = StudySum {
            version: VERSION,
            study: *id,
            task,
            aggregator: self.me(),
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            said,
            ext: Extensions::none(),
        };
        let signature = self.keys.endpoint.sign(&sum);
        let word = ToStudy::Sum(Box::new(SignedStudySum { sum, signature }));
        let job = StudyJob {
            study: *id,
            part: false,
        };
        self.tell_study(&desk_of(&place.study, to)?, &word, job, None)?;
        Ok(())
    }

    /// The first asks the second about everything that came and is not checked yet.
    pub(crate) fn tend_studies(&mut self) -> Result<()> {
        // What was asked before may still be on its way: to another hospital, if that is away.
        let asked = self.studies_waiting()?;
        for mut adding in all_adding(self.tx)? {
            for (id, task) in adding.tasks.clone() {
                let Some(place) = self.place_in(&adding, &id)? else {
                    continue;
                };
                if place.side == 0 && !asked.contains(&id) {
                    self.ask_second(&mut adding, &place, &id, task)?;
                }
            }
        }
        Ok(())
    }

    fn ask_second(&mut self, adding: &mut Adding, place: &Place, id: &DocumentId, task: u16) -> Result<()> {
        let Some(form) = place.study.sums.get(usize::from(task)).and_then(|t| t.shape()) else {
            return Ok(());
        };
        let known = adding.secrets.iter().find(|(study, _)| study == id);
        let secret = match known {
            Some((_, secret)) => secret.clone(),
            None => {
                let secret = Secret::random();
                adding.secrets.push((*id, secret.clone()));
                self.put_study_adding(adding)?;
                secret
            }
        };
        let context = sum_context(id, task);
        let mut questions = Vec::new();
        for mut half in all_halves(self.tx, id, task)? {
            if half.state != HalfState::Came {
                continue;
            }
            let share = &half.signed.share;
            let about = About {
                sum: &context,
                name: &half_id(&share.key),
                public: &share.public,
            };
            match halves::start(shape(form), &secret, about, &share.half) {
                Ok(message) => questions.push(Checked {
                    key: share.key,
                    message: Some(Bytes(message)),
                }),
                Err(_) => {
                    half.state = HalfState::Refused;
                    self.put_half(&half)?;
                }
            }
        }
        for some in questions.chunks(MAX_CHECKED) {
            let said = SumSaid::Check(Checking {
                secret: Some(secret.clone()),
                halves: some.to_vec(),
            });
            self.say_sum(place, id, task, Some(1), said)?;
        }
        Ok(())
    }

    /// Whether one of the two said this.
    fn said_by_adder(&mut self, study: &Study, signed: &SignedStudySum, side: usize) -> Result<()> {
        let sum = &signed.sum;
        let forged = || Error::of(ErrorCode::StudyForged);
        let place = study.adders.get(side).ok_or_else(forged)?;
        let sound = sum.version == VERSION && sum.ext.check(&[]).is_ok();
        if !sound || sum.aggregator != place.place.aggregator {
            return Err(forged());
        }
        self.check_study_place(place)?;
        let history = self.history(&sum.aggregator)?.ok_or_else(forged)?;
        let said = SignerSaid {
            identity: &sum.aggregator,
            head: &sum.head,
            endpoint: &sum.endpoint,
        };
        history
            .check_signed(said, Judged::now(self.now), sum, &signed.signature)
            .map_err(|_| forged())
    }

    fn sum_came(&mut self, mut adding: Adding, signed: &SignedStudySum) -> Result<()> {
        let sum = &signed.sum;
        let place = self.place_in(&adding, &sum.study)?;
        let place = place.ok_or(Error::of(ErrorCode::StudyForged))?;
        self.said_by_adder(&place.study, signed, 1 - place.side)?;
        match (&sum.said, place.side) {
            (SumSaid::Check(checking), 1) => self.answer_first(&mut adding, &place, sum, checking),
            (SumSaid::Checked(checking), 0) => self.second_answered(&adding, &place, sum, checking),
            (SumSaid::Add(batch), 1) => self.add_up(&place, &sum.study, sum.task, &batch.keys),
            (SumSaid::Foreign(_), _) => Ok(()),
            _ => Err(ErrorCode::StudyForged.into()),
        }
    }

    fn answer_first(
        &mut self,
        adding: &mut Adding,
        place: &Place,
        sum: &StudySum,
        checking: &Checking,
    ) -> Result<()> {
        let id = &sum.study;
        let form = place
            .study
            .sums
            .get(usize::from(sum.task))
            .and_then(|t| t.shape());
        let (Some(form), Some(secret)) = (form, &checking.secret) else {
            return Err(UNSOUND.into());
        };
        match adding.secrets.iter().find(|(study, _)| study == id) {
            Some((_, known)) if known != secret => return Err(UNSOUND.into()),
            Some(_) => {}
            None => {
                adding.secrets.push((*id, secret.clone()));
                self.put_study_adding(adding)?;
            }
        }
        let context = sum_context(id, sum.task);
        let mut answers = Vec::new();
        for question in &checking.halves {
            let (Some(message), Some(mut half)) =
                (&question.message, self.half(id, sum.task, &question.key)?)
            else {
                // Its other half has not come: the first asks again.
                continue;
            };
            if half.state == HalfState::Came {
                let share = &half.signed.share;
                let about = About {
                    sum: &context,
                    name: &half_id(&share.key),
                    public: &share.public,
                };
                half.asked = message.clone();
                match halves::answer(shape(form), secret, about, &share.half, message) {
                    Ok((answer, part)) => {
                        half.state = HalfState::Good;
                        (half.answer, half.part) = (Bytes(answer), Bytes(part));
                    }
                    Err(_) => half.state = HalfState::Refused,
                }
                self.put_half(&half)?;
            }
            let same = half.asked == *message && half.state != HalfState::Refused;
            answers.push(Checked {
                key: question.key,
                message: same.then(|| half.answer.clone()),
            });
        }
        if answers.is_empty() {
            return Ok(());
        }
        let said = SumSaid::Checked(Checking {
            secret: None,
            halves: answers,
        });
        self.say_sum(place, id, sum.task, Some(0), said)
    }

    fn second_answered(
        &mut self,
        adding: &Adding,
        place: &Place,
        sum: &StudySum,
        checking: &Checking,
    ) -> Result<()> {
        let id = &sum.study;
        let form = place
            .study
            .sums
            .get(usize::from(sum.task))
            .and_then(|t| t.shape());
        let secret = adding.secrets.iter().find(|(study, _)| study == id);
        let (Some(form), Some((_, secret))) = (form, secret) else {
            return Err(UNSOUND.into());
        };
        let context = sum_context(id, sum.task);
        for checked in &checking.halves {
            let Some(mut half) = self.half(id, sum.task, &checked.key)? else {
                continue;
            };
            if half.state != HalfState::Came {
                continue;
            }
            let share = &half.signed.share;
            let about = About {
                sum: &context,
                name: &half_id(&share.key),
                public: &share.public,
            };
            let answer = checked.message.as_ref().map(|m| &m.0[..]);
            let part = answer.map(|answer| halves::finish(shape(form), secret, about, &share.half, answer));
            match part {
                Some(Ok(part)) => {
                    half.state = HalfState::Good;
                    half.part = Bytes(part);
                }
                _ => half.state = HalfState::Refused,
            }
            self.put_half(&half)?;
        }
        Ok(())
    }

    /// Adds up one batch, with noise, for the researcher.
    fn add_up(&mut self, place: &Place, id: &DocumentId, task: u16, keys: &[PublicKey]) -> Result<()> {
        let spec = place.study.sums.get(usize::from(task));
        let (Some(spec), Some(form)) = (spec, spec.and_then(|t| t.shape())) else {
            return Err(UNSOUND.into());
        };
        let rises = keys.windows(2).all(|w| w[0] < w[1]);
        if keys.len() < LEAST_BATCH {
            return Err(ErrorCode::StudyTooFew.into());
        }
        if !rises || keys.len() > MAX_BATCH {
            return Err(UNSOUND.into());
        }
        let (mut parts, mut added) = (Vec::new(), Vec::new());
        for key in keys {
            let half = self.half(id, task, key)?.ok_or(Error::of(UNSOUND))?;
            if half.state != HalfState::Good {
                return Err(UNSOUND.into());
            }
            parts.push(half.part.0.clone());
            added.push(half);
        }
        let half = halves::add(shape(form), &parts, spec.epsilon_milli).map_err(|_| Error::of(UNSOUND))?;
        for mut one in added {
            // Added once: two batches with one person between them would tell of him.
            one.state = HalfState::Added;
            one.part = Bytes(Vec::new());
            self.put_half(&one)?;
        }
        let said = SumSaid::Half(HalfSum {
            batch: batch_id(id, task, keys),
            people: u32::try_from(keys.len()).unwrap_or(u32::MAX),
            half: Bytes(half),
        });
        self.say_sum(place, id, task, None, said)
    }

    /// At the first of the two: everything that was found good becomes a batch of each sum. Gives
    /// how many people each batch has. At either, what could not be brought to another hospital goes again.
    pub(super) fn aggregate(&mut self, id: &DocumentId) -> Result<Vec<(u16, usize)>> {
        let again = self.tell_study_again(StudyJob {
            study: *id,
            part: false,
        })?;
        let mut done = Vec::new();
        for adding in all_adding(self.tx)? {
            let Some(place) = self.place_in(&adding, id)? else {
                continue;
            };
            if place.side != 0 && again == 0 {
                return Err(ErrorCode::NotAllowedHere.into());
            }
            if place.side != 0 {
                continue;
            }
            for (_, task) in adding.tasks.iter().filter(|(study, _)| study == id) {
                let good = all_halves(self.tx, id, *task)?.into_iter();
                let good = good.filter(|half| half.state == HalfState::Good);
                let mut keys: Vec<PublicKey> =
                    good.map(|half| half.signed.share.key).take(MAX_BATCH).collect();
                keys.sort_unstable();
                if keys.len() < LEAST_BATCH {
                    continue;
                }
                let said = SumSaid::Add(Batch { keys: keys.clone() });
                self.say_sum(&place, id, *task, Some(1), said)?;
                self.add_up(&place, id, *task, &keys)?;
                done.push((*task, keys.len()));
            }
        }
        match done.is_empty() && again == 0 {
            true => Err(ErrorCode::StudyTooFew.into()),
            false => Ok(done),
        }
    }

    /// One half of a sum came to the researcher.
    pub(super) fn half_sum_came(
        &mut self,
        mut own: super::record::OwnStudy,
        study: &Study,
        signed: &SignedStudySum,
        stamp: u64,
    ) -> Result<()> {
        let sum = &signed.sum;
        let SumSaid::Half(half) = &sum.said else {
            return Err(ErrorCode::StudyForged.into());
        };
        let side = study
            .adders
            .iter()
            .position(|p| p.place.aggregator == sum.aggregator);
        let known = usize::from(sum.task) < study.sums.len() && sum.study == own.study;
        let side = side.filter(|_| known).ok_or(Error::of(ErrorCode::StudyForged))?;
        self.said_by_adder(study, signed, side)?;
        let few = usize::try_from(half.people).is_ok_and(|n| n < LEAST_BATCH);
        if few {
            return Err(ErrorCode::StudyTooFew.into());
        }
        let at = own
            .sums
            .iter()
            .position(|r| r.task == sum.task && r.batch == half.batch);
        let at = match at {
            Some(at) => at,
            None => {
                own.sums.push(super::record::SumResult {
                    task: sum.task,
                    batch: half.batch,
                    people: half.people,
                    halves: Vec::new(),
                    at: stamp,
                });
                own.sums.len() - 1
            }
        };
        let result = &mut own.sums[at];
        if result.people != half.people {
            return Err(UNSOUND.into());
        }
        if result.halves.iter().any(|(who, _)| *who == sum.aggregator) {
            return Err(ErrorCode::StudySent.into());
        }
        result.halves.push((sum.aggregator, half.half.clone()));
        result.at = stamp;
        self.put_own_study(&own)
    }
}
