//! One pharmacy: reserves, confirms, lets go, forgets what it did and asks again, hangs up in the
//! middle, leaves things lying, and never gives up on an act whose outcome it does not know.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use telesphor_agent::link::Session;
use telesphor_wire::answer::Answer;
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ledger::{
    ByPharmacy, ConfirmWord, EntryStanding, LedgerAct, LedgerCommand, ReleaseWord, Reserve, StepKind, Ticket,
};
use telesphor_wire::limits::{RX_KEEP_MINUTES, RX_PARTS};
use telesphor_wire::sign::SigningKey;

use super::checker::{Did, What};
use super::far::Far;
use super::{Rx, Shared};
use crate::campaign::next_random;
use crate::tenant::VALID_MS;

const RETRY: Duration = Duration::from_millis(20);
/// A relay that says nothing for so long is left for another one.
const PATIENCE: Duration = Duration::from_secs(8);
/// The shortest that a reservation can be kept, minutes.
const SHORTLY: u16 = 1;

/// What the ledger said in the end.
pub(super) enum Said {
    Done(EntryStanding),
    /// It was to be confirmed, and is let go for good.
    LetGo,
    Refused(ErrorCode),
}

/// A reservation as its pharmacy remembers it.
pub(super) struct Drawn {
    pub(super) rx: usize,
    key: SigningKey,
    parts: u64,
    keep: u16,
    /// When it was asked for first.
    began: u64,
    /// Somebody asked and did not hear: whatever is heard later, that asking may still arrive.
    unheard: bool,
}

/// One of them.
pub(super) struct Counter {
    shared: Arc<Shared>,
    session: Option<Session>,
    /// The way there, of a pharmacy of another hospital.
    far: Option<Far>,
    random: u64,
    pub(super) did: Vec<Did>,
    /// Asked for, and hung up before the answer.
    unknown: Vec<Drawn>,
    /// Reserved, and left lying.
    left: Vec<Drawn>,
    /// Refused, while an earlier asking that was not heard may still arrive.
    doubtful: Vec<Drawn>,
    /// The last act was asked more than once.
    unheard: bool,
}

/// What one pharmacy did, and what it does not know to its last day.
pub(super) async fn run(shared: Arc<Shared>, seed: u64, far: Option<Far>) -> (Vec<Did>, Vec<Drawn>) {
    let mut counter = Counter::new(shared.clone(), seed);
    counter.far = far;
    while !shared.stop.load(Ordering::Relaxed) {
        counter.fill().await;
        if counter.far.is_none() && !shared.pace.is_zero() {
            tokio::time::sleep(shared.pace).await;
        }
        if counter.draw(4) == 0
            && let Some(drawn) = counter.unknown.pop()
        {
            counter.go_on(drawn).await;
        }
    }
    for drawn in std::mem::take(&mut counter.unknown) {
        counter.go_on(drawn).await;
    }
    // Half of what lies there is collected after all, mostly too late.
    for drawn in std::mem::take(&mut counter.left) {
        if counter.draw(2) == 0 {
            counter.collect(&drawn).await;
        }
    }
    (counter.did, counter.doubtful)
}

impl Counter {
    pub(super) fn new(shared: Arc<Shared>, seed: u64) -> Self {
        Self {
            shared,
            session: None,
            far: None,
            random: next_random(seed),
            did: Vec::new(),
            unknown: Vec::new(),
            left: Vec::new(),
            doubtful: Vec::new(),
            unheard: false,
        }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.random = next_random(self.random);
        self.random % below.max(1)
    }

    fn drawn(&self, rx: usize, units: u64, keep: u16) -> Drawn {
        let of = u128::from(self.shared.units);
        let parts = u64::try_from(u128::from(units) * u128::from(RX_PARTS) / of).unwrap_or(u64::MAX);
        Drawn {
            rx,
            key: SigningKey::generate(),
            parts,
            keep,
            began: self.shared.now(),
            unheard: false,
        }
    }

