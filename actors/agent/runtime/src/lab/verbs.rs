//! `lab ...`.

use std::time::Duration;

use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::lab::values::LabValues;
use telesphor_clinical::text::Text;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::order::LabDraft;
use super::place::LabTerms;
use super::tend::code;
use super::view;
use crate::api::Agent;
use crate::contacts;
use crate::core::Ctx;
use crate::error::{Error, Result};
use crate::views::{LabOrderView, LabOrders, LabProof};

/// A result to be signed.
#[derive(Clone, Debug)]
pub struct LabReport {
    /// The values, as the laboratory's system wrote them.
    pub values: LabValues,
    /// They take the place of final ones.
    pub amends: bool,
    /// When the sample was taken, Unix milliseconds, if the file does not say so.
    pub taken_at: Option<u64>,
}

impl Agent {
    async fn lab_change<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Ctx<'_, '_>) -> Result<T> + Send + 'static,
    {
        self.shared.change(move |core| core.write(f)).await
    }

    async fn lab_contact(&self, who: &str) -> Result<IdentityId> {
        let who = who.to_owned();
        self.look(move |snapshot, _| Ok(contacts::show::find(snapshot, &who)?.contact.record.identity))
            .await
    }

    async fn lab_view(&self, order: Digest) -> Result<LabOrderView> {
        self.look(move |snapshot, profile| view::one(snapshot, profile, &order))
            .await
    }

    /// This laboratory takes orders from a hospital, which is told where they go.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::AdmissionInvalid`] if no mailbox can be opened.
    pub async fn lab_desk(&self, hospital: &str, name: &str) -> Result<()> {
        let (hospital, name) = (self.lab_contact(hospital).await?, name.to_owned());
        self.lab_change(move |ctx| ctx.open_desk(&hospital, &name)).await
    }

    /// This hospital lets somebody order at a laboratory.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for a laboratory that takes no orders from here, or for a role that
    /// cannot be written to.
    pub async fn lab_allow(&self, who: &str, laboratory: Option<String>, terms: LabTerms) -> Result<()> {
        let who = self.lab_contact(who).await?;
        self.lab_change(move |ctx| {
            let place = ctx.lab_named(laboratory.as_deref())?;
            ctx.let_order(&who, &place.place.desk.laboratory, &terms)
        })
        .await
    }

    /// Orders something for a contact, at the laboratory that is named or the only one there is.
    ///
    /// # Errors
    /// [`ErrorCode::LabNotAllowed`], [`ErrorCode::NotFound`], [`ErrorCode::Ambiguous`];
    /// [`ErrorCode::InputRefused`] for an order without tests or with words that are too long;
    /// [`ErrorCode::NotYetDurable`] if the hospital's program does not give today's pass within `wait`.
    pub async fn lab_order(
        &self,
        patient: &str,
        laboratory: Option<String>,
        draft: LabDraft,
        wait: Duration,
    ) -> Result<LabOrderView> {
        let patient = self.lab_contact(patient).await?;
        let (lab, has_pass) = self
            .lab_change(move |ctx| {
                let lab = ctx.lab_named(laboratory.as_deref())?.place.desk.laboratory;
                let has_pass = ctx.pass_for(&lab)?.is_some();
                if !has_pass {
                    ctx.ask_pass(&lab)?;
                }
                Ok((lab, has_pass))
            })
            .await?;
        if !has_pass {
            self.wait_for(wait, move |core| {
                core.write(|ctx| Ok(ctx.pass_for(&lab)?.map(|_| ())))
            })
            .await?;
        }
        let order = self
            .lab_change(move |ctx| ctx.place_order(&patient, &lab, draft))
            .await?;
        self.lab_view(order).await
    }

    /// The sample was taken, at an instant (Unix milliseconds).
    ///
    /// # Errors
    /// [`ErrorCode::LabNoOrder`], [`ErrorCode::LabCodeWrong`], [`ErrorCode::LabRejected`].
    pub async fn lab_collected(&self, what: &str, at: u64) -> Result<LabOrderView> {
        let order = self.lab_meant(what).await?;
        self.lab_change(move |ctx| ctx.sample_taken(&order, at)).await?;
        self.lab_view(order).await
    }

    /// Sends once more what could not be brought to another hospital: by one of its codes, at either end.
    ///
    /// # Errors
    /// [`ErrorCode::LabNoOrder`], [`ErrorCode::LabCodeWrong`]; [`ErrorCode::Expired`] for an order that is
    /// older than its pass: it is to be ordered anew.
    pub async fn lab_resend(&self, what: &str) -> Result<LabOrderView> {
        let order = match self.lab_meant(what).await {
            Ok(order) => {
                self.lab_change(move |ctx| ctx.tell_desk_again(&order)).await?;
                order
            }
            Err(error) if error.code == ErrorCode::LabNoOrder => {
                let code = code(what)?;
                let again = move |ctx: &mut Ctx<'_, '_>| {
                    let order = ctx.coded(&code)?.ok_or(Error::of(ErrorCode::LabNoOrder))?;
                    let case = ctx.case(&order)?.ok_or(Error::of(ErrorCode::LabNoOrder))?;
                    ctx.answer_again(case)
                };
                self.lab_change(again).await?
            }
            Err(error) => return Err(error),
        };
        self.lab_view(order).await
    }

    async fn lab_meant(&self, what: &str) -> Result<Digest> {
        let what = what.to_owned();
        self.look(move |snapshot, _| view::meant(snapshot, &what)).await
    }

    /// At the laboratory: a sample has arrived; or is of no use, and why.
    ///
    /// # Errors
    /// [`ErrorCode::LabCodeWrong`], [`ErrorCode::LabNoOrder`], [`ErrorCode::LabTwoOrders`];
    /// [`ErrorCode::LabRejected`], [`ErrorCode::LabFinal`].
    pub async fn lab_receive(&self, tube: &str, form: &str, reject: Option<String>) -> Result<LabOrderView> {
        let (tube, form) = (code(tube)?, code(form)?);
        let why = reject
            .map(Text::new)
            .transpose()
            .map_err(|_| Error::of(ErrorCode::InputRefused))?;
        let order = self
            .lab_change(move |ctx| {
                let case = ctx.case_by(&tube, &form)?;
                ctx.sample_came(case, why)
            })
            .await?;
        self.lab_view(order).await
    }

    /// At the laboratory: signs values as an order's result, and answers with it.
    ///
    /// # Errors
    /// As [`Agent::lab_receive`]; [`ErrorCode::LabOtherFile`], [`ErrorCode::LabNoFinal`],
    /// [`ErrorCode::TooLarge`].
    pub async fn lab_result(
        &self,
        tube: &str,
        form: &str,
        report: LabReport,
    ) -> Result<(DocumentId, LabOrderView)> {
        let (tube, form) = (code(tube)?, code(form)?);
        let taken_at = report.taken_at.map(|at| Instant::now_of(at, 0, Clock::Device));
        let (order, id) = self
            .lab_change(move |ctx| {
                let case = ctx.case_by(&tube, &form)?;
                let order = case.order.order.order;
                Ok((
                    order,
                    ctx.give_result(case, report.values, report.amends, taken_at)?,
                ))
            })
            .await?;
        Ok((id, self.lab_view(order).await?))
    }

    /// Every order of this identity, or of this laboratory.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn lab_orders(&self) -> Result<LabOrders> {
        self.look(view::all).await
    }

    /// Whose result it is, by the laboratory's and the orderer's signatures together.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Ambiguous`], [`ErrorCode::LabNotResult`]. One that is not
    /// genuine is no error but a verdict.
    pub async fn lab_match(&self, what: &str) -> Result<LabProof> {
        let what = what.to_owned();
        self.lab_change(move |ctx| ctx.prove_result(&what)).await
    }

    /// Gives the newest result of an order to the patient, after the orderer has spoken with him.
    ///
    /// # Errors
    /// [`ErrorCode::LabNoOrder`]; [`ErrorCode::NothingToAccept`] if there is no result yet.
    pub async fn lab_release(&self, what: &str) -> Result<LabOrderView> {
        let order = self.lab_meant(what).await?;
        self.lab_change(move |ctx| {
            let mut ordered = ctx.ordered(&order)?.ok_or(Error::of(ErrorCode::LabNoOrder))?;
            let newest = *ordered
                .results
                .last()
                .ok_or(Error::of(ErrorCode::NothingToAccept))?;
            let kept = ctx.kept(&newest)?.ok_or(Error::of(ErrorCode::NotFound))?;
            match ctx.judge_result(&kept)?.failed {
                Some(code) => Err(code.into()),
                None => ctx.release(&mut ordered, &newest),
            }
        })
        .await?;
        self.lab_view(order).await
    }

    /// A critical value was seen and is acted on; the laboratory learns it, and not by whom.
    ///
    /// # Errors
    /// [`ErrorCode::LabNoOrder`], [`ErrorCode::NothingToAccept`].
    pub async fn lab_acknowledge(&self, what: &str) -> Result<LabOrderView> {
        let order = self.lab_meant(what).await?;
        self.lab_change(move |ctx| ctx.acknowledge_value(&order)).await?;
        self.lab_view(order).await
    }
}
