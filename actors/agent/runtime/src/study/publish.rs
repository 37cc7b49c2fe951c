//! The researcher: a study is signed, and a mailbox opened for it alone. Whoever adds up gives a
//! place for one study.

use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_clinical::study::ask::{Criterion, Field};
use telesphor_clinical::study::task::SumTask;
use telesphor_clinical::study::word::{SignedStudyPlace, StudyPlace, StudyWord};
use telesphor_clinical::study::{Payout, STUDY, Study, StudyDates, StudyDesk, Told};
use telesphor_clinical::text::Text;
use telesphor_identity::bundle::Proofs;
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_research::voucher;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{DocumentId, IdentityId, Nonce};
use telesphor_wire::mailbox::{MailboxKind, Policy};
use telesphor_wire::sign::SigningKey;

use super::record::{Adding, OwnStudy};
use crate::core::Ctx;
use crate::documents::write::Draft;
use crate::error::{Error, Result};
use crate::mailbox::open::Plan;

/// A study to be signed, as a file or a page knows it.
#[derive(Clone, Debug)]
pub struct StudyDraft {
    /// By which name it goes.
    pub name: String,
    /// What for.
    pub purpose: String,
    /// The number under which it was approved.
    pub approval: String,
    /// What people are told.
    pub told: Vec<Told>,
    /// Who is meant.
    pub criteria: Vec<Criterion>,
    /// Which values leave.
    pub fields: Vec<Field>,
    /// How exactly dates are told.
    pub dates: StudyDates,
    /// Until when, Unix milliseconds.
    pub until: u64,
    /// Nothing is shown of fewer people.
    pub min_cell: u16,
    /// What is given for it, in words.
    pub payout: Option<String>,
    /// Numbers of which only the sum is ever seen.
    pub sums: Vec<SumTask>,
    /// The two who add up: contacts.
    pub adders: Vec<IdentityId>,
    /// Invented data.
    pub trial: bool,
}

/// Why a study cannot be signed so.
#[derive(Debug)]
pub(super) enum NoStudy {
    /// In words.
    Fault(&'static str),
    /// By code.
    Error(Error),
}

impl From<Error> for NoStudy {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Ctx<'_, '_> {
    /// Opens a mailbox in which everybody deposits under one key.
    fn open_study_desk(&mut self) -> Result<(StudyDesk, Nonce, u64)> {
        let (id, voucher) = self.draw_mailbox()?;
        let (seed, nonce) = (Secret::random(), Nonce::random());
        let plan = Plan {
            id,
            voucher,
            kind: MailboxKind::Personal,
            used: MailboxUse::Study,
            with: None,
            min_suite: self.min_suite(),
            policy: Policy::standard(),
            access: None,
            deposit_keys: vec![SigningKey::from_seed(&seed).public()],
            name: String::new(),
        };
        let open = self.open_mailbox(plan, None)?;
        let desk = StudyDesk {
            domain: self.profile.domain().clone(),
            mailbox: id,
            deposit_seed: seed,
            key: self.study_desk_key(&nonce)?.public(),
        };
        Ok((desk, nonce, open))
    }