    async fn fill(&mut self) {
        let rx = self.draw(self.shared.prescriptions.len() as u64) as usize;
        if self.draw(8) == 0 {
            self.look(rx).await;
        }
        let (units, leave, hang_up) = (
            1 + self.draw(3),
            self.draw(self.shared.leave_one_in) == 0,
            self.draw(32) == 0,
        );
        let keep = if leave { SHORTLY } else { RX_KEEP_MINUTES };
        let drawn = self.drawn(rx, units, keep);
        self.shared.tried.fetch_add(1, Ordering::Relaxed);
        if hang_up {
            let (act, wait) = (self.reserve_act(&drawn), self.draw(30));
            self.hang_up(&act, drawn.rx, Duration::from_millis(wait)).await;
            self.unknown.push(Drawn {
                unheard: true,
                ..drawn
            });
        } else {
            self.go_on(drawn).await;
        }
    }

    /// Reserves, or asks again whether it has, and goes on with it.
    async fn go_on(&mut self, drawn: Drawn) {
        match self.reserve(&drawn).await {
            Said::Done(_) => {}
            Said::Refused(ErrorCode::RxNotEnough | ErrorCode::RxAllTaken) => {
                if drawn.unheard || self.unheard {
                    self.doubtful.push(drawn);
                }
                return;
            }
            Said::Refused(_) | Said::LetGo => return self.surprise(),
        }
        if drawn.keep == SHORTLY {
            return self.left.push(drawn);
        }
        // One in eight lets go, and one in eight confirms, forgets it, and asks again.
        let times = match self.draw(8) {
            0 => {
                if let Said::Refused(_) = self.release(&drawn).await {
                    self.surprise();
                }
                0
            }
            1 => 2,
            _ => 1,
        };
        for _ in 0..times {
            if !matches!(self.confirm(&drawn).await, Said::Done(_)) {
                self.surprise();
            }
        }
    }

    /// Confirms what may be too late, and asks again: whatever it was told, it hears once more,
    /// however many askings that nobody heard arrive in between.
    async fn collect(&mut self, drawn: &Drawn) {
        let first = self.confirm(drawn).await;
        let again = self.confirm(drawn).await;
        match (first, again) {
            (Said::Done(_), Said::Done(_)) | (Said::LetGo, Said::LetGo) => {}
            _ => self.surprise(),
        }
    }

    /// Asks once more about a draw that is in doubt, and lets go of what it may have got; whether it
    /// is in doubt no more.
    pub(super) async fn settle(&mut self, drawn: &Drawn) -> bool {
        if let Said::Refused(_) = self.reserve(drawn).await {
            return false;
        }
        if let Said::Refused(_) = self.release(drawn).await {
            self.surprise();
        }
        true
    }

    /// The next question goes to another relay.
    pub(super) fn leave(&mut self) {
        self.session = None;
    }

    /// Draws units that nobody else wants; whether it could.
    pub(super) async fn draw_the_rest(&mut self, rx: usize, units: u64) -> bool {
        let drawn = self.drawn(rx, units, RX_KEEP_MINUTES);
        matches!(self.reserve(&drawn).await, Said::Done(_))
            && matches!(self.confirm(&drawn).await, Said::Done(_))
    }

    /// How an entry stands.
    pub(super) async fn look(&mut self, rx: usize) -> Option<EntryStanding> {
        let drawn = self.drawn(rx, 0, SHORTLY);
        let act = LedgerAct::Look(self.rx(rx).opening.clone());
        match self.ask(&drawn, What::Look, &act).await {
            Said::Done(standing) => Some(standing),
            Said::Refused(_) | Said::LetGo => {
                self.surprise();
                None
            }
        }
    }

    fn rx(&self, at: usize) -> &Rx {
        &self.shared.prescriptions[at]
    }

    fn reserve_act(&self, drawn: &Drawn) -> LedgerAct {
        let rx = self.rx(drawn.rx);
        let ticket = Ticket {
            keep_minutes: drawn.keep,
            ..Ticket::new(rx.id, drawn.key.public(), drawn.parts, u64::MAX)
        };
        LedgerAct::Reserve(Box::new(Reserve {
            opening: rx.opening.clone(),
            ticket: ticket.signed(&rx.holder),
        }))
    }

    async fn reserve(&mut self, drawn: &Drawn) -> Said {
        let act = self.reserve_act(drawn);
        self.ask(drawn, What::Reserve, &act).await
    }

    async fn confirm(&mut self, drawn: &Drawn) -> Said {
        let word = ConfirmWord {
            entry: self.rx(drawn.rx).id,
            parts: drawn.parts,
            ext: Extensions::none(),
        };
        let act = LedgerAct::Confirm(ByPharmacy::new(&drawn.key, word));
        let said = self.ask(drawn, What::Confirm, &act).await;
        let let_go = |did: &Did| did.step.as_ref().is_some_and(|s| s.kind == StepKind::Released);
        match said {
            Said::Done(_) if self.did.last().is_some_and(let_go) => Said::LetGo,
            said => said,
        }
    }

