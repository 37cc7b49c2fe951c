//! Acts on the dispense ledger against bare appends: the same sessions, the same number on the way,
//! everything signed beforehand.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use telesphor_agent::link::{Credential, Session};
use telesphor_chaos::sender::{deposit, payload};
use telesphor_chaos::tenant::{Mailbox, Tenant, VALID_MS};
use telesphor_wire::answer::Answer;
use telesphor_wire::command::Command;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::Nonce;
use telesphor_wire::ledger::{
    ByPharmacy, ConfirmWord, EntryKey, LedgerAct, LedgerCommand, Opening, Reserve, Ticket, key_hash,
};
use telesphor_wire::limits::RX_PARTS;
use telesphor_wire::sign::SigningKey;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::append::{PAYLOAD, relay};
use crate::error::{Result, odd};
use crate::measure::{Figures, Window, us};
use crate::report::Report;

/// Connections.
const SESSIONS: usize = 16;
/// Lines of commands on each, one after the other within a line.
const LINES: usize = 32;
/// Fills of one prescription: reserved and confirmed.
const FILLS: u64 = 4;

/// Commands that follow each other, and the right that they use.
struct Work {
    handle: u32,
    commands: Vec<Command>,
}

/// One prescription's fills, signed: two commands each.
fn fills(tenant: &Tenant, count: u64, not_after: u64) -> Vec<Command> {
    let mut all = Vec::new();
    while (all.len() as u64) < count {
        let (holder, cancel) = (SigningKey::generate(), SigningKey::generate());
        let opening = Opening {
            salt: Nonce::random(),
            holder: EntryKey::Shown(holder.public()),
            cancel: EntryKey::Hidden(key_hash(&cancel.public())),
        };
        let entry = opening.entry(&tenant.pin.domain);
        for _ in 0..FILLS {
            let (key, parts) = (SigningKey::generate(), RX_PARTS / 30);
            let ticket = Ticket::new(entry, key.public(), parts, not_after).signed(&holder);
            let opening = opening.clone();
            let word = ConfirmWord {
                entry,
                parts,
                ext: Extensions::none(),
            };
            for act in [
                LedgerAct::Reserve(Box::new(Reserve { opening, ticket })),
                LedgerAct::Confirm(ByPharmacy::new(&key, word)),
            ] {
                let command = LedgerCommand::new(entry, act, not_after);
                all.push(Command::Ledger(Box::new(command)));
            }
        }
    }
    all
}

fn appends(mailbox: &Mailbox, count: u64, not_after: u64) -> Vec<Command> {
    (0..count)
        .map(|_| deposit(mailbox, payload(PAYLOAD), not_after))
        .collect()
}

async fn line(session: Session, work: Work) -> Result<Vec<u32>> {
    let mut latencies = Vec::with_capacity(work.commands.len());
    for command in work.commands {
        let began = Instant::now();
        loop {
            let answer = session.call(work.handle, command.clone()).await;
            match answer.map_err(odd)?.answer {
                Answer::Durable(_) | Answer::Ledger(_) => break,
                Answer::Busy(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
                other => return Err(odd(format!("refused: {other:?}"))),
            }
        }
        latencies.push(us(began.elapsed()));
    }
    Ok(latencies)
}

/// Sends everything that was made beforehand and measures until the last answer.
async fn drive(pid: u32, work: Vec<(Session, Work)>) -> Result<Figures> {
    let window = Window::open(&[pid])?;
    let mut lines = JoinSet::new();
    for (session, work) in work {
        lines.spawn(line(session, work));
    }
    let mut latencies = Vec::new();
    while let Some(done) = lines.join_next().await {
        latencies.extend(done.map_err(odd)??);
    }
    window.close()?.figures(latencies, PAYLOAD)
}

/// The scenario: bare appends, the ledger, bare appends again.
pub(crate) fn run(runtime: &Runtime, folder: &Path, lasts: Duration, report: &mut Report) -> Result<()> {
    report.section("The dispense ledger");
    report.head();
    let (mut relay, mut tenant) = relay(runtime, &folder.join("ledger"), SESSIONS)?;
    let pid = relay.pid().ok_or_else(|| odd("the relay ended"))?;
    let (before, ledger, after) = runtime.block_on(async {
        let (first, _pushes) = tenant.session().await?;
        let not_after = first.facts().clock + VALID_MS;
        let mut mailboxes = Vec::new();
        for _ in 0..SESSIONS {
            mailboxes.push(tenant.open(&first).await?);
        }
        let tenant = Arc::new(tenant);
        // As many as take about as long as was asked for, on a machine that does some thousands a second.
        let each = (lasts.as_secs().max(1) * 4_000) / (SESSIONS * LINES) as u64;
        let mut keep = Vec::new();
        let mut measured = Vec::new();
        for kind in ["append", "ledger", "append"] {
            let mut work = Vec::new();
            for mailbox in &mailboxes {
                let (session, pushes) = tenant.session().await?;
                keep.push(pushes);
                let credential = Credential::depositor(mailbox.id, mailbox.deposit.clone());
                let handle = session.prove(credential).await?.handle;
                for _ in 0..LINES {
                    let (handle, commands) = match kind {
                        "ledger" => (0, fills(&tenant, each, not_after)),
                        _ => (handle, appends(mailbox, each, not_after)),
                    };
                    work.push((session.clone(), Work { handle, commands }));
                }
            }
            measured.push(drive(pid, work).await?);
        }
        let after = measured.pop().ok_or_else(|| odd("no figures"))?;
        let ledger = measured.pop().ok_or_else(|| odd("no figures"))?;
        let before = measured.pop().ok_or_else(|| odd("no figures"))?;
        Ok::<_, crate::error::Error>((before, ledger, after))
    })?;
    report.figures("bare appends of 1 KiB, before", &before);
    report.figures("ledger: reserve and confirm", &ledger);
    report.figures("bare appends of 1 KiB, after", &after);
    relay.kill()?;
    report.at_least(
        "ledger acts a second / bare appends",
        ledger.per_second / ((before.per_second + after.per_second) / 2.0),
        0.5,
        "x",
    );
    Ok(())
}
