//! What is kept of studies beside the documents themselves.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use telesphor_clinical::study::row::StudyRow;
use telesphor_clinical::study::word::{AnswerAt, SignedStudyPlace, SignedStudyShare, Voucher};
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::coded;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId, Nonce};
use telesphor_wire::sign::PublicKey;

use crate::core::Ctx;
use crate::core::records::Refused;
use crate::error::{Error, Result};

/// Studies in which this identity takes part.
const PARTS: &[u8] = b"study-parts";
/// Where this identity adds up.
const PLACES: &[u8] = b"study-places";
/// Where others add up for this researcher.
const OFFERED: &[u8] = b"study-offered";
/// Refusals that are remembered.
const MAX_REFUSED: usize = 32;

/// Something about a study that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StudyJob {
    pub(crate) study: DocumentId,
    /// By whoever takes part.
    pub(crate) part: bool,
}

/// A study, at its researcher.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct OwnStudy {
    pub(super) study: DocumentId,
    pub(super) mailbox: MailboxId,
    pub(super) nonce: Nonce,
    /// The private half of the voucher key, DER.
    pub(super) voucher_key: Option<Bytes>,
    /// Vouchers that were paid out.
    pub(super) paid: Vec<Digest>,
    pub(super) sums: Vec<SumResult>,
    /// What came and was not taken, and when.
    pub(super) refused: Vec<(u64, ErrorCode)>,
}

/// A sum that came, one half or both.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct SumResult {
    pub(super) task: u16,
    pub(super) batch: Digest,
    pub(super) people: u32,
    pub(super) halves: Vec<(IdentityId, Bytes)>,
    pub(super) at: u64,
}

/// Somebody who takes part, at the researcher: a key, and nobody.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) key: PublicKey,
    pub(super) left: bool,
    pub(super) number: u32,
    pub(super) rows: Vec<StudyRow>,
    pub(super) answer: Option<AnswerAt>,
    /// The voucher was signed.
    pub(super) signed: bool,
    pub(super) at: u64,
}

/// A voucher that waits for its signature.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) serial: Digest,
    pub(super) message: Bytes,
    pub(super) secret: Bytes,
    pub(super) noise: Digest,
}

/// That this identity takes part.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) study: DocumentId,
    pub(super) at: u64,
    pub(super) left: Option<u64>,
    pub(super) number: u32,
    pub(super) last: u64,
    /// Sums to which halves went.
    pub(super) sums: Vec<u16>,
    pub(super) mailbox: Option<MailboxId>,
    pub(super) waiting: Option<Waiting>,
    pub(super) voucher: Option<Voucher>,
    /// Why something never left.
    pub(super) unsent: Option<Refused>,
}

/// Where this identity adds up.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Adding {
    pub(super) mailbox: MailboxId,
    pub(super) nonce: Nonce,
    pub(super) researcher: IdentityId,
    /// Sums whose halves came.
    pub(super) tasks: Vec<(DocumentId, u16)>,
    /// The secret of the two, by study.
    pub(super) secrets: Vec<(DocumentId, Secret)>,
    pub(super) refused: Vec<(u64, ErrorCode)>,
}

coded! {
    /// How far a half has come.
    pub(super) enum HalfState {
        /// Not checked yet.
        1 => Came,
        /// It makes a number with the other.
        2 => Good,
        /// It makes none.
        3 => Refused,
        /// It was added up.
        4 => Added,
    }
}

/// A half, at one who adds up.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Half {
    pub(super) signed: SignedStudyShare,
    pub(super) state: HalfState,
    /// What it is added up by.
    pub(super) part: Bytes,
    /// What was asked and answered, so that the same question gets the same answer.
    pub(super) asked: Bytes,
    pub(super) answer: Bytes,
}

fn named(prefix: &[u8], rest: &[u8]) -> Vec<u8> {
    [prefix, rest].concat()
}

fn of_task(prefix: &[u8], study: &DocumentId, task: u16) -> Vec<u8> {
    [prefix, &study.0[..], &task.to_be_bytes()].concat()
}

/// Everything that a list names.
fn listed<K, T>(records: &impl Records, list: &[u8], name: impl Fn(&K) -> Vec<u8>) -> Result<Vec<T>>
where
    K: DeserializeOwned + Serialize,
    T: DeserializeOwned + Serialize,
{
    let mut all = Vec::new();
    for (_, bytes) in records.range(Table::Receipts, list, 0, usize::MAX)? {
        let key: K = canonical::decode(&bytes).map_err(|_| Error::fault("study list"))?;
        all.extend(records.get_value(Table::Receipts, &name(&key))?);
    }
    Ok(all)
}

fn own_name(study: &DocumentId) -> Vec<u8> {
    named(b"study-own/", &study.0)
}

fn part_name(study: &DocumentId) -> Vec<u8> {
    named(b"study-part/", &study.0)
}

fn adding_name(mailbox: &MailboxId) -> Vec<u8> {
    named(b"study-adding/", &mailbox.0)
}

fn person_name(study: &DocumentId, key: &PublicKey) -> Vec<u8> {
    [b"study-person/", &study.0[..], &key.0].concat()
}

