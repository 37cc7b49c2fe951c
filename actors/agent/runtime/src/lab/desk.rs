//! At the laboratory: orders come in, samples are received or rejected, results are signed.

use telesphor_clinical::document::FHIR_JSON;
use telesphor_clinical::header::{DocumentKind, Relation, RelationKind, Status};
use telesphor_clinical::instant::Instant;
use telesphor_clinical::lab::code::LabCode;
use telesphor_clinical::lab::mapping::blind_number;
use telesphor_clinical::lab::order::{LabOrder, SignedLabOrder};
use telesphor_clinical::lab::state::{LabAct, LabState, next};
use telesphor_clinical::lab::values::LabValues;
use telesphor_clinical::lab::word::{
    FromLab, LabNewsKind, LabNotice, LabResult, SignedLabNews, SignedLabNotice, ToLab,
};
use telesphor_clinical::lab::{open, seal};
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::role::RoleStep;
use telesphor_clinical::text::Text;
use telesphor_identity::evidence::EvidenceOf;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::DocumentId;
use telesphor_wire::labels::HpkeLabel;

use super::record::{Case, Critical, LabJob, MAX_OF_ONE};
use crate::core::Ctx;
use crate::core::records::{Held, Job};
use crate::documents::keep::Kept;
use crate::documents::write::Draft;
use crate::error::{Error, Result};
use crate::mailbox::leave::Letterbox;

/// Two machines' clocks may differ by so much, milliseconds.
const CLOCKS_MS: u64 = 5 * 60 * 1000;

fn letterbox(order: &LabOrder) -> Letterbox {
    Letterbox {
        domain: order.domain.clone(),
        mailbox: order.mailbox,
        seed: order.deposit_seed.clone(),
    }
}

impl Ctx<'_, '_> {
    /// Something was deposited at this laboratory's desk. What is not worked on is counted, so that
    /// somebody asks why.
    pub(crate) fn desk_told(&mut self, held: &Held, payload: &[u8], stamp: u64) -> Result<()> {
        let taken = match open(payload, HpkeLabel::LabOrder, &held.id, &self.desk_key()?) {
            Ok(ToLab::Order(order)) => self.order_came(*order, stamp),
            Ok(ToLab::News(news)) => self.news_came(&news),
            Ok(ToLab::Foreign(_)) => Ok(()),
            Err(_) => Err(ErrorCode::CannotOpen.into()),
        };
        match taken {
            Err(error) if !crate::sync::events::is_local(error.code) => {
                self.note_refused_order(stamp, error.code)
            }
            other => other,
        }
    }

    fn order_came(&mut self, signed: SignedLabOrder, stamp: u64) -> Result<()> {
        let order = &signed.order;
        let pass = &order.pass.pass;
        let forged = Error::of(ErrorCode::LabForgedOrder);
        let desk = self.own_desk()?.ok_or(Error::of(ErrorCode::NotFound))?;
        let known = desk
            .seeds
            .iter()
            .any(|(hospital, _)| *hospital == pass.organisation);
        let in_time = pass.from.saturating_sub(CLOCKS_MS) <= stamp && stamp <= pass.until;
        if !signed.is_sound() || pass.laboratory != self.me() || !known || !in_time {
            return Err(forged);
        }
        self.check_pass(&order.pass).map_err(|_| forged.clone())?;
        if let Some(case) = self.case(&order.order)? {
            // The same once more changes nothing.
            return match case.order == signed {
                true => Ok(()),
                false => Err(forged),
            };
        }
        if self.coded(&order.tube)?.is_some() || self.coded(&order.form)?.is_some() {
            return Err(ErrorCode::LabCodeTaken.into());
        }
        self.put_case(&Case {
            order: signed,
            came: stamp,
            state: LabState::Ordered,
            changed: stamp,
            why: None,
            results: Vec::new(),
            critical: None,
            acknowledged: None,
            unsent: None,
        })
    }

    fn news_came(&mut self, signed: &SignedLabNews) -> Result<()> {
        let news = &signed.news;
        let forged = || Error::of(ErrorCode::LabForgedOrder);
        let mut case = self.case(&news.order)?.ok_or_else(forged)?;
        let key = &case.order.order.key;
        if news.ext.check(&[]).is_err() || key.verify(news, &signed.signature).is_err() {
            return Err(forged());
        }
        match news.kind {
            LabNewsKind::Collected => {
                case.state = next(case.state, LabAct::Collect)?;
                case.changed = self.now;
            }
            LabNewsKind::Acknowledged => {
                case.acknowledged.get_or_insert(news.at.stamp());
            }
            LabNewsKind::Other(_) => return Ok(()),
        }
        self.put_case(&case)
    }

    /// The order on whose tube one code stands, and on whose form the other.
    pub(super) fn case_by(&self, tube: &LabCode, form: &LabCode) -> Result<Case> {
        let missing = || Error::of(ErrorCode::LabNoOrder);
        let [by_tube, by_form] = [self.coded(tube)?, self.coded(form)?];
        let order = match (by_tube, by_form) {
            (Some(one), Some(other)) if one == other => one,
            (Some(_), Some(_)) => return Err(ErrorCode::LabTwoOrders.into()),
            _ => return Err(missing()),
        };
        let case = self.case(&order)?.ok_or_else(missing)?;
        match case.order.order.tube == *tube && case.order.order.form == *form {
            true => Ok(case),
            // One of the two was read twice, or each where the other stands.
            false => Err(missing()),
        }
    }

