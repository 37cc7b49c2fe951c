//! A client under load: keeps so many deposits on the way, and after a broken connection
//! sends what has no answer again, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use telesphor_agent::link::{Credential, Session};
use telesphor_wire::answer::Answer;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::{Command, Deposit};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::CommandId;
use telesphor_wire::mailbox::EventKind;
use tokio::task::JoinSet;

use crate::history::Sent;
use crate::tenant::{Mailbox, Tenant, VALID_MS};

/// Between two attempts to reach a relay that is down.
const RETRY: Duration = Duration::from_millis(20);
/// A relay that says nothing for so long is left: one that is in trouble says that it is.
const PATIENCE: Duration = Duration::from_secs(8);

/// What all senders of a run share.
#[derive(Default)]
pub struct Shared {
    /// Receipts given so far; the campaign waits for this number to grow, not for time.
    pub receipts: AtomicU64,
    /// Set when no new deposits are to be made; what is on the way is brought to its end.
    pub stop: AtomicBool,
    /// Refusals of a kind that must not happen.
    pub surprises: AtomicU64,
}

/// Sends `payload_bytes` of random content per deposit, `in_flight` at a time, until told to stop.
pub async fn run(
    tenant: Arc<Tenant>,
    mailbox: Mailbox,
    shared: Arc<Shared>,
    payload_bytes: usize,
    in_flight: usize,
) -> Sent {
    let mut sent = Sent::default();
    let mut open: BTreeMap<u64, Command> = BTreeMap::new();
    // A receipt of theirs was not good once.
    let mut doubted = BTreeSet::new();
    let mut next = 0u64;
    while !shared.stop.load(Ordering::Relaxed) || !open.is_empty() {
        let Ok((session, _pushes)) = tenant.session().await else {
            tokio::time::sleep(RETRY).await;
            continue;
        };
        let credential = Credential::depositor(mailbox.id, mailbox.deposit.clone());
        let Ok(standing) = session.prove(credential).await else {
            tokio::time::sleep(RETRY).await;
            continue;
        };
        let mut calls = JoinSet::new();
        for (number, command) in &open {
            spawn(&mut calls, &session, standing.handle, *number, command.clone());
        }
        loop {
            while open.len() < in_flight && !shared.stop.load(Ordering::Relaxed) {
                let command = deposit(&mailbox, payload(payload_bytes), session.facts().clock + VALID_MS);
                if let Command::Deposit(d) = &command {
                    sent.payloads.insert(next, d.payload.0.clone());
                }
                open.insert(next, command.clone());
                spawn(&mut calls, &session, standing.handle, next, command);
                next += 1;
            }
            let Some(Ok((number, answer))) = calls.join_next().await else {
                break;
            };
            match answer {
                Some(Answer::Durable(receipt))
                    if receipt.verify(&tenant.relays(), tenant.quorum()).is_ok() =>
                {
                    open.remove(&number);
                    sent.receipts.insert(number, *receipt);
                    shared.receipts.fetch_add(1, Ordering::Relaxed);
                }
                Some(Answer::NotYetDurable(_)) => {
                    tokio::time::sleep(RETRY).await;
                    if let Some(command) = open.get(&number) {
                        spawn(&mut calls, &session, standing.handle, number, command.clone());
                    }
                }
                Some(Answer::Busy(_)) => {
                    if let Some(command) = open.get(&number) {
                        spawn(&mut calls, &session, standing.handle, number, command.clone());
                    }
                }
                // By a relay that is not known here, or is no more: perhaps the domain has a newer record.
                Some(Answer::Durable(receipt)) if tenant.relays().len() > 1 => {
                    tenant.look().await;
                    if receipt.verify(&tenant.relays(), tenant.quorum()).is_ok() {
                        open.remove(&number);
                        sent.receipts.insert(number, *receipt);
                        shared.receipts.fetch_add(1, Ordering::Relaxed);
                    } else if doubted.insert(number) {
                        // The same bytes get a receipt of the relays that there are now.
                        if let Some(command) = open.get(&number) {
                            spawn(&mut calls, &session, standing.handle, number, command.clone());
                        }
                    } else {
                        open.remove(&number);
                        shared.surprises.fetch_add(1, Ordering::Relaxed);
                    }
                }
                // No answer: the outcome is unknown, and the same bytes go again on a new connection.
                None => break,
                Some(Answer::Refused(refusal)) if is_passing(&refusal) => break,
                Some(_) => {
                    open.remove(&number);
                    shared.surprises.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
    sent
}

fn is_passing(refusal: &telesphor_wire::answer::Refusal) -> bool {
    use telesphor_wire::error::ErrorCode;
    matches!(
        refusal.code,
        ErrorCode::Draining
            | ErrorCode::Internal
            | ErrorCode::StaleNonce
            | ErrorCode::Fenced
            | ErrorCode::DiskFull
            | ErrorCode::HoldersAway
    )
}

fn spawn(
    calls: &mut JoinSet<(u64, Option<Answer>)>,
    session: &Session,
    handle: u32,
    number: u64,
    command: Command,
) {
    let session = session.clone();
    calls.spawn(async move {
        let call = tokio::time::timeout(PATIENCE, session.call(handle, command));
        let answer = match call.await {
            Ok(Ok(replied)) => Some(replied.answer),
            _ => None,
        };
        (number, answer)
    });
}

/// Random content.
pub fn payload(bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes + 32);
    while out.len() < bytes {
        out.extend_from_slice(Secret::random().expose());
    }
    out.truncate(bytes);
    out
}

/// A deposit of it.
pub fn deposit(mailbox: &Mailbox, payload: Vec<u8>, not_after: u64) -> Command {
    Command::Deposit(Deposit {
        mailbox: mailbox.id,
        branch: 0,
        epoch: 0,
        kind: EventKind::MESSAGE,
        command_id: CommandId::random(),
        not_after,
        payload: Bytes(payload),
        ext: Extensions::none(),
        signature: None,
    })
}
