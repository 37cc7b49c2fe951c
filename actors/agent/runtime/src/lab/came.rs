//! At the one who ordered: what the laboratory deposited in the order's mailbox, judged before it
//! counts. What is not taken is kept in mind with its reason, so that somebody asks.

use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::header::{RelationKind, Status};
use telesphor_clinical::lab::mapping::order_of;
use telesphor_clinical::lab::open;
use telesphor_clinical::lab::state::{LabAct, LabState, next};
use telesphor_clinical::lab::word::{FromLab, LabResult, SignedLabNotice};
use telesphor_clinical::limits::VERSION;
use telesphor_identity::bundle::Proofs;
use telesphor_identity::evidence::EvidenceOf;
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId};
use telesphor_wire::labels::HpkeLabel;

use super::record::{MAX_OF_ONE, Ordered, all_orders};
use crate::core::Ctx;
use crate::core::records::Held;
use crate::documents::keep::Way;
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    /// Something was deposited in the mailbox of an order.
    pub(crate) fn lab_answered(&mut self, held: &Held, payload: &[u8], stamp: u64) -> Result<()> {
        let Some(ordered) = self.ordered_at(&held.id)? else {
            return Ok(());
        };
        let key = self.result_key(&ordered.salt)?;
        let order = ordered.order;
        let taken = match open(payload, HpkeLabel::LabResult, &held.id, &key) {
            Ok(FromLab::Notice(notice)) => self.lab_notice_came(ordered, &notice),
            Ok(FromLab::Result(result)) => self.result_came(ordered, &result, stamp),
            Ok(FromLab::Evidence(bytes)) => self.lab_evidence_came(&ordered, &bytes),
            Ok(FromLab::Foreign(_)) => Ok(()),
            Err(_) => Err(ErrorCode::CannotOpen.into()),
        };
        match taken {
            Err(error) if !crate::sync::events::is_local(error.code) => {
                let mut ordered = self.ordered(&order)?.ok_or(Error::fault("order"))?;
                ordered.refused.push((stamp, error.code));
                ordered.refused.truncate(MAX_OF_ONE);
                self.put_ordered(&ordered)
            }
            other => other,
        }
    }

    fn lab_notice_came(&mut self, mut ordered: Ordered, signed: &SignedLabNotice) -> Result<()> {
        let notice = &signed.notice;
        let other = Error::of(ErrorCode::LabOtherResult);
        let fits = notice.version == VERSION
            && notice.ext.check(&[]).is_ok()
            && notice.order == ordered.order
            && notice.laboratory == ordered.desk.laboratory;
        if !fits {
            return Err(other);
        }
        let history = self.history(&notice.laboratory)?.ok_or(other)?;
        let said = SignerSaid {
            identity: &notice.laboratory,
            head: &notice.head,
            endpoint: &notice.endpoint,
        };
        history
            .check_signed(said, Judged::now(self.now), notice, &signed.signature)
            .map_err(|e| Error::of(e.code()))?;
        let act = match notice.state {
            LabState::Received => LabAct::Receive,
            LabState::Rejected => LabAct::Reject,
            _ => return Err(ErrorCode::LabOtherResult.into()),
        };
        ordered.state = next(ordered.state, act)?;
        ordered.changed = self.now;
        if act == LabAct::Reject {
            ordered.why.clone_from(&notice.why);
        }
        self.put_ordered(&ordered)
    }

    /// A result. It counts if the laboratory that was asked signed it for this very order; whether
    /// it is a laboratory by the word of somebody trusted is judged whenever it is looked at.
    fn result_came(&mut self, mut ordered: Ordered, came: &LabResult, stamp: u64) -> Result<()> {
        let document = SignedDocument::from_bytes(&came.document).map_err(|e| Error::of(e.code()))?;
        let id = document.id();
        if ordered.results.contains(&id) {
            return Ok(());
        }
        let header = &document.header;
        let of_this = order_of(&document) == Some(ordered.order)
            && header.author == ordered.desk.laboratory
            && header.on_behalf_of.is_none();
        if !of_this {
            return Err(ErrorCode::LabOtherResult.into());
        }
        let proofs = Proofs::from_bytes(&came.proofs).map_err(|e| Error::of(e.code()))?;
        self.take_proofs(&proofs)?;
        if let Some(code) = self.doubt(&document)? {
            return Err(code.into());
        }
        let act = match header.status {
            Status::Preliminary => LabAct::Preliminary,
            Status::Final => LabAct::Finish,
            Status::Amended => LabAct::Amend,
            _ => return Err(ErrorCode::LabOtherResult.into()),
        };
        // Out of its turn: an older one that somebody sent again.
        let after = next(ordered.state, act).map_err(|_| Error::of(ErrorCode::LabOldResult))?;
        let last = ordered.results.last();
        let follows = header.relates.iter().any(|r| {
            Some(&r.document) == last && matches!(r.kind, RelationKind::Amends | RelationKind::Replaces)
        });
        if last.is_some() && !follows {
            return Err(ErrorCode::LabOldResult.into());
        }
        if ordered.results.len() >= MAX_OF_ONE {
            return Err(ErrorCode::TooMany.into());
        }
        self.keep(&document, &came.document, Way::Received, None, stamp, None)?;
        ordered.state = after;
        ordered.changed = self.now;
        ordered.results.push(id);
        ordered.acknowledged = None;
        self.put_ordered(&ordered)?;
        if let Some(kept) = self.kept(&id)? {
            // A correction goes wherever the earlier one went.
            self.correction_came(&kept)?;
        }
        match ordered.hold || after == LabState::Preliminary {
            true => Ok(()),
            false => self.release(&mut ordered, &id),
        }
    }

    /// Gives a result to the one whose sample it was, unless something is wrong with it.
    pub(super) fn release(&mut self, ordered: &mut Ordered, result: &DocumentId) -> Result<()> {
        let kept = self.kept(result)?.ok_or(Error::of(ErrorCode::NotFound))?;
        if ordered.released.contains(result) || self.judge_result(&kept)?.failed.is_some() {
            return Ok(());
        }
        let sent = crate::core::names::sent(result, &ordered.patient);
        let on_its_way = self
            .get::<crate::documents::send::SentRecord>(telesphor_vault::Table::Receipts, &sent)?
            .is_some();
        if !on_its_way {
            self.send_document(result, &ordered.patient)?;
        }
        ordered.released.push(*result);
        self.put_ordered(ordered)
    }

    /// Results of orders that were made for somebody and that he may have.
    pub(crate) fn results_for(&self, patient: &IdentityId) -> Result<Vec<DocumentId>> {
        let orders = all_orders(self.tx)?.into_iter().filter(|o| o.patient == *patient);
        Ok(orders.flat_map(|o| o.released).collect())
    }

    fn lab_evidence_came(&mut self, ordered: &Ordered, bytes: &[u8]) -> Result<()> {
        let came = EvidenceOf::from_bytes(bytes).map_err(|_| Error::of(ErrorCode::Malformed))?;
        if !ordered.results.contains(&came.document) {
            return Err(ErrorCode::LabOtherResult.into());
        }
        self.evidence_came(bytes)?;
        if !ordered.released.contains(&came.document) {
            return Ok(());
        }
        match self.kept(&came.document)? {
            Some(kept) => self.evidence_to(&kept, &ordered.patient, None),
            None => Ok(()),
        }
    }
}
