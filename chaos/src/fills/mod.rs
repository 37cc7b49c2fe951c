//! Pharmacies that race for the last tablets: many at once against a real relay that is killed,
//! and a reckoning over everything that anybody was told.

pub mod checker;
mod pharmacy;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use telesphor_wire::answer::Answer;
use telesphor_wire::command::Command;
use telesphor_wire::ids::{EntryId, Nonce};
use telesphor_wire::ledger::{EntryKey, EntryStanding, LedgerAct, LedgerCommand, Opening, key_hash};
use telesphor_wire::sign::SigningKey;

use crate::campaign::{CampaignError, admit, next_random};
use crate::relay::Relay;
use crate::tenant::{Tenant, TenantError, VALID_MS};
use checker::{Did, Found, judge};

/// What one run does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How often the relay is killed.
    pub kills: u32,
    /// Names the run.
    pub seed: u64,
    /// Prescriptions.
    pub prescriptions: usize,
    /// Units of each.
    pub units: u32,
    /// Pharmacies, each trying every prescription.
    pub pharmacies: usize,
    /// Fills that are tried altogether before it ends.
    pub fills: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// What the reckoning found wrong; nothing, if all held.
    pub found: Vec<Found>,
    /// Fills that were tried.
    pub tried: u64,
    /// Fills that were confirmed.
    pub confirmed: u64,
    /// Answers of a kind that must not happen.
    pub surprises: u64,
    /// Relays killed.
    pub kills: u32,
    /// What `telesphor-relay verify` said of the disk.
    pub disk_verified: bool,
    /// Prescriptions that were drawn to the end.
    pub emptied: usize,
    /// How long the racing took.
    pub took: Duration,
}

impl Outcome {
    /// Whether everything held.
    pub const fn holds(&self) -> bool {
        self.found.is_empty() && self.surprises == 0 && self.disk_verified
    }
}

/// One prescription as its holder knows it.
pub(crate) struct Rx {
    pub(crate) id: EntryId,
    pub(crate) opening: Opening,
    pub(crate) holder: SigningKey,
    pub(crate) units: u32,
}

/// What all pharmacies share.
pub(crate) struct Shared {
    pub(crate) tenant: Tenant,
    pub(crate) prescriptions: Vec<Rx>,
    pub(crate) began: Instant,
    pub(crate) tried: AtomicU64,
    pub(crate) stop: AtomicBool,
    pub(crate) surprises: AtomicU64,
}

impl Shared {
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

const PATIENCE: Duration = Duration::from_secs(120);

/// Carries out a plan in `folder`.
///
/// # Errors
/// [`CampaignError`] if the run could not be carried through; a broken promise is an outcome.
pub async fn run(
    folder: &Path,
    plan: &Plan,
    mut tell: impl FnMut(u32, u64),
) -> Result<Outcome, CampaignError> {
    let mut relay = Relay::init(folder, "hospital-a.example")?;
    relay.start()?;
    let tenant = Tenant::enrol(&admit(&relay)?, 1).await?;
    let prescriptions = (0..plan.prescriptions)
        .map(|_| {
            let (holder, cancel) = (SigningKey::generate(), SigningKey::generate());
            let opening = Opening {
                salt: Nonce::random(),
                holder: EntryKey::Shown(holder.public()),
                cancel: EntryKey::Hidden(key_hash(&cancel.public())),
            };
            Rx {
                id: opening.entry(&tenant.pin.domain),
                opening,
                holder,
                units: plan.units,
            }
        })
        .collect();
    let shared = Arc::new(Shared {
        tenant,
        prescriptions,
        began: Instant::now(),
        tried: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        surprises: AtomicU64::new(0),
    });
    let pharmacies: Vec<_> = (0..plan.pharmacies)
        .map(|n| tokio::spawn(pharmacy::run(shared.clone(), plan.seed.wrapping_add(n as u64))))
        .collect();

    let mut random = plan.seed;
    for kill in 1..=plan.kills {
        random = next_random(random);
        let share = plan.fills * u64::from(kill) / u64::from(plan.kills + 1);
        reach(&shared, share + random % 50).await?;
        relay.kill()?;
        relay.start()?;
        tell(kill, shared.tried.load(Ordering::Relaxed));
    }
    reach(&shared, plan.fills).await?;
    shared.stop.store(true, Ordering::Relaxed);
    let mut history: Vec<Did> = Vec::new();
    for pharmacy in pharmacies {
        let did = tokio::time::timeout(PATIENCE, pharmacy)
            .await
            .map_err(|_| CampaignError::Stuck("a pharmacy did not come to its end"))?
            .map_err(|_| CampaignError::Stuck("a pharmacy panicked"))?;
        history.extend(did);
    }
    let took = shared.began.elapsed();
    let mut ends = Vec::new();
    for rx in &shared.prescriptions {
        ends.push((rx.id, look(&shared.tenant, rx).await?));
    }
    relay.kill()?;
    let disk_verified = relay.run(&["verify"]).is_ok();
    // Some asked twice: a fill is one step.
    let mut confirmed: Vec<_> = history
        .iter()
        .filter(|d| d.is_confirmed())
        .filter_map(|d| d.step.as_ref().map(|s| (s.entry, s.seq)))
        .collect();
    confirmed.sort_unstable();
    confirmed.dedup();
    let confirmed = confirmed.len() as u64;
    Ok(Outcome {
        found: judge(&history, &ends, plan.units),
        tried: shared.tried.load(Ordering::Relaxed),
        confirmed,
        surprises: shared.surprises.load(Ordering::Relaxed),
        kills: plan.kills,
        disk_verified,
        emptied: ends.iter().filter(|(_, s)| s.free < 1 << 20).count(),
        took,
    })
}

async fn reach(shared: &Shared, tried: u64) -> Result<(), CampaignError> {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let now = shared.tried.load(Ordering::Relaxed);
        if now >= tried {
            return Ok(());
        }
        if now != last {
            (last, since) = (now, Instant::now());
        }
        if since.elapsed() > PATIENCE {
            return Err(CampaignError::Stuck("no more fills"));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn look(tenant: &Tenant, rx: &Rx) -> Result<EntryStanding, CampaignError> {
    let (session, _pushes) = tenant.session().await.map_err(TenantError::from)?;
    let act = LedgerAct::Look(rx.opening.clone());
    let command = LedgerCommand::new(rx.id, act, session.facts().clock + VALID_MS);
    let answer = session.call(0, Command::Ledger(Box::new(command))).await;
    match answer.map_err(TenantError::from)?.answer {
        Answer::Ledger(told) => Ok(told.standing),
        other => Err(TenantError::Answer(Box::new(other)).into()),
    }
}
