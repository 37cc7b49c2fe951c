//! One pharmacy: reserves, confirms, lets go, forgets what it did and asks again, and never gives up
//! on an act whose outcome it does not know.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use telesphor_agent::link::Session;
use telesphor_wire::answer::Answer;
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ledger::{
    ByPharmacy, ConfirmWord, LedgerAct, LedgerCommand, ReleaseWord, Reserve, Ticket,
};
use telesphor_wire::limits::RX_PARTS;
use telesphor_wire::sign::SigningKey;

use super::checker::{Did, What};
use super::{Rx, Shared};
use crate::campaign::next_random;
use crate::tenant::VALID_MS;

const RETRY: Duration = Duration::from_millis(20);

/// What the ledger said in the end.
enum Said {
    Done,
    Refused(ErrorCode),
}

struct Counter {
    shared: Arc<Shared>,
    session: Option<Session>,
    random: u64,
    did: Vec<Did>,
}

pub(super) async fn run(shared: Arc<Shared>, seed: u64) -> Vec<Did> {
    let mut counter = Counter {
        shared: shared.clone(),
        session: None,
        random: next_random(seed),
        did: Vec::new(),
    };
    while !shared.stop.load(Ordering::Relaxed) {
        let which = counter.draw(shared.prescriptions.len() as u64) as usize;
        if let Some(rx) = shared.prescriptions.get(which) {
            counter.fill(rx).await;
        }
    }
    counter.did
}

impl Counter {
    fn draw(&mut self, below: u64) -> u64 {
        self.random = next_random(self.random);
        self.random % below.max(1)
    }

    async fn fill(&mut self, rx: &Rx) {
        let key = SigningKey::generate();
        let units = 1 + self.draw(3);
        let parts = u64::try_from(u128::from(units) * u128::from(RX_PARTS) / u128::from(rx.units))
            .unwrap_or(u64::MAX);
        let ticket = Ticket::new(rx.id, key.public(), parts, u64::MAX);
        let reserve = LedgerAct::Reserve(Box::new(Reserve {
            opening: rx.opening.clone(),
            ticket: ticket.signed(&rx.holder),
        }));
        self.shared.tried.fetch_add(1, Ordering::Relaxed);
        match self.ask(rx, What::Reserve, &reserve).await {
            Said::Done => {}
            Said::Refused(ErrorCode::RxNotEnough | ErrorCode::RxAllTaken) => return,
            Said::Refused(_) => return self.surprise(),
        }
        let confirm = LedgerAct::Confirm(ByPharmacy::new(
            &key,
            ConfirmWord {
                entry: rx.id,
                parts,
                ext: Extensions::none(),
            },
        ));
        // One in eight lets go, and one in eight confirms, forgets it, and asks again.
        match self.draw(8) {
            0 => {
                let word = ReleaseWord {
                    entry: rx.id,
                    ext: Extensions::none(),
                };
                let release = LedgerAct::Release(ByPharmacy::new(&key, word));
                if let Said::Refused(_) = self.ask(rx, What::Release, &release).await {
                    self.surprise();
                }
            }
            1 => {
                for _ in 0..2 {
                    self.confirm(rx, &confirm).await;
                }
            }
            _ => self.confirm(rx, &confirm).await,
        }
    }

    async fn confirm(&mut self, rx: &Rx, confirm: &LedgerAct) {
        if let Said::Refused(_) = self.ask(rx, What::Confirm, confirm).await {
            self.surprise();
        }
    }

    fn surprise(&self) {
        self.shared.surprises.fetch_add(1, Ordering::Relaxed);
    }

    /// Asks until there is an answer: the same bytes on every connection.
    async fn ask(&mut self, rx: &Rx, what: What, act: &LedgerAct) -> Said {
        let began = self.shared.now();
        let mut command = None;
        loop {
            let Some(session) = self.connected().await else {
                continue;
            };
            let not_after = session.facts().clock + VALID_MS;
            let command = command.get_or_insert_with(|| {
                Command::Ledger(Box::new(LedgerCommand::new(rx.id, act.clone(), not_after)))
            });
            let answer = session.call(0, command.clone()).await.map(|r| r.answer);
            match answer {
                Ok(Answer::Ledger(told)) if told.is_proved(&rx.id, &self.shared.tenant.relays(), 1) => {
                    self.did.push(Did {
                        entry: rx.id,
                        what,
                        began,
                        ended: self.shared.now(),
                        step: told.step.clone(),
                        standing: Some(told.standing),
                    });
                    return Said::Done;
                }
                Ok(Answer::Busy(ms)) => tokio::time::sleep(Duration::from_millis(ms)).await,
                Ok(Answer::Refused(refusal)) if !is_passing(refusal.code) => {
                    self.did.push(Did {
                        entry: rx.id,
                        what,
                        began,
                        ended: self.shared.now(),
                        step: None,
                        standing: None,
                    });
                    return Said::Refused(refusal.code);
                }
                Ok(Answer::Ledger(_)) => self.surprise(),
                _ => {
                    self.session = None;
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
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