    async fn release(&mut self, drawn: &Drawn) -> Said {
        let word = ReleaseWord {
            entry: self.rx(drawn.rx).id,
            ext: Extensions::none(),
        };
        let act = LedgerAct::Release(ByPharmacy::new(&drawn.key, word));
        self.ask(drawn, What::Release, &act).await
    }

    fn surprise(&self) {
        self.shared.surprises.fetch_add(1, Ordering::Relaxed);
    }

    fn command(&self, rx: usize, act: &LedgerAct) -> Command {
        let not_after = self.shared.now() / 1_000_000 + VALID_MS;
        let command = LedgerCommand::new(self.rx(rx).id, act.clone(), not_after);
        Command::Ledger(Box::new(command))
    }

    /// Asks and is gone before it hears anything.
    async fn hang_up(&mut self, act: &LedgerAct, rx: usize, wait: Duration) {
        let command = self.command(rx, act);
        if let Some(far) = &mut self.far {
            return far.hang_up(rx, &command, wait).await;
        }
        if let Some(session) = self.connected().await {
            let _ = tokio::time::timeout(wait, session.call(0, command)).await;
        }
        self.session = None;
    }

    /// Asks until there is an answer: the same bytes on every connection.
    async fn ask(&mut self, drawn: &Drawn, what: What, act: &LedgerAct) -> Said {
        let now = self.shared.now();
        let did = Did {
            entry: self.rx(drawn.rx).id,
            what,
            parts: drawn.parts,
            // What was asked before, and not heard, may have been done then.
            began: if what == What::Reserve { drawn.began } else { now },
            ended: 0,
            step: None,
            standing: None,
            refused: None,
        };
        let command = self.command(drawn.rx, act);
        // The relays of two hospitals repeat among themselves what they did not hear.
        self.unheard = self.far.is_some();
        loop {
            let answer = self.call(drawn.rx, &command).await;
            let ended = self.shared.now();
            let tenant = &self.shared.tenant;
            match answer {
                Some(Answer::Ledger(told))
                    if told.is_proved(&did.entry, &tenant.relays(), tenant.quorum()) =>
                {
                    self.was_answered();
                    self.did.push(Did {
                        ended,
                        step: told.step,
                        standing: Some(told.standing),
                        ..did
                    });
                    return Said::Done(told.standing);
                }
                Some(Answer::Busy(ms) | Answer::NotYetDurable(ms)) => {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                }
                Some(Answer::Refused(refusal)) if !is_passing(refusal.code) => {
                    self.was_answered();
                    // Of these two the judge asks why; any other is expected where it is met, or a surprise.
                    if matches!(refusal.code, ErrorCode::RxNotEnough | ErrorCode::RxAllTaken) {
                        self.did.push(Did {
                            ended,
                            refused: Some(refusal.code),
                            ..did
                        });
                    }
                    return Said::Refused(refusal.code);
                }
                Some(Answer::Ledger(_)) => {
                    self.surprise();
                    tokio::time::sleep(RETRY).await;
                }
                _ => {
                    self.unheard = true;
                    self.session = None;
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    fn was_answered(&self) {
        self.shared.answered.fetch_add(1, Ordering::Relaxed);
        if self.far.is_some() {
            self.shared.answered_there.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An answer, if one was heard.
    async fn call(&mut self, rx: usize, command: &Command) -> Option<Answer> {
        if let Some(far) = &mut self.far {
            return far.call(rx, command).await;
        }
        let session = self.connected().await?;
        let call = tokio::time::timeout(PATIENCE, session.call(0, command.clone()));
        call.await.ok().and_then(Result::ok).map(|r| r.answer)
    }

    async fn connected(&mut self) -> Option<Session> {
        if self.session.is_none() {
            match self.shared.tenant.session().await {
                Ok((session, _)) => self.session = Some(session),
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        }
        self.session.clone()
    }
}

/// Nothing was decided: ask again.
const fn is_passing(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Draining | ErrorCode::Internal | ErrorCode::Fenced | ErrorCode::StaleNonce
    )
}
