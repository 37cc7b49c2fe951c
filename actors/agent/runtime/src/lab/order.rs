//! Ordering: codes, mapping, a mailbox and keys for this one order, all in one transaction.

use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::lab::code::LabCode;
use telesphor_clinical::lab::mapping::{LAB_MAPPING, LabMapping};
use telesphor_clinical::lab::order::{About, LabOrder, LabTest, SignedLabOrder, order_id};
use telesphor_clinical::lab::seal;
use telesphor_clinical::lab::state::{LabAct, LabState, next};
use telesphor_clinical::lab::word::{LabDesk, LabNews, LabNewsKind, SignedLabNews, ToLab};
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::scope::Scopes;
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{IdentityId, MailboxId, Nonce};
use telesphor_wire::labels::HpkeLabel;
use telesphor_wire::mailbox::{MailboxKind, Policy};
use telesphor_wire::sign::SigningKey;

use super::record::{LabJob, Ordered};
use crate::core::Ctx;
use crate::core::records::{Job, Refused};
use crate::documents::write::Draft;
use crate::error::{Error, Result};
use crate::mailbox::leave::Letterbox;
use crate::mailbox::open::Plan;
use crate::mailbox::tend::DAY_MS;

/// The mailbox of one order: the same for all, whatever was ordered.
const MOST_BYTES: u64 = 4 << 20;
const MOST_EVENTS: u64 = 64;

/// An order to be made, as a command line or a page knows it.
#[derive(Clone, Debug)]
pub struct LabDraft {
    /// What is to be measured.
    pub tests: Vec<LabTest>,
    /// What the laboratory is told of the patient because a test needs it.
    pub about: About,
    /// Whether somebody waits for it.
    pub urgent: bool,
    /// The patient gets values only by the orderer's word.
    pub hold: bool,
    /// Compartments of the record in which the order lies.
    pub scopes: Scopes,
}

/// What was ordered, in words.
pub(super) fn test_words(tests: &[LabTest]) -> String {
    let words: Vec<String> = tests
        .iter()
        .map(|t| match t.name.is_empty() {
            true => t.code.shown(),
            false => t.name.shown(),
        })
        .collect();
    words.join(", ")
}

fn letterbox(desk: &LabDesk) -> Letterbox {
    Letterbox {
        domain: desk.domain.clone(),
        mailbox: desk.mailbox,
        seed: desk.deposit_seed.clone(),
    }
}

