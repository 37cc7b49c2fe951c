//! Asking the ledger: through the outbox, so that what was asked once is asked until it is
//! answered, over crashes and without a line.

use telesphor_clinical::rx_word::{RxNotice, RxWord};
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, EntryId, Nonce};
use telesphor_wire::ledger::{LedgerAct, LedgerAnswer, LedgerCommand, Step, StepKind};
use telesphor_wire::sign::PublicKey;

use super::record::{Fill, FillState, LedgerJob, LedgerSay, Told, fill_of};
use crate::core::Ctx;
use crate::core::records::{Job, Refused, Via, What};
use crate::error::Result;
use crate::mailbox::owner::COMMAND_LIFE_MS;
use crate::sync::reoffer::KEEP_MS;

impl Ctx<'_, '_> {
    /// Puts an act into the outbox; the answer will lie under the nonce.
    pub(super) fn ask_ledger(
        &mut self,
        prescription: &DocumentId,
        entry: EntryId,
        fill: Option<PublicKey>,
        act: LedgerAct,
    ) -> Result<Nonce> {
        let ask = Nonce::random();
        let job = LedgerJob {
            ask,
            entry,
            prescription: *prescription,
            fill,
        };
        let domain = self.prescription(prescription)?.domain;
        match self.is_far(&domain) {
            true => {
                let command = LedgerCommand::new(entry, act, self.now + COMMAND_LIFE_MS);
                self.wish_of_ledger(&domain, command, Job::Ledger(job))?;
            }
            false => _ = self.enqueue(What::Ledger(LedgerSay { entry, act }), Job::Ledger(job), None)?,
        }
        Ok(ask)
    }

    /// The command of an act, under a new id. Every word in it has its effect once.
    pub(crate) fn seal_ledger(&self, say: &LedgerSay) -> (Command, Via) {
        let command = LedgerCommand::new(say.entry, say.act.clone(), self.now + COMMAND_LIFE_MS);
        (Command::Ledger(Box::new(command)), Via::Signed(true))
    }

    /// The ledger has answered; a step in the answer was proved.
    pub(crate) fn ledger_done(&mut self, job: &LedgerJob, answer: LedgerAnswer) -> Result<()> {
        if answer.step.as_ref().is_some_and(|s| s.entry != job.entry) {
            return Ok(());
        }
        self.put_told(
            &job.ask,
            &Told {
                standing: Some(answer.standing),
                step: answer.step.clone(),
                refused: None,
            },
        )?;
        let (Some(step), Some(receipt)) = (answer.step, answer.receipt) else {
            return Ok(());
        };
        let again = answer.standing.now > step.stamp;
        let notice = RxNotice {
            prescription: job.prescription,
            step: step.clone(),
            receipt,
        };
        match job.fill.map(|key| fill_of(self.tx, &key)).transpose()?.flatten() {
            Some(fill) => self.fill_went_on(fill, &notice, again),
            None => self.tell_patient(&notice),
        }?;
        self.note_step(None, &notice)
    }

    fn tell_patient(&mut self, notice: &RxNotice) -> Result<()> {
        match self.rx_people(&notice.prescription)?.patient {
            Some(patient) if patient != self.me() => {
                self.tell_rx(&patient, RxWord::Notice(Box::new(notice.clone())))
            }
            _ => Ok(()),
        }
    }

    fn fill_went_on(&mut self, mut fill: Fill, notice: &RxNotice, again: bool) -> Result<()> {
        let step: &Step = &notice.step;
        fill.why = None;
        match step.kind {
            StepKind::Reserved if fill.state == FillState::Ticket || fill.state == FillState::Reserved => {
                fill.state = FillState::Reserved;
                fill.until = step.until;
            }
            StepKind::Confirmed => {
                fill.elsewhere = again && !fill.asked;
                fill.state = FillState::Confirmed;
            }
            // It was handed over, and a relay that came back from a backup does not know of it.
            StepKind::Released if fill.state == FillState::Confirmed => {
                fill.why = Some(Refused::here(ErrorCode::RxLetGo));
            }
            StepKind::Released => {
                fill.state = FillState::Released;
                fill.why = fill.asked.then_some(Refused::here(ErrorCode::RxLetGo));
            }
            StepKind::Settled => fill.state = FillState::Settled,
            StepKind::Held => fill.held = true,
            StepKind::Lifted => fill.held = false,
            StepKind::Reserved | StepKind::Cancelled => {}
        }
        if matches!(step.kind, StepKind::Confirmed | StepKind::Settled) {
            fill.asked = true;
            fill.step = Some(step.clone());
            fill.receipt = Some(notice.receipt.clone());
        }
        self.put_fill(&fill)?;
        // Reservations come and go; the patient is told what happened with the medicine.
        match step.kind {
            StepKind::Reserved | StepKind::Released => Ok(()),
            _ => self.tell_patient(notice),
        }
    }

    /// The ledger has refused.
    pub(crate) fn ledger_refused(&mut self, job: &LedgerJob, refused: Refused) -> Result<()> {
        self.put_told(
            &job.ask,
            &Told {
                standing: None,
                step: None,
                refused: Some(refused),
            },
        )?;
        if let Some(mut fill) = job.fill.map(|key| fill_of(self.tx, &key)).transpose()?.flatten() {
            fill.why = Some(refused);
            self.put_fill(&fill)?;
        }
        Ok(())
    }

    /// A relay that was restored from a backup may have forgotten what was handed over: it is
    /// told again. What it still knows it answers as the first time.
    pub(crate) fn ledger_restored(&mut self) -> Result<()> {
        for (_, key) in self.list_of_fills()? {
            let Some(fill) = fill_of(self.tx, &key)? else {
                continue;
            };
            // Another hospital's relay was not restored with it.
            if self.is_far(&self.prescription(&fill.prescription)?.domain) {
                continue;
            }
            let lately = fill.step.as_ref().is_some_and(|s| s.stamp + KEEP_MS >= self.now);
            match fill.state {
                FillState::Confirmed if lately => {
                    self.ask_reserve(&fill)?;
                    self.ask_confirm(&fill)?;
                }
                FillState::Settled if lately => _ = self.ask_settle(&fill)?,
                _ => {}
            }
        }
        Ok(())
    }
}