    /// Signs a study. The two who add up get it at once.
    pub(super) fn publish_study(&mut self, draft: StudyDraft) -> std::result::Result<DocumentId, NoStudy> {
        let refused = |_| Error::of(ErrorCode::InputRefused);
        let mut offered = self.offered()?;
        let mut adders = Vec::new();
        for who in &draft.adders {
            let at = offered.iter().position(|p| p.place.aggregator == *who);
            // A place is for one study: two studies in one mailbox could be told to belong together.
            adders.push(offered.remove(at.ok_or(Error::of(ErrorCode::NotFound))?));
        }
        let key = match &draft.payout {
            Some(_) => Some(voucher::new_key().map_err(|_| Error::fault("voucher key"))?),
            None => None,
        };
        let payout = match (draft.payout, &key) {
            (Some(words), Some((_, public))) => Some(Payout {
                words: Text::new(words).map_err(refused)?,
                key: Bytes(public.clone()),
            }),
            _ => None,
        };
        let (desk, nonce, _) = self.open_study_desk()?;
        let study = Study {
            version: VERSION,
            nonce,
            name: Text::new(draft.name).map_err(refused)?,
            purpose: Text::new(draft.purpose).map_err(refused)?,
            approval: Text::new(draft.approval).map_err(refused)?,
            told: draft.told,
            criteria: draft.criteria,
            fields: draft.fields,
            dates: draft.dates,
            until: draft.until,
            min_cell: draft.min_cell,
            payout,
            desk,
            sums: draft.sums,
            adders,
            trial: draft.trial,
            ext: Extensions::none(),
        };
        if study.until <= self.now {
            return Err(NoStudy::Fault("until: that day is over"));
        }
        if let Some(fault) = study.fault() {
            return Err(match fault.contains("two domains") {
                true => Error::of(ErrorCode::StudyOneDomain).into(),
                false => NoStudy::Fault(fault),
            });
        }
        let title = format!("Study: {}", study.name.as_str());
        let (id, _) =
            self.write_document(Draft::new(DocumentKind::Study, STUDY, &title, study.to_bytes()))?;
        self.put_offered(&offered)?;
        self.put_own_study(&OwnStudy {
            study: id,
            mailbox: study.desk.mailbox,
            nonce,
            voucher_key: key.map(|(private, _)| Bytes(private)),
            paid: Vec::new(),
            sums: Vec::new(),
            refused: Vec::new(),
        })?;
        for who in &draft.adders {
            self.send_document(&id, who)?;
        }
        Ok(id)
    }

    /// Gives a researcher a place where this identity adds up, for one study.
    pub(super) fn serve_researcher(&mut self, researcher: &IdentityId, name: &str) -> Result<()> {
        let (desk, nonce, open) = self.open_study_desk()?;
        self.put_study_adding(&Adding {
            mailbox: desk.mailbox,
            nonce,
            researcher: *researcher,
            tasks: Vec::new(),
            secrets: Vec::new(),
            refused: Vec::new(),
        })?;
        let me = self.me();
        let place = StudyPlace {
            version: VERSION,
            aggregator: me,
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            name: Text::cut(name),
            researcher: *researcher,
            domain: desk.domain,
            mailbox: desk.mailbox,
            deposit_seed: desk.deposit_seed,
            key: desk.key,
            made: self.instant(),
            ext: Extensions::none(),
        };
        let signed = SignedStudyPlace {
            signature: self.keys.endpoint.sign(&place),
            place,
            proofs: Bytes(self.proofs_about(&me)?.to_bytes()),
        };
        let word = GroupMessage::Study(StudyWord::Place(Box::new(signed)));
        // Not before somebody can deposit there.
        self.tell_reader(researcher, &word, Some(open))?;
        Ok(())
    }

    /// A contact says a word about studies.
    pub(crate) fn study_word(&mut self, from: &IdentityId, word: StudyWord) -> Result<()> {
        let StudyWord::Place(place) = word else {
            return Ok(());
        };
        if place.place.aggregator != *from || place.place.researcher != self.me() {
            return Err(ErrorCode::BadDocument.into());
        }
        self.check_study_place(&place)?;
        let mut offered = self.offered()?;
        // One at a time from each: the newest.
        offered.retain(|p| p.place.aggregator != *from);
        offered.push(*place);
        self.put_offered(&offered)
    }

    /// Takes over what proves somebody who adds up, and whether he said this.
    pub(super) fn check_study_place(&mut self, signed: &SignedStudyPlace) -> Result<()> {
        let proofs = Proofs::from_bytes(&signed.proofs).map_err(|e| Error::of(e.code()))?;
        self.take_proofs(&proofs)?;
        let place = &signed.place;
        let history = self
            .history(&place.aggregator)?
            .ok_or(Error::of(ErrorCode::BrokenHistory))?;
        let said = SignerSaid {
            identity: &place.aggregator,
            head: &place.head,
            endpoint: &place.endpoint,
        };
        history
            .check_signed(said, Judged::now(self.now), place, &signed.signature)
            .map_err(|e| Error::of(e.code()))?;
        match place.version == VERSION && place.ext.check(&[]).is_ok() {
            true => Ok(()),
            false => Err(ErrorCode::UnknownCritical.into()),
        }
    }
}
