//! `rx ...`.

use std::time::{Duration, Instant};

use telesphor_clinical::rx_word::{RxKey, RxUse};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId, Nonce};
use telesphor_wire::ledger::{EntryStanding, StepKind};
use telesphor_wire::sign::PublicKey;

use super::check::is_due;
use super::record::{Fill, FillState, Told, fill_of, fills_of, told};
use super::view;
use super::write::RxDraft;
use crate::api::Agent;
use crate::contacts;
use crate::core::Ctx;
use crate::error::{Error, Result};
use crate::views::{RxFillView, RxLeft, RxView, Verdict};

/// A prescription file, and whether it opens the whole prescription to its bearer.
#[derive(Clone, Debug)]
pub struct RxPaperMade {
    /// The file.
    pub file: Vec<u8>,
    /// Whoever has it can draw all of it.
    pub bearer: bool,
}

/// A desk's key as text: nonce and key, hexadecimal.
fn desk_text(key: &RxKey) -> String {
    let bytes = key.nonce.0.iter().chain(&key.key.0);
    bytes.map(|b| format!("{b:02x}")).collect()
}

fn desk_key(text: &str) -> Option<RxKey> {
    let text = text.trim();
    if text.len() != 128 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0u8; 64];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    let (nonce, key) = bytes.split_at(32);
    Some(RxKey {
        what: RxUse::Fill,
        nonce: Nonce(nonce.try_into().ok()?),
        key: PublicKey(key.try_into().ok()?),
    })
}

