//! The campaign: load, kill, start again, and at the end the reckoning.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use telesphor_agent::link::{Credential, Push};
use telesphor_wire::domain::AdmissionLink;
use telesphor_wire::limits::DEFAULT_CREDIT_BYTES;
use telesphor_wire::mailbox::Event;

use crate::history::{Sent, Verdict, judge};
use crate::relay::{Relay, RelayError};
use crate::sender::{self, Shared};
use crate::tenant::{Mailbox, Tenant, TenantError};

/// What one run does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How often the relay is killed.
    pub kills: u32,
    /// Names the run: the same seed waits for the same numbers of receipts.
    pub seed: u64,
    /// Mailboxes, each with a sender of its own.
    pub mailboxes: usize,
    /// Deposits each sender keeps on the way.
    pub in_flight: usize,
    /// Payload of each, bytes.
    pub payload_bytes: usize,
}

/// Why a run could not be carried through (a broken promise is a [`Verdict`], not an error).
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// The process.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// Setting up a client.
    #[error(transparent)]
    Tenant(#[from] TenantError),
    /// A file or process.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Something did not happen that must.
    #[error("{0}")]
    Stuck(&'static str),
    /// A promise was broken.
    #[error("a promise was broken: {0:?}")]
    Broken(Verdict),
    /// The same, with what was seen.
    #[error("{0}")]
    Apart(String),
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The reckoning over all mailboxes.
    pub verdict: Verdict,
    /// Longest time from start to ready after a kill.
    pub slowest_start: Duration,
    /// Answers that must not happen.
    pub surprises: u64,
    /// What `telesphor-relay verify` said of the disk.
    pub disk_verified: bool,
}

/// No progress for so long means that something is stuck, and the run fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// Carries out a plan in `folder`. `tell` hears after each kill.
///
/// # Errors
/// [`CampaignError`] if the run could not be carried through.
pub async fn run(
    folder: &Path,
    plan: &Plan,
    mut tell: impl FnMut(u32, u64),
) -> Result<Outcome, CampaignError> {
    let mut relay = Relay::init(folder, "hospital-a.example")?;
    relay.start()?;
    let admission = admit(&relay)?;
    let mut tenant = Tenant::enrol(&admission, plan.mailboxes).await?;
    let mut mailboxes = Vec::new();
    {
        let (session, _pushes) = tenant.session().await.map_err(TenantError::from)?;
        for _ in 0..plan.mailboxes {
            mailboxes.push(tenant.open(&session).await?);
        }
    }
    let tenant = Arc::new(tenant);
    let shared = Arc::new(Shared::default());
    let senders: Vec<_> = mailboxes
        .iter()
        .map(|m| {
            tokio::spawn(sender::run(
                Arc::clone(&tenant),
                m.clone(),
                Arc::clone(&shared),
                plan.payload_bytes,
                plan.in_flight,
            ))
        })
        .collect();

    let mut random = plan.seed;
    let mut slowest_start = Duration::ZERO;
    let mut seen: Vec<Vec<Event>> = vec![Vec::new(); mailboxes.len()];
    for kill in 1..=plan.kills {
        random = next_random(random);
        let pause = random % 400;
        wait_for(&shared, shared.receipts.load(Ordering::Relaxed) + pause).await?;
        // Some of it is read before the kill, so that a place can be compared before and after.
        let reader = (random >> 16) as usize % mailboxes.len();
        if let Ok(events) = read_all(&tenant, &mailboxes[reader], 0).await {
            seen[reader] = events;
        }
        relay.kill()?;
        slowest_start = slowest_start.max(relay.start()?);
        tell(kill, shared.receipts.load(Ordering::Relaxed));
    }
    wait_for(&shared, shared.receipts.load(Ordering::Relaxed) + 100).await?;
    shared.stop.store(true, Ordering::Relaxed);
    let mut verdict = Verdict::default();
    for ((sender, mailbox), seen) in senders.into_iter().zip(&mailboxes).zip(&seen) {
        let sent: Sent = tokio::time::timeout(PATIENCE, sender)
            .await
            .map_err(|_| CampaignError::Stuck("a sender did not come to its end"))?
            .map_err(|_| CampaignError::Stuck("a sender panicked"))?;
        let now = read_all(&tenant, mailbox, 0).await?;
        verdict.add(&judge(mailbox.id, mailbox.genesis, &sent, seen, &now));
    }
    relay.kill()?;
    let disk_verified = relay.run(&["verify"]).is_ok();
    Ok(Outcome {
        verdict,
        slowest_start,
        surprises: shared.surprises.load(Ordering::Relaxed),
        disk_verified,
    })
}

/// An admission link from the relay's own command line.
///
/// # Errors
/// [`RelayError`].
pub fn admit(relay: &Relay) -> Result<AdmissionLink, RelayError> {
    let answer = relay.json(&["admit", "new", "--class", "organisation", "--uses", "1"])?;
    let text = answer["link"].as_str().unwrap_or_default();
    AdmissionLink::from_text(text).map_err(|e| RelayError::Command("admit new".to_owned(), e.to_string()))
}

/// Reads a whole mailbox as its owner: to its end as the relay that is asked knows it, and at least
/// up to a place that somebody has a receipt for (another relay of a cluster may be behind).
///
/// # Errors
/// [`CampaignError`].
pub async fn read_all(tenant: &Tenant, mailbox: &Mailbox, least: u64) -> Result<Vec<Event>, CampaignError> {
    let (session, mut pushes) = tenant.session().await.map_err(TenantError::from)?;
    let credential = Credential::owner(mailbox.id, mailbox.owner.clone());
    let standing = session.prove(credential).await.map_err(TenantError::from)?;
    let head = standing.head.map_or(0, |c| c.seq).max(least);
    let mut events = Vec::new();
    session
        .follow(standing.handle, 0, DEFAULT_CREDIT_BYTES)
        .await
        .map_err(TenantError::from)?;
    while (events.len() as u64) < head {
        let push = tokio::time::timeout(PATIENCE, pushes.recv())
            .await
            .map_err(|_| CampaignError::Stuck("a reader got no more events"))?;
        match push {
            Some(Push::Events(more)) => {
                let bytes: usize = more
                    .events
                    .iter()
                    .filter_map(|e| e.payload.as_ref())
                    .map(|p| p.len())
                    .sum();
                events.extend(more.events);
                session
                    .credit(standing.handle, bytes as u32 + 4096)
                    .await
                    .map_err(TenantError::from)?;
            }
            _ => return Err(CampaignError::Stuck("reading ended early")),
        }
    }
    events.truncate(head as usize);
    Ok(events)
}

/// Waits until so many receipts were given.
///
/// # Errors
/// [`CampaignError::Stuck`].
pub async fn wait_for(shared: &Shared, receipts: u64) -> Result<(), CampaignError> {
    let begun = tokio::time::Instant::now();
    while shared.receipts.load(Ordering::Relaxed) < receipts {
        if begun.elapsed() > PATIENCE {
            return Err(CampaignError::Stuck("no more receipts"));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// SplitMix64: enough to vary the moments of kills, and the same on every machine.
pub(crate) const fn next_random(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