fn half_name(study: &DocumentId, task: u16, key: &PublicKey) -> Vec<u8> {
    named(&of_task(b"study-half/", study, task), &key.0)
}

pub(super) fn own(records: &impl Records, study: &DocumentId) -> Result<Option<OwnStudy>> {
    Ok(records.get_value(Table::Receipts, &own_name(study))?)
}

pub(super) fn all_parts(records: &impl Records) -> Result<Vec<Part>> {
    listed(records, PARTS, part_name)
}

pub(super) fn part(records: &impl Records, study: &DocumentId) -> Result<Option<Part>> {
    Ok(records.get_value(Table::Receipts, &part_name(study))?)
}

pub(super) fn all_adding(records: &impl Records) -> Result<Vec<Adding>> {
    listed(records, PLACES, adding_name)
}

pub(super) fn people(records: &impl Records, study: &DocumentId) -> Result<Vec<Person>> {
    let list = named(b"study-people/", &study.0);
    listed(records, &list, |key| person_name(study, key))
}

pub(super) fn halves(records: &impl Records, study: &DocumentId, task: u16) -> Result<Vec<Half>> {
    let list = of_task(b"study-halves/", study, task);
    listed(records, &list, |key| half_name(study, task, key))
}

impl Ctx<'_, '_> {
    pub(super) fn put_own_study(&mut self, own: &OwnStudy) -> Result<()> {
        if self::own(self.tx, &own.study)?.is_none() {
            self.put(
                Table::Receipts,
                &named(b"study-mailbox/", &own.mailbox.0),
                &own.study,
            )?;
        }
        self.put(Table::Receipts, &own_name(&own.study), own)
    }

    /// The study whose desk a mailbox is.
    pub(super) fn own_study_at(&self, mailbox: &MailboxId) -> Result<Option<OwnStudy>> {
        let study: Option<DocumentId> = self.get(Table::Receipts, &named(b"study-mailbox/", &mailbox.0))?;
        study.map_or(Ok(None), |study| own(self.tx, &study))
    }

    pub(super) fn person(&self, study: &DocumentId, key: &PublicKey) -> Result<Option<Person>> {
        self.get(Table::Receipts, &person_name(study, key))
    }

    pub(super) fn put_person(&mut self, study: &DocumentId, person: &Person) -> Result<()> {
        if self.person(study, &person.key)?.is_none() {
            self.push(Table::Receipts, &named(b"study-people/", &study.0), &person.key)?;
        }
        self.put(Table::Receipts, &person_name(study, &person.key), person)
    }

    pub(super) fn put_part(&mut self, part: &Part) -> Result<()> {
        if self::part(self.tx, &part.study)?.is_none() {
            self.push(Table::Receipts, PARTS, &part.study)?;
        }
        if let Some(mailbox) = &part.mailbox {
            self.put(
                Table::Receipts,
                &named(b"study-answers/", &mailbox.0),
                &part.study,
            )?;
        }
        self.put(Table::Receipts, &part_name(&part.study), part)
    }

    /// The study whose answers a mailbox takes.
    pub(super) fn part_at(&self, mailbox: &MailboxId) -> Result<Option<Part>> {
        let study: Option<DocumentId> = self.get(Table::Receipts, &named(b"study-answers/", &mailbox.0))?;
        study.map_or(Ok(None), |study| part(self.tx, &study))
    }

    pub(super) fn adding_at(&self, mailbox: &MailboxId) -> Result<Option<Adding>> {
        self.get(Table::Receipts, &adding_name(mailbox))
    }

    pub(super) fn put_study_adding(&mut self, adding: &Adding) -> Result<()> {
        if self.adding_at(&adding.mailbox)?.is_none() {
            self.push(Table::Receipts, PLACES, &adding.mailbox)?;
        }
        self.put(Table::Receipts, &adding_name(&adding.mailbox), adding)
    }

    pub(super) fn half(&self, study: &DocumentId, task: u16, key: &PublicKey) -> Result<Option<Half>> {
        self.get(Table::Receipts, &half_name(study, task, key))
    }

    pub(super) fn put_half(&mut self, half: &Half) -> Result<()> {
        let share = &half.signed.share;
        if self.half(&share.study, share.task, &share.key)?.is_none() {
            let list = of_task(b"study-halves/", &share.study, share.task);
            self.push(Table::Receipts, &list, &share.key)?;
        }
        let name = half_name(&share.study, share.task, &share.key);
        self.put(Table::Receipts, &name, half)
    }

    /// Places that were given to this researcher and are not used yet.
    pub(super) fn offered(&self) -> Result<Vec<SignedStudyPlace>> {
        Ok(self.get(Table::Receipts, OFFERED)?.unwrap_or_default())
    }

    pub(super) fn put_offered(&mut self, places: &[SignedStudyPlace]) -> Result<()> {
        self.put(Table::Receipts, OFFERED, places)
    }
}

/// Remembers a refusal among the last ones.
pub(super) fn note(refused: &mut Vec<(u64, ErrorCode)>, at: u64, code: ErrorCode) {
    refused.push((at, code));
    let spare = refused.len().saturating_sub(MAX_REFUSED);
    refused.drain(..spare);
}