    fn answer(&mut self, case: &Case, word: &FromLab) -> Result<()> {
        let order = &case.order.order;
        let payload = seal(word, HpkeLabel::LabResult, &order.mailbox, &order.result)
            .map_err(|_| Error::of(ErrorCode::TooLarge))?;
        let job = LabJob {
            order: order.order,
            from_lab: true,
        };
        self.leave_at(letterbox(order), payload, Job::Lab(job), None)?;
        Ok(())
    }

    /// What could not be brought to whoever ordered goes once more.
    pub(super) fn answer_again(&mut self, mut case: Case) -> Result<Digest> {
        let order = case.order.order.clone();
        case.unsent = None;
        self.put_case(&case)?;
        let job = Job::Lab(LabJob {
            order: order.order,
            from_lab: true,
        });
        self.leave_again(job, |_, _| Ok(Some(letterbox(&order))))?;
        Ok(order.order)
    }

    /// A sample has arrived, or is of no use.
    pub(super) fn sample_came(&mut self, mut case: Case, why: Option<Text>) -> Result<Digest> {
        let act = match why {
            Some(_) => LabAct::Reject,
            None => LabAct::Receive,
        };
        case.state = next(case.state, act)?;
        case.changed = self.now;
        case.why.clone_from(&why);
        self.put_case(&case)?;
        let order = case.order.order.order;
        let notice = LabNotice {
            version: VERSION,
            laboratory: self.me(),
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            order,
            state: match act {
                LabAct::Reject => LabState::Rejected,
                _ => LabState::Received,
            },
            why,
            at: self.instant(),
            ext: Extensions::none(),
        };
        let signature = self.keys.endpoint.sign(&notice);
        self.answer(
            &case,
            &FromLab::Notice(Box::new(SignedLabNotice { notice, signature })),
        )?;
        Ok(order)
    }

    /// Signs values as the result of an order, and answers with it.
    pub(super) fn give_result(
        &mut self,
        mut case: Case,
        values: LabValues,
        amends: bool,
        taken_at: Option<Instant>,
    ) -> Result<DocumentId> {
        let order = case.order.order.clone();
        if values
            .codes
            .iter()
            .any(|code| *code != order.tube && *code != order.form)
        {
            return Err(ErrorCode::LabOtherFile.into());
        }
        let status = match (values.status, amends) {
            (Status::Final, true) => Status::Amended,
            (status, _) => status,
        };
        let act = match status {
            Status::Preliminary => LabAct::Preliminary,
            Status::Amended => LabAct::Amend,
            _ => LabAct::Finish,
        };
        case.state = next(case.state, act)?;
        case.changed = self.now;
        let title = format!("{} (order {})", values.title, order.tube);
        let mut draft = Draft::new(DocumentKind::Result, FHIR_JSON, &title, values.body);
        draft.blind = Some(blind_number(&order.order));
        draft.status = status;
        draft.effective = taken_at.or(values.effective);
        draft.scopes = values.scopes;
        draft.sensitivity = values.sensitivity;
        let critical = !values.critical.is_empty();
        draft.urgent = critical || order.urgent;
        let by = self.now + u64::from(order.pass.pass.critical_minutes) * 60_000;
        draft.acknowledge_by = critical.then_some(by);
        draft.corrects.extend(case.results.last().map(|before| Relation {
            kind: match status {
                Status::Amended => RelationKind::Amends,
                _ => RelationKind::Replaces,
            },
            document: *before,
        }));
        if case.results.len() >= MAX_OF_ONE {
            return Err(ErrorCode::TooMany.into());
        }
        let (id, bytes) = self.write_document(draft)?;
        self.put_result_of(&id, &order.order)?;
        let me = self.me();
        let result = LabResult {
            document: bytes.into(),
            proofs: Bytes(self.proofs_about(&me)?.to_bytes()),
        };
        self.answer(&case, &FromLab::Result(Box::new(result)))?;
        case.results.push(id);
        if critical {
            let letter = self.write_to_ward(&id, &case, by)?;
            case.acknowledged = None;
            case.critical = Some(Critical {
                at: self.now,
                tests: values.critical.iter().map(|t| Text::cut(t)).collect(),
                letter,
            });
        }
        self.put_case(&case)?;
        Ok(id)
    }

    /// Writes a critical result to the role that the hospital named, if that can be written to
    /// from here. The order's mailbox and the telephone are there besides.
    fn write_to_ward(&mut self, result: &DocumentId, case: &Case, by: u64) -> Result<bool> {
        let Some(role) = case.order.order.pass.pass.critical_role else {
            return Ok(false);
        };
        let Some(card) = crate::role::card_of(self.tx, &role)? else {
            return Ok(false);
        };
        let step = RoleStep {
            role: card.card.role,
            identity: role,
            by: Some(Instant::now_of(by, 0, telesphor_clinical::instant::Clock::Device)),
        };
        self.write_letter(result, vec![step], None)?;
        Ok(true)
    }

    /// The proof of a result's time is whole: it follows the result.
    pub(crate) fn evidence_to_order(&mut self, kept: &Kept) -> Result<()> {
        let Some(order) = self.result_of(&kept.id)? else {
            return Ok(());
        };
        let case = self.case(&order)?.ok_or(Error::fault("case"))?;
        let evidence = EvidenceOf {
            document: kept.id,
            evidence: kept.evidence.clone(),
            ext: Extensions::none(),
        };
        self.answer(&case, &FromLab::Evidence(Bytes(evidence.to_bytes())))
    }
}