impl Agent {
    pub(super) async fn rx_change<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Ctx<'_, '_>) -> Result<T> + Send + 'static,
    {
        self.shared.change(move |core| core.write(f)).await
    }

    async fn rx_id(&self, what: &str) -> Result<DocumentId> {
        let what = what.to_owned();
        self.look(move |snapshot, _| view::id_of(snapshot, &what)).await
    }

    async fn contact_id(&self, who: &str) -> Result<IdentityId> {
        let who = who.to_owned();
        self.look(move |snapshot, _| Ok(contacts::show::find(snapshot, &who)?.contact.record.identity))
            .await
    }

    /// Waits for what the ledger says.
    async fn rx_told(&self, ask: Nonce, wait: Duration) -> Result<Told> {
        let found = self.wait_for(wait, move |core| told(&core.read()?, &ask)).await?;
        self.shared
            .work(move |core| core.write(|ctx| ctx.take_told(&ask)))
            .await?;
        match found.refused {
            Some(refused) => Err(refused.into()),
            None => Ok(found),
        }
    }

    async fn rx_key_from(&self, what: RxUse, who: IdentityId, wait: Duration) -> Result<()> {
        self.rx_change(move |ctx| ctx.want_key(what, &who)).await?;
        self.wait_for(wait, move |core| {
            let found = core.write(|ctx| ctx.wanted_key(what, &who))?;
            Ok(found.and_then(|w| w.key).map(|_| ()))
        })
        .await
    }

    /// Writes a prescription for a contact, signs it and sends it. Their program gives the key that
    /// only they have; until it does, nothing is written.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::InputRefused`] for a draft whose numbers do not fit;
    /// [`ErrorCode::NotYetDurable`] if the patient's program does not answer within `wait`.
    pub async fn rx_write(&self, to: &str, draft: RxDraft, wait: Duration) -> Result<RxView> {
        let patient = self.contact_id(to).await?;
        self.rx_key_from(RxUse::Holder, patient, wait).await?;
        let id = self.rx_change(move |ctx| ctx.write_rx(&patient, draft)).await?;
        self.rx(&id.to_string()).await
    }

    /// One prescription with everything known here.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Ambiguous`], [`ErrorCode::RxNotPrescription`].
    pub async fn rx(&self, what: &str) -> Result<RxView> {
        let what = what.to_owned();
        self.look(move |snapshot, profile| view::one(snapshot, profile, &what))
            .await
    }

    /// Every prescription, newest first.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn rx_all(&self) -> Result<Vec<RxView>> {
        self.look(view::all).await
    }

    /// Lets a pharmacy draw an amount: the prescription goes there with a ticket for that amount.
    ///
    /// # Errors
    /// [`ErrorCode::Refused`] if the prescription is somebody else's; [`ErrorCode::RxNotEnough`],
    /// [`ErrorCode::RxNoOffline`]; [`ErrorCode::NotYetDurable`] if the pharmacy's program does not
    /// answer within `wait`.
    pub async fn rx_ticket(
        &self,
        what: &str,
        pharmacy: &str,
        units: u32,
        offline: bool,
        wait: Duration,
    ) -> Result<RxView> {
        let (id, to) = (self.rx_id(what).await?, self.contact_id(pharmacy).await?);
        self.rx_key_from(RxUse::Fill, to, wait).await?;
        self.rx_change(move |ctx| ctx.give_ticket(&id, &to, (units, offline)))
            .await?;
        self.rx(what).await
    }

    /// A prescription as a file: with a ticket for the key that a pharmacy's desk shows, or, with
    /// neither, with the patient's own key, as good as paper.
    ///
    /// # Errors
    /// As [`Agent::rx_ticket`]; [`ErrorCode::Usage`] for a desk without an amount, and the reverse.
    pub async fn rx_paper(
        &self,
        what: &str,
        desk: Option<String>,
        amount: Option<(u32, bool)>,
    ) -> Result<RxPaperMade> {
        let id = self.rx_id(what).await?;
        let desk = match desk {
            Some(text) => Some(desk_key(&text).ok_or(Error::of(ErrorCode::Usage))?),
            None => None,
        };
        let bearer = desk.is_none();
        let file = self.rx_change(move |ctx| ctx.rx_paper(&id, desk, amount)).await?;
        Ok(RxPaperMade { file, bearer })
    }

    /// A key for one fill, to be shown at a desk as text.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn rx_desk(&self) -> Result<String> {
        let key = self.rx_change(|ctx| ctx.rx_desk()).await?;
        Ok(desk_text(&key))
    }

    /// Takes a prescription in from a file.
    ///
    /// # Errors
    /// [`ErrorCode::InputRefused`]; why it is not genuine.
    pub async fn rx_take(&self, file: Vec<u8>) -> Result<RxView> {
        let id = self.rx_change(move |ctx| ctx.take_paper(&file)).await?;
        self.rx(&id.to_string()).await
    }

    /// Whether a prescription is genuine, with no network, and how much is left, if there is a line;
    /// if that is not known, why, where it was asked.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::RxNotPrescription`]. One that is not genuine is no error
    /// but a verdict.
    pub async fn rx_check(
        &self,
        what: &str,
        ask: Option<Duration>,
    ) -> Result<(Verdict, RxView, std::result::Result<RxLeft, Option<ErrorCode>>)> {
        let shown = self.rx(what).await?;
        let id = shown.document.id;
        let verdict = self.rx_change(move |ctx| ctx.judge_rx(&id)).await?;
        let left = match ask {
            Some(wait) if self.rx_line(wait).await => self.rx_left(&id, wait).await.map_err(|e| Some(e.code)),
            Some(_) => Err(Some(ErrorCode::Unreachable)),
            None => Err(None),
        };
        Ok((verdict, shown, left))
    }

    /// Whether there is a line to the ledger.
    async fn rx_line(&self, wait: Duration) -> bool {
        self.wait_for(wait, |core| Ok(core.index.connected.then_some(())))
            .await
            .is_ok()
    }

    /// How much is left now.
    ///
    /// # Errors
    /// What the ledger refuses; [`ErrorCode::Unreachable`].
    pub async fn rx_left(&self, id: &DocumentId, wait: Duration) -> Result<RxLeft> {
        let id = *id;
        self.rx_first(id, wait).await?;
        let ask = self.rx_change(move |ctx| ctx.ask_look(&id)).await?;
        let told = self.rx_told(ask, wait).await?;
        let standing = told.standing.ok_or(Error::fault("standing"))?;
        self.rx_reckoned(&id, standing).await
    }

    async fn rx_reckoned(&self, id: &DocumentId, standing: EntryStanding) -> Result<RxLeft> {
        let id = *id;
        self.rx_change(move |ctx| Ok(view::left(&ctx.prescription(&id)?, &standing)))
            .await
    }

    /// Sets an amount aside. Nothing may be handed over yet.
    ///
    /// # Errors
    /// Why the prescription must not be filled; what the ledger refuses; [`ErrorCode::RxNotDue`].
    pub async fn rx_reserve(
        &self,
        what: &str,
        amount: Option<u32>,
        wait: Duration,
    ) -> Result<(RxFillView, RxLeft)> {
        let id = self.rx_id(what).await?;
        let until = Instant::now() + wait;
        self.rx_first(id, wait).await?;
        let (fill, ask) = self
            .rx_change(move |ctx| {
                ctx.check_rx(&id)?;
                let fill = ctx.choose_fill(&id, amount, false)?;
                let ask = match fill.state {
                    FillState::Confirmed => ctx.ask_look(&id)?,
                    _ => ctx.ask_reserve(&fill)?,
                };
                Ok((fill, ask))
            })
            .await?;
        let told = self.rx_told(ask, wait).await?;
        let standing = told.standing.ok_or(Error::fault("standing"))?;
        let key = fill.key();
        if fill.state == FillState::Confirmed {
            let left = self.rx_reckoned(&id, standing).await?;
            return Ok((self.rx_say(id, key).await?, left));
        }
        if standing.cancelled != 0 {
            return Err(ErrorCode::RxCancelled.into());
        }
        let due = self
            .rx_change(move |ctx| Ok(is_due(&ctx.prescription(&id)?, &standing, ctx.now)))
            .await?;
        if !due {
            let ask = self.rx_change(move |ctx| ctx.ask_release(&fill)).await?;
            // Where the relay does not answer in time the release goes when it does, or the hold
            // ends by itself: either way nothing is handed over.
            let _ = self
                .rx_told(ask, until.saturating_duration_since(Instant::now()))
                .await;
            return Err(ErrorCode::RxNotDue.into());
        }
        self.rx_may_be_confirmed(key, standing).await?;
        let left = self.rx_reckoned(&id, standing).await?;
        Ok((self.rx_fill_view(id, key).await?, left))
    }

    /// Asking to confirm ends a fill, one way or the other. What is seen to be in vain is not asked
    /// for: the ticket is still good when it goes on, or when somebody lets go. Once it was asked,
    /// only the ledger knows how it ended.
    async fn rx_may_be_confirmed(&self, key: PublicKey, standing: EntryStanding) -> Result<()> {
        self.rx_change(move |ctx| {
            let fill = fill_of(ctx.tx, &key)?.ok_or(Error::fault("fill"))?;
            let over = standing.now > fill.until && fill.ticket.ticket.parts > standing.free;
            match fill.state == FillState::Reserved && !fill.asked {
                true if standing.held_until != 0 => Err(ErrorCode::RxOnHold.into()),
                true if over => Err(ErrorCode::RxNotEnough.into()),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn rx_fill_view(&self, id: DocumentId, key: PublicKey) -> Result<RxFillView> {
        self.rx_change(move |ctx| {
            let fill = fill_of(ctx.tx, &key)?.ok_or(Error::fault("fill"))?;
            Ok(view::fill_view(&ctx.prescription(&id)?, &fill))
        })
        .await
    }

    /// Confirms what was set aside. Only when this has come back may it be handed over.
    ///
    /// # Errors
    /// What the ledger refuses, and [`ErrorCode::RxLetGo`]: nothing may be handed over, and no later
    /// asking hears anything else. [`ErrorCode::NotYetDurable`],
    /// [`ErrorCode::Unreachable`]: nothing is known yet; the same command asks again.
    pub async fn rx_confirm(&self, what: &str, wait: Duration) -> Result<(RxFillView, RxLeft)> {
        let id = self.rx_id(what).await?;
        let confirm = |ctx: &mut Ctx<'_, '_>, fill: &Fill| {
            let ask = ctx.ask_confirm(fill)?;
            ctx.said_handed_over(fill)?;
            Ok((fill.key(), ask))
        };
        let (key, ask) = self
            .rx_change(move |ctx| {
                let fill = ctx.last_fill(&id, &[FillState::Reserved])?;
                confirm(ctx, &fill)
            })
            .await?;
        let told = self.rx_told(ask, wait).await?;
        let standing = told.standing.ok_or(Error::fault("standing"))?;
        if told.step.is_some_and(|s| s.kind == StepKind::Released) {
            return Err(ErrorCode::RxLetGo.into());
        }
        let left = self.rx_reckoned(&id, standing).await?;
        Ok((self.rx_say(id, key).await?, left))
    }

    /// A confirmed fill as it is shown to whoever hands it over.
    async fn rx_say(&self, id: DocumentId, key: PublicKey) -> Result<RxFillView> {
        self.rx_change(move |ctx| {
            let mut fill = fill_of(ctx.tx, &key)?.ok_or(Error::fault("fill"))?;
            fill.said = true;
            ctx.put_fill(&fill)?;
            Ok(view::fill_view(&ctx.prescription(&id)?, &fill))
        })
        .await
    }

    async fn rx_act(
        &self,
        id: DocumentId,
        states: &'static [FillState],
        wait: Duration,
        act: impl FnOnce(&mut Ctx<'_, '_>, &Fill) -> Result<Nonce> + Send + 'static,
    ) -> Result<(RxFillView, RxLeft)> {
        self.rx_first(id, wait).await?;
        let (key, ask) = self
            .rx_change(move |ctx| {
                let fill = ctx.last_fill(&id, states)?;
                Ok((fill.key(), act(ctx, &fill)?))
            })
            .await?;
        let told = self.rx_told(ask, wait).await?;
        let standing = told.standing.ok_or(Error::fault("standing"))?;
        let left = self.rx_reckoned(&id, standing).await?;
        Ok((self.rx_fill_view(id, key).await?, left))
    }

    /// Lets go of what was set aside and not handed over.
    ///
    /// # Errors
    /// [`ErrorCode::RxNotReserved`], [`ErrorCode::RxHandedOver`].
    pub async fn rx_return(&self, what: &str, wait: Duration) -> Result<(RxFillView, RxLeft)> {
        let id = self.rx_id(what).await?;
        let done = self
            .rx_change(move |ctx| {
                let fills = fills_of(ctx.tx, &id)?;
                let open = fills.iter().any(|f| f.state == FillState::Reserved);
                Ok(!open && fills.iter().any(|f| f.state == FillState::Confirmed))
            })
            .await?;
        if done {
            return Err(ErrorCode::RxHandedOver.into());
        }
        self.rx_act(id, &[FillState::Reserved], wait, |ctx, fill| {
            ctx.ask_release(fill)
        })
        .await
    }

    /// What was handed over came back: the prescriber is asked for a new prescription of as much.
    ///
    /// # Errors
    /// [`ErrorCode::RxNotReserved`] if nothing was handed over here; [`ErrorCode::NotFound`] if the
    /// patient is no contact.
    pub async fn rx_came_back(&self, what: &str, words: &str) -> Result<DocumentId> {
        let (id, words) = (self.rx_id(what).await?, words.to_owned());
        self.rx_change(move |ctx| ctx.tell_came_back(&id, &words)).await
    }

    /// Supplies from the allowance while the ledger cannot be asked. It is entered by itself later.
    ///
    /// # Errors
    /// Why the prescription must not be filled; [`ErrorCode::RxNoOffline`],
    /// [`ErrorCode::RxNoTicket`].
    pub async fn rx_supply(&self, what: &str, units: u32) -> Result<RxFillView> {
        let id = self.rx_id(what).await?;
        self.rx_change(move |ctx| {
            let fill = ctx.supply_offline(&id, units)?;
            Ok(view::fill_view(&ctx.prescription(&id)?, &fill))
        })
        .await
    }

    /// Stops a prescription with a question to its prescriber. It needs a reservation, so that
    /// nobody with a mere copy can stop it.
    ///
    /// # Errors
    /// [`ErrorCode::RxNotReserved`]; [`ErrorCode::NotFound`] if the patient is no contact, through
    /// whom the question goes.
    pub async fn rx_ask(&self, what: &str, words: &str, wait: Duration) -> Result<(RxFillView, RxLeft)> {
        let (id, words) = (self.rx_id(what).await?, words.to_owned());
        self.rx_act(id, &[FillState::Reserved], wait, move |ctx, fill| {
            ctx.ask_prescriber(fill, &words)
        })
        .await
    }

    /// The pharmacist lifts the stop.
    ///
    /// # Errors
    /// [`ErrorCode::RxNotReserved`].
    pub async fn rx_lift(&self, what: &str, wait: Duration) -> Result<(RxFillView, RxLeft)> {
        let id = self.rx_id(what).await?;
        self.rx_act(id, &[FillState::Reserved], wait, |ctx, fill| ctx.lift_hold(fill))
            .await
    }

    /// The prescriber answers a pharmacist's question; the prescription goes on.
    ///
    /// # Errors
    /// [`ErrorCode::NotAuthor`]; what the ledger refuses.
    pub async fn rx_answer(&self, what: &str, words: &str, wait: Duration) -> Result<()> {
        let (id, words) = (self.rx_id(what).await?, words.to_owned());
        let ask = self
            .rx_change(move |ctx| ctx.answer_pharmacist(&id, &words))
            .await?;
        match ask {
            Some(ask) => self.rx_told(ask, wait).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// The prescriber ends a prescription. Gives how much had been dispensed, and how much was set
    /// aside at that moment and is refused now.
    ///
    /// # Errors
    /// [`ErrorCode::NotAuthor`]; [`ErrorCode::Unreachable`]: it waits in the outbox.
    pub async fn rx_cancel(&self, what: &str, wait: Duration) -> Result<(RxLeft, u32)> {
        let id = self.rx_id(what).await?;
        let ask = self.rx_change(move |ctx| ctx.cancel_rx(&id)).await?;
        let told = self.rx_told(ask, wait).await?;
        let standing = told.standing.ok_or(Error::fault("standing"))?;
        let aside = told.step.map_or(0, |s| s.parts);
        let left = self.rx_reckoned(&id, standing).await?;
        let aside = self
            .rx_change(move |ctx| {
                let rx = ctx.prescription(&id)?;
                Ok(view::up(&rx, aside))
            })
            .await?;
        Ok((left, aside))
    }
}

impl Ctx<'_, '_> {
    fn said_handed_over(&mut self, fill: &Fill) -> Result<()> {
        let said = Fill {
            asked: true,
            ..fill.clone()
        };
        self.put_fill(&said)
    }
}
