//! `study ...`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use telesphor_clinical::study::word::Voucher;
use telesphor_vault::Records;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::judge::meant;
use super::publish::{NoStudy, StudyDraft};
use super::record::{own, part};
use super::results::sums_of;
use super::view::rows_view;
use crate::api::Agent;
use crate::contacts;
use crate::core::Ctx;
use crate::error::{Error, Result};
use crate::views::{StudyRowsView, StudyView, SumView};

/// The study that somebody means and that is his own.
fn mine(records: &impl Records, what: &str) -> Result<DocumentId> {
    let id = meant(records, what)?.id;
    match own(records, &id)? {
        Some(_) => Ok(id),
        None => Err(ErrorCode::NotAuthor.into()),
    }
}

impl Agent {
    async fn study_change<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Ctx<'_, '_>) -> Result<T> + Send + 'static,
    {
        self.shared.change(move |core| core.write(f)).await
    }

    async fn study_contact(&self, who: &str) -> Result<IdentityId> {
        let who = who.to_owned();
        self.look(move |snapshot, _| Ok(contacts::show::find(snapshot, &who)?.contact.record.identity))
            .await
    }

    /// Signs a study and opens a mailbox for it. The words say what is wrong with a draft.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for one who adds up and has given no place;
    /// [`ErrorCode::StudyOneDomain`], [`ErrorCode::AdmissionInvalid`].
    pub async fn study_publish(
        &self,
        draft: StudyDraft,
    ) -> Result<std::result::Result<DocumentId, &'static str>> {
        self.study_change(move |ctx| match ctx.publish_study(draft) {
            Ok(id) => Ok(Ok(id)),
            Err(NoStudy::Fault(words)) => Ok(Err(words)),
            Err(NoStudy::Error(error)) => Err(error),
        })
        .await
    }

    /// Asks contacts to take part.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::NotStudy`].
    pub async fn study_offer(&self, what: &str, who: &str) -> Result<()> {
        let (what, who) = (what.to_owned(), self.study_contact(who).await?);
        self.study_change(move |ctx| {
            let id = meant(ctx.tx, &what)?.id;
            ctx.send_document(&id, &who)
        })
        .await
    }

    /// Takes a study in from a file that somebody published.
    ///
    /// # Errors
    /// [`ErrorCode::InputRefused`], [`ErrorCode::NotStudy`], or why it is not genuine.
    pub async fn study_take(&self, file: &[u8]) -> Result<DocumentId> {
        let file = file.to_vec();
        self.study_change(move |ctx| ctx.study_file(&file)).await
    }

    /// One study, with what would leave.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Ambiguous`], [`ErrorCode::NotStudy`].
    pub async fn study(&self, what: &str) -> Result<StudyView> {
        let what = what.to_owned();
        self.study_change(move |ctx| {
            let kept = meant(ctx.tx, &what)?;
            ctx.study_view(&kept)
        })
        .await
    }

    /// Every study that is here.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn studies(&self) -> Result<Vec<StudyView>> {
        self.study_change(|ctx| ctx.study_views()).await
    }

    /// Takes part, and sends what there is.
    ///
    /// # Errors
    /// Why not: [`ErrorCode::NotAttested`], [`ErrorCode::StudyOver`], [`ErrorCode::StudyNotMet`],
    /// [`ErrorCode::StudyJoined`], [`ErrorCode::StudyLeft`], and whatever makes a document not genuine.
    pub async fn study_join(&self, what: &str) -> Result<StudyView> {
        let what = what.to_owned();
        self.study_change(move |ctx| {
            let kept = meant(ctx.tx, &what)?;
            ctx.join_study(&kept)?;
            ctx.study_view(&kept)
        })
        .await
    }

    /// Sends what the record says now.
    ///
    /// # Errors
    /// As [`Agent::study_join`]; [`ErrorCode::StudyNotJoined`].
    pub async fn study_send(&self, what: &str) -> Result<StudyView> {
        let what = what.to_owned();
        self.study_change(move |ctx| {
            let kept = meant(ctx.tx, &what)?;
            ctx.send_study(&kept)?;
            ctx.study_view(&kept)
        })
        .await
    }

    /// Takes part no more.
    ///
    /// # Errors
    /// [`ErrorCode::StudyNotJoined`].
    pub async fn study_leave(&self, what: &str) -> Result<StudyView> {
        let what = what.to_owned();
        self.study_change(move |ctx| {
            let kept = meant(ctx.tx, &what)?;
            ctx.leave_study(&kept)?;
            ctx.study_view(&kept)
        })
        .await
    }

    /// At the researcher: the rows, as far as they may be shown.
    ///
    /// # Errors
    /// [`ErrorCode::StudyTooFew`], [`ErrorCode::NotAuthor`].
    pub async fn study_rows(&self, what: &str) -> Result<StudyRowsView> {
        let what = what.to_owned();
        self.look(move |snapshot, profile| rows_view(snapshot, profile, &mine(snapshot, &what)?))
            .await
    }

    /// At the researcher: the sums.
    ///
    /// # Errors
    /// [`ErrorCode::NotAuthor`].
    pub async fn study_sums(&self, what: &str) -> Result<Vec<SumView>> {
        let what = what.to_owned();
        self.look(move |snapshot, _| sums_of(snapshot, &mine(snapshot, &what)?))
            .await
    }

    /// Gives a researcher a place where this identity adds up, for one study.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::AdmissionInvalid`].
    pub async fn study_serve(&self, researcher: &str, name: &str) -> Result<()> {
        let (researcher, name) = (self.study_contact(researcher).await?, name.to_owned());
        self.study_change(move |ctx| ctx.serve_researcher(&researcher, &name))
            .await
    }

    /// At the first of the two who add up: makes a batch of every sum that has enough. Gives the sums
    /// and how many people each has.
    ///
    /// # Errors
    /// [`ErrorCode::StudyTooFew`]; [`ErrorCode::NotAllowedHere`] at the second.
    pub async fn study_aggregate(&self, what: &str) -> Result<Vec<(u16, usize)>> {
        let what = what.to_owned();
        self.study_change(move |ctx| {
            let id = meant(ctx.tx, &what)?.id;
            ctx.aggregate(&id)
        })
        .await
    }

    /// At the researcher: signs a voucher for everybody who has earned one.
    ///
    /// # Errors
    /// [`ErrorCode::StudyTooFew`], [`ErrorCode::NotAuthor`].
    pub async fn study_sign_vouchers(&self, what: &str) -> Result<usize> {
        let what = what.to_owned();
        self.study_change(move |ctx| {
            let id = mine(ctx.tx, &what)?;
            ctx.sign_vouchers(&id)
        })
        .await
    }

    /// The voucher that came, as one line for whoever pays.
    ///
    /// # Errors
    /// [`ErrorCode::StudyNotJoined`]; [`ErrorCode::NotYetDurable`] if it has not come.
    pub async fn study_voucher(&self, what: &str) -> Result<String> {
        let what = what.to_owned();
        self.look(move |snapshot, _| {
            let part = part(snapshot, &meant(snapshot, &what)?.id)?;
            let part = part.ok_or(Error::of(ErrorCode::StudyNotJoined))?;
            let voucher = part.voucher.ok_or(Error::of(ErrorCode::NotYetDurable))?;
            Ok(STANDARD.encode(canonical::encode(&voucher)))
        })
        .await
    }

    /// At the researcher: pays a voucher out; gives what is paid, in words.
    ///
    /// # Errors
    /// [`ErrorCode::VoucherForged`], [`ErrorCode::VoucherUsed`].
    pub async fn study_pay(&self, voucher: &str) -> Result<String> {
        let forged = || Error::of(ErrorCode::VoucherForged);
        let bytes = STANDARD.decode(voucher.trim()).map_err(|_| forged())?;
        let came: Voucher = canonical::decode(&bytes).map_err(|_| forged())?;
        self.study_change(move |ctx| ctx.pay_voucher(&came)).await
    }
}
