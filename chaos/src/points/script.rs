//! The fixed script, and the reckoning after it was interrupted: a relay starts, takes deposits,
//! makes a backup.

use std::path::{Path, PathBuf};
use std::time::Duration;

use telesphor_agent::link::{Credential, Session};
use telesphor_wire::answer::Answer;
use telesphor_wire::command::Command;

use super::tracer::{self, Tracer};
use super::{Point, Stream};
use crate::campaign::{CampaignError, admit, read_all};
use crate::history::{Sent, Verdict, judge};
use crate::relay::Relay;
use crate::sender::{deposit, payload};
use crate::tenant::{Mailbox, Tenant, TenantError, VALID_MS};

/// Deposits in the fixed script.
const DEPOSITS: u64 = 12;
/// Longer than any answer takes; a relay that neither answers nor ends is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came of one point.
#[derive(Debug)]
pub struct Struck {
    /// Whether the fault was reached at all before the script ended.
    pub reached: bool,
    /// Whether the relay ended by it.
    pub ended: bool,
    /// Whether every deposit was answered before it: then it struck what comes after them, the backup.
    pub all_answered: bool,
    /// The reckoning.
    pub verdict: Verdict,
    /// What `telesphor-relay verify` said of the disk.
    pub disk_verified: bool,
    /// Whether the backup, if it says that it is complete, can be restored and verified.
    pub backup_holds: bool,
}

impl Struck {
    /// Whether every promise was kept.
    pub const fn holds(&self) -> bool {
        self.verdict.holds() && self.disk_verified && self.backup_holds
    }
}

/// What was sent, and what of it has no answer.
#[derive(Default)]
pub(super) struct Lines {
    sent: Sent,
    pending: Vec<(u64, Command)>,
}

/// A relay with one mailbox, from before anything breaks.
pub(super) struct Ground {
    folder: PathBuf,
    relay: Relay,
    tenant: Tenant,
    mailbox: Mailbox,
    tracer: Option<Tracer>,
}

impl Ground {
    /// Admission and the mailbox come before the fault, so that every point meets the same script.
    pub(super) async fn lay(folder: &Path, binary: &Path) -> Result<Self, CampaignError> {
        let mut relay = Relay::init_with(binary, folder, "hospital-a.example")?;
        relay.start()?;
        let mut tenant = Tenant::enrol(&admit(&relay)?, 1).await?;
        let (session, _pushes) = tenant.session().await.map_err(TenantError::from)?;
        let mailbox = tenant.open(&session).await?;
        drop(session);
        relay.kill()?;
        Ok(Self {
            folder: folder.to_owned(),
            relay,
            tenant,
            mailbox,
            tracer: None,
        })
    }

    fn backup(&self) -> PathBuf {
        self.folder.join("backup")
    }

    /// The script, watched; it ends early where the relay does. Says whether the relay ended.
    pub(super) async fn run(
        &mut self,
        stream: Stream,
        point: Option<&Point>,
        notes: &Path,
        lines: &mut Lines,
    ) -> Result<bool, CampaignError> {
        let up = match stream.thread() {
            None => {
                let mut wrapper = vec!["strace".to_owned()];
                wrapper.extend(tracer::arguments(point, notes));
                self.relay.start_under(&wrapper).is_ok()
            }
            Some(_) => {
                self.relay.start()?;
                let process = self.relay.pid().unwrap_or_default();
                self.tracer = Tracer::attach(process, stream, point, notes)?;
                true
            }
        };
        if up {
            deposits(&self.tenant, &self.mailbox, lines).await;
            let to = self.backup().display().to_string();
            // What becomes of it where the relay dies is looked at afterwards.
            let _ = self.relay.run(&["backup", &to]);
        }
        Ok(self.relay.has_ended())
    }

    /// Ends the relay, and whoever watches it.
    pub(super) fn end(&mut self) -> Result<(), CampaignError> {
        self.relay.kill()?;
        if let Some(tracer) = self.tracer.take() {
            tracer.end()?;
        }
        Ok(())
    }

    /// Starts it without a fault, sends again what has no answer, and reckons up.
    async fn reckon(&mut self, mut lines: Lines) -> Result<(Verdict, bool, bool), CampaignError> {
        self.relay.start()?;
        let (session, _pushes) = self.tenant.session().await.map_err(TenantError::from)?;
        let handle = prove(&session, &self.mailbox).await?;
        for (number, command) in std::mem::take(&mut lines.pending) {
            let replied = session.call(handle, command).await.map_err(TenantError::from)?;
            match replied.answer {
                Answer::Durable(receipt) => _ = lines.sent.receipts.insert(number, *receipt),
                other => return Err(TenantError::Answer(Box::new(other)).into()),
            }
        }
        let now = read_all(&self.tenant, &self.mailbox, 0).await?;
        let verdict = judge(self.mailbox.id, self.mailbox.genesis, &lines.sent, &[], &now);
        self.relay.kill()?;
        let disk_verified = self.relay.run(&["verify"]).is_ok();
        Ok((verdict, disk_verified, self.backup_holds()))
    }

    /// A backup that says that it is complete must be.
    fn backup_holds(&self) -> bool {
        if !self.backup().join("complete").exists() {
            return true;
        }
        let restored = self.relay.beside(&self.folder.join("restored"));
        let from = self.backup().display().to_string();
        restored.run(&["restore", &from]).is_ok() && restored.run(&["verify"]).is_ok()
    }
}

/// Runs the script with one fault, starts the relay again without it, finishes, and reckons up.
///
/// # Errors
/// [`CampaignError`] if the relay does not come back or the script cannot be finished.
pub async fn strike(folder: &Path, binary: &Path, point: &Point) -> Result<Struck, CampaignError> {
    let mut ground = Ground::lay(folder, binary).await?;
    let (notes, mut lines) = (folder.join("calls"), Lines::default());
    let ended = ground.run(point.stream, Some(point), &notes, &mut lines).await?;
    ground.end()?;
    let all_answered = lines.sent.receipts.len() as u64 == DEPOSITS;
    let (verdict, disk_verified, backup_holds) = ground.reckon(lines).await?;
    Ok(Struck {
        reached: ended || tracer::was_injected(&notes),
        ended,
        all_answered,
        verdict,
        disk_verified,
        backup_holds,
    })
}

/// Twelve deposits, four on the way at a time. What has no answer when the relay dies is pending.
async fn deposits(tenant: &Tenant, mailbox: &Mailbox, lines: &mut Lines) {
    let session = tenant.session().await.map(|(session, _pushes)| session);
    let handle = match &session {
        Ok(session) => prove(session, mailbox).await.ok(),
        Err(_) => None,
    };
    let clock = session.as_ref().map_or_else(|_| unix_ms(), |s| s.facts().clock);
    for number in 0..DEPOSITS {
        let bytes = payload(900);
        lines.sent.payloads.insert(number, bytes.clone());
        lines
            .pending
            .push((number, deposit(mailbox, bytes, clock + VALID_MS)));
    }
    let (Ok(session), Some(handle)) = (session, handle) else {
        return;
    };
    for chunk in lines.pending.clone().chunks(4) {
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
                lines.sent.receipts.insert(number, *receipt);
                lines.pending.retain(|(n, _)| *n != number);
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