impl Ctx<'_, '_> {
    /// Makes an order. It leaves when its mailbox is open; the patient has the mapping by then.
    pub(super) fn place_order(
        &mut self,
        patient: &IdentityId,
        laboratory: &IdentityId,
        draft: LabDraft,
    ) -> Result<Digest> {
        let place = self.place(laboratory)?.ok_or(Error::of(ErrorCode::NotFound))?;
        let (pass, pass_seed) = self
            .pass_for(laboratory)?
            .ok_or(Error::of(ErrorCode::NotYetDurable))?;
        let desk = place.place.desk;
        let (salt, me) = (Nonce::random(), self.me());
        let order = order_id(&salt, patient, &me, &draft.tests);
        let (tube, form) = (LabCode::random(), LabCode::random());
        let (mailbox, voucher) = self.draw_mailbox()?;
        let seed = self.answer_seed(&salt)?;
        let said = LabOrder {
            version: VERSION,
            order,
            tube,
            form,
            tests: draft.tests.clone(),
            about: draft.about,
            urgent: draft.urgent,
            pass,
            key: self.order_key(&salt)?.public(),
            domain: self.profile.domain().clone(),
            mailbox,
            deposit_seed: seed.clone(),
            result: self.result_key(&salt)?.public(),
            ext: Extensions::none(),
        };
        let signed = SignedLabOrder {
            signature: SigningKey::from_seed(&pass_seed).sign(&said),
            order: said,
        };
        if !signed.is_sound() {
            return Err(ErrorCode::InputRefused.into());
        }
        let mapping = LabMapping {
            version: VERSION,
            order,
            salt,
            patient: *patient,
            doctor: me,
            tests: draft.tests.clone(),
            laboratory: desk.laboratory,
            laboratory_name: desk.name.clone(),
            tube,
            form,
            ext: Extensions::none(),
        };
        let title = format!("Laboratory: {}", test_words(&draft.tests));
        let mut written = Draft::new(DocumentKind::Order, LAB_MAPPING, &title, mapping.to_bytes());
        written.subject = Some(*patient);
        written.scopes = draft.scopes;
        written.urgent = draft.urgent;
        let (mapping, _) = self.write_document(written)?;
        self.send_document(&mapping, patient)?;
        let plan = Plan {
            id: mailbox,
            voucher,
            kind: MailboxKind::Personal,
            used: MailboxUse::Results,
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
        let ordered = Ordered {
            order,
            salt,
            mapping,
            patient: *patient,
            tests: draft.tests,
            tube,
            form,
            desk,
            mailbox,
            urgent: draft.urgent,
            hold: draft.hold,
            at: self.now,
            state: LabState::Ordered,
            changed: self.now,
            why: None,
            results: Vec::new(),
            released: Vec::new(),
            acknowledged: None,
            refused: Vec::new(),
            unsent: None,
        };
        self.put_ordered(&ordered)?;
        self.tell_desk(&ordered, &ToLab::Order(Box::new(signed)), Some(open))?;
        Ok(order)
    }

    fn tell_desk(&mut self, ordered: &Ordered, word: &ToLab, after: Option<u64>) -> Result<()> {
        let desk = &ordered.desk;
        let payload = seal(word, HpkeLabel::LabOrder, &desk.mailbox, &desk.key)
            .map_err(|_| Error::of(ErrorCode::TooLarge))?;
        let job = LabJob {
            order: ordered.order,
            from_lab: false,
        };
        self.leave_at(letterbox(desk), payload, Job::Lab(job), after)?;
        Ok(())
    }

    /// What could not be brought to the laboratory goes once more.
    pub(super) fn tell_desk_again(&mut self, order: &Digest) -> Result<()> {
        let mut ordered = self.ordered(order)?.ok_or(Error::of(ErrorCode::LabNoOrder))?;
        // The pass under which it was made is over, or nearly.
        if ordered.state == LabState::Ordered && ordered.at.saturating_add(DAY_MS) < self.now {
            return Err(ErrorCode::Expired.into());
        }
        ordered.unsent = None;
        self.put_ordered(&ordered)?;
        let job = Job::Lab(LabJob {
            order: *order,
            from_lab: false,
        });
        self.leave_again(job, |_, _| Ok(Some(letterbox(&ordered.desk))))?;
        Ok(())
    }

    /// Tells the laboratory something about an order.
    fn lab_news(&mut self, ordered: &Ordered, kind: LabNewsKind, at: u64) -> Result<()> {
        let news = LabNews {
            order: ordered.order,
            kind,
            at: telesphor_clinical::instant::Instant::now_of(
                at,
                0,
                telesphor_clinical::instant::Clock::Device,
            ),
            ext: Extensions::none(),
        };
        let signature = self.order_key(&ordered.salt)?.sign(&news);
        let word = ToLab::News(Box::new(SignedLabNews { news, signature }));
        self.tell_desk(ordered, &word, None)
    }

    /// The sample was taken.
    pub(super) fn sample_taken(&mut self, order: &Digest, at: u64) -> Result<()> {
        let mut ordered = self.ordered(order)?.ok_or(Error::of(ErrorCode::LabNoOrder))?;
        ordered.state = next(ordered.state, LabAct::Collect)?;
        ordered.changed = self.now;
        self.put_ordered(&ordered)?;
        self.lab_news(&ordered, LabNewsKind::Collected, at)
    }

    /// A critical value was seen, and somebody acts on it.
    pub(super) fn acknowledge_value(&mut self, order: &Digest) -> Result<()> {
        let mut ordered = self.ordered(order)?.ok_or(Error::of(ErrorCode::LabNoOrder))?;
        if ordered.results.is_empty() {
            return Err(ErrorCode::NothingToAccept.into());
        }
        if ordered.acknowledged.is_some() {
            return Ok(());
        }
        ordered.acknowledged = Some(self.now);
        self.put_ordered(&ordered)?;
        self.lab_news(&ordered, LabNewsKind::Acknowledged, self.now)
    }

    /// The relay refused what was to be sent about an order.
    pub(crate) fn lab_unsent(&mut self, job: &LabJob, refused: Refused) -> Result<()> {
        if job.from_lab {
            if let Some(mut case) = self.case(&job.order)? {
                case.unsent = Some(refused);
                self.put_case(&case)?;
            }
        } else if let Some(mut ordered) = self.ordered(&job.order)? {
            ordered.unsent = Some(refused);
            self.put_ordered(&ordered)?;
        }
        Ok(())
    }

    /// The mailbox of an order could not be opened: the order will not bring anything.
    pub(crate) fn order_not_opened(&mut self, mailbox: &MailboxId, code: ErrorCode) -> Result<()> {
        if let Some(mut ordered) = self.ordered_at(mailbox)? {
            ordered.unsent = Some(Refused::here(code));
            self.put_ordered(&ordered)?;
        }
        Ok(())
    }
}
