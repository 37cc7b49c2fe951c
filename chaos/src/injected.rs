//! A fault at one chosen system call: the Nth `fdatasync`, `write` or `rename` of a relay kills
//! it or fails, while a fixed script runs. Afterwards every receipt must be honoured.

use std::path::Path;
use std::time::Duration;
use telesphor_agent::link::{Credential, Session};
use telesphor_wire::answer::Answer;

use crate::campaign::{CampaignError, admit, read_all};
use crate::history::{Sent, Verdict, judge};
use crate::relay::Relay;
use crate::sender::{deposit, payload};
use crate::tenant::{Mailbox, Tenant, TenantError, VALID_MS};

/// What happens at the chosen call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed on entering it, as by `kill -9`.
    Kill,
    /// The call fails with an input/output error, as a dying disk answers.
    InputOutput,
}

/// One point at which something breaks.
#[derive(Clone, Debug)]
pub struct Point {
    /// System calls counted together, as `strace` names them.
    pub calls: &'static str,
    /// Which of them, from 1.
    pub nth: u32,
    /// What happens.
    pub fault: Fault,
}

/// What came of one point.
#[derive(Debug)]
pub struct Struck {
    /// Whether the fault was reached at all before the script ended.
    pub reached: bool,
    /// The reckoning.
    pub verdict: Verdict,
    /// What `telesphor-relay verify` said of the disk.
    pub disk_verified: bool,
}

/// Deposits in the fixed script.
const DEPOSITS: u64 = 12;
/// Longer than any answer takes; a relay that neither answers nor ends is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

impl Point {
    fn wrapper(&self) -> Vec<String> {
        let action = match self.fault {
            Fault::Kill => "signal=SIGKILL",
            Fault::InputOutput => "error=EIO",
        };
        let inject = format!("inject={}:{action}:when={}", self.calls, self.nth);
        [
            "strace",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={}", self.calls),
            "-e",
            &inject,
        ]
        .map(str::to_owned)
        .to_vec()
    }
}

/// Runs the script with one fault, starts the relay again without it, finishes, and reckons up.
///
/// # Errors
/// [`CampaignError`] if the relay does not come back or the script cannot be finished.
pub async fn strike(folder: &Path, point: &Point) -> Result<Struck, CampaignError> {
    let mut relay = Relay::init(folder, "hospital-a.example")?;
    // Admission and the mailbox come before the fault, so that every point meets the same script.
    relay.start()?;
    let mut tenant = Tenant::enrol(&admit(&relay)?, 1).await?;
    let (session, _pushes) = tenant.session().await.map_err(TenantError::from)?;
    let mailbox = tenant.open(&session).await?;
    drop(session);
    relay.kill()?;

    let mut sent = Sent::default();
    let mut pending = Vec::new();
    if relay.start_under(&point.wrapper()).is_ok() {
        script(&tenant, &mailbox, &mut sent, &mut pending).await;
    }
    let reached = relay.has_ended();
    relay.kill()?;

    relay.start()?;
    let (session, _pushes) = tenant.session().await.map_err(TenantError::from)?;
    let handle = prove(&session, &mailbox).await?;
    for (number, command) in pending {
        match session
            .call(handle, command)
            .await
            .map_err(TenantError::from)?
            .answer
        {
            Answer::Durable(receipt) => _ = sent.receipts.insert(number, *receipt),
            other => return Err(TenantError::Answer(Box::new(other)).into()),
        }
    }
    let now = read_all(&tenant, &mailbox).await?;
    let verdict = judge(mailbox.id, mailbox.genesis, &sent, &[], &now);
    relay.kill()?;
    Ok(Struck {
        reached,
        verdict,
        disk_verified: relay.run(&["verify"]).is_ok(),
    })
}

/// Twelve deposits, four on the way at a time. What has no answer when the relay dies is pending.
async fn script(
    tenant: &Tenant,
    mailbox: &Mailbox,
    sent: &mut Sent,
    pending: &mut Vec<(u64, telesphor_wire::command::Command)>,
) {
    let session = tenant.session().await.map(|(session, _pushes)| session);
    let handle = match &session {
        Ok(session) => prove(session, mailbox).await.ok(),
        Err(_) => None,
    };
    let clock = session.as_ref().map_or(0, |s| s.facts().clock);
    for number in 0..DEPOSITS {
        let bytes = payload(900);
        sent.payloads.insert(number, bytes.clone());
        let not_after = if clock > 0 {
            clock + VALID_MS
        } else {
            unix_ms() + VALID_MS
        };
        pending.push((number, deposit(mailbox, bytes, not_after)));
    }
    let (Ok(session), Some(handle)) = (session, handle) else {
        return;
    };
    for chunk in pending.clone().chunks(4) {
        let calls: Vec<_> = chunk
            .iter()
            .map(|(number, command)| {
                let (session, command, number) = (session.clone(), command.clone(), *number);
                tokio::spawn(async move { (number, session.call(handle, command).await) })
            })
            .collect();
        for call in calls {
            let answered = tokio::time::timeout(PATIENCE, call).await;
            let Ok(Ok((number, Ok(replied)))) = answered else {
                return;
            };
            if let Answer::Durable(receipt) = replied.answer {
                sent.receipts.insert(number, *receipt);
                pending.retain(|(n, _)| *n != number);
            }
        }
    }
}

async fn prove(session: &Session, mailbox: &Mailbox) -> Result<u32, CampaignError> {
    let credential = Credential::depositor(mailbox.id, mailbox.deposit.clone());
    Ok(session.prove(credential).await.map_err(TenantError::from)?.handle)
}

fn unix_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}
