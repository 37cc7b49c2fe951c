//! A cluster under load while its machines, its network and its bus are struck, one fault after the
//! other, and at the end the reckoning.

mod machine;
mod strike;
mod yard;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

pub use machine::wrong_clock;
pub use strike::Strike;
pub use yard::{INSIDE, Yard, inside};

use crate::campaign::{CampaignError, admit, next_random, read_all};
use crate::cluster::Cluster;
use crate::history::{Sent, Verdict, judge};
use crate::relay::Relay;
use crate::sender::{self, Shared};
use crate::tenant::{Mailbox, Tenant, TenantError};

/// What one run does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many faults.
    pub faults: u32,
    /// Names the run: the same seed strikes the same machines in the same order.
    pub seed: u64,
    /// Mailboxes, each with a sender of its own.
    pub mailboxes: usize,
    /// Deposits each sender keeps on the way.
    pub in_flight: usize,
    /// The longest that a fault lasts.
    pub longest: Duration,
    /// Whether every second fault strikes a machine itself: its disk or its clock. The machines then
    /// have small disks in memory.
    pub machines: bool,
    /// If named, only faults of this kind.
    pub only: Option<String>,
    /// Receipts before the first fault.
    pub before: u64,
}

impl Plan {
    fn draw(&self, random: u64) -> Strike {
        match self.machines && random >> 63 == 1 {
            true => Strike::of_a_machine(random >> 8),
            false => Strike::drawn(random >> 8),
        }
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Over all mailboxes, read at each relay.
    pub verdict: Verdict,
    /// Answers that must not happen.
    pub surprises: u64,
    /// Relays whose disk does not verify.
    pub damaged: usize,
    /// How often each kind of fault struck.
    pub struck: BTreeMap<String, u32>,
    /// How long nothing was acknowledged after a fault had ended, the longest of each kind.
    pub silence: BTreeMap<String, Duration>,
}

impl Outcome {
    /// Whether every promise was kept.
    pub fn holds(&self) -> bool {
        self.verdict.holds() && self.surprises == 0 && self.damaged == 0
    }
}

/// Service must be back so soon after a fault has ended.
const BACK: Duration = Duration::from_secs(60);

/// After so many faults every relay must follow again before the next one strikes.
const ALL_FOLLOW: u32 = 20;

/// Carries out a plan; must run [`inside`]. `tell` hears of each fault and of the silence after it.
///
/// # Errors
/// [`CampaignError`] if the run could not be carried through, or service did not come back.
pub async fn run(
    folder: &Path,
    plan: &Plan,
    tell: impl FnMut(u32, &Strike, Duration),
) -> Result<Outcome, CampaignError> {
    let yard = Yard::build(&folder.join("net"), 3, plan.machines)?;
    let outcome = carry_out(&yard, folder, plan, tell).await;
    if let Some(machines) = &yard.machines
        && !outcome.as_ref().is_ok_and(Outcome::holds)
    {
        machines.keep(Yard::HOSTS)?;
    }
    outcome
}

async fn carry_out(
    yard: &Yard,
    folder: &Path,
    plan: &Plan,
    mut tell: impl FnMut(u32, &Strike, Duration),
) -> Result<Outcome, CampaignError> {
    let mut cluster = Cluster::start_in(yard, &folder.join("cluster"), "hospital-a.example")?;
    let load = Load::begin(&cluster, plan).await?;
    let mut outcome = Outcome::default();
    let mut random = plan.seed;
    load.grown_to(plan.before).await?;
    for fault in 1..=plan.faults {
        let strike = loop {
            random = next_random(random);
            let drawn = plan.draw(random);
            if plan.only.as_ref().is_none_or(|kind| drawn.kind() == kind) {
                break drawn;
            }
        };
        load.grown_by(random % 200).await?;
        let lasts = plan.longest.mul_f64((random >> 40) as f64 / (1_u64 << 24) as f64);
        strike.begin(yard, &mut cluster)?;
        tokio::time::sleep(lasts).await;
        strike.end(yard, &mut cluster)?;
        let silence = load.grown_by(1).await?;
        tell(fault, &strike, silence);
        *outcome.struck.entry(strike.kind().to_owned()).or_default() += 1;
        let longest = outcome.silence.entry(strike.kind().to_owned()).or_default();
        *longest = silence.max(*longest);
        if fault.is_multiple_of(ALL_FOLLOW) {
            // A relay that stays behind takes the next fault's place beforehand.
            cluster.until_following(0..cluster.relays.len())?;
        }
    }
    load.grown_by(200).await?;
    cluster.until_following(0..cluster.relays.len())?;
    (outcome.verdict, outcome.surprises) = load
        .end(cluster.relays.len())
        .await
        .map_err(|e| with_standing(&e, &cluster))?;
    for relay in &mut cluster.relays {
        relay.kill()?;
        outcome.damaged += usize::from(relay.run(&["verify"]).is_err());
    }
    Ok(outcome)
}

/// What went wrong, and how each relay stood then: with them it is gone.
fn with_standing(error: &CampaignError, cluster: &Cluster) -> CampaignError {
    let standing = |relay: &Relay| match relay.json(&["cluster", "status"]) {
        Ok(status) => status.to_string(),
        Err(e) => e.to_string(),
    };
    let all: Vec<_> = cluster.relays.iter().map(standing).collect();
    CampaignError::Apart(format!("{error}\n{}", all.join("\n")))
}

/// Senders at work.
struct Load {
    tenant: Arc<Tenant>,
    mailboxes: Vec<Mailbox>,
    shared: Arc<Shared>,
    senders: Vec<JoinHandle<Sent>>,
}

impl Load {
    async fn begin(cluster: &Cluster, plan: &Plan) -> Result<Self, CampaignError> {
        let admission = admit(&cluster.relays[0])?;
        let mut tenant = Tenant::enrol(&admission, plan.mailboxes).await?;
        let (session, _pushes) = tenant.session().await.map_err(TenantError::from)?;
        let mut mailboxes = Vec::new();
        for _ in 0..plan.mailboxes {
            mailboxes.push(tenant.open(&session).await?);
        }
        let (tenant, shared) = (Arc::new(tenant), Arc::new(Shared::default()));
        let senders = mailboxes
            .iter()
            .map(|m| {
                tokio::spawn(sender::run(
                    tenant.clone(),
                    m.clone(),
                    shared.clone(),
                    700,
                    plan.in_flight,
                ))
            })
            .collect();
        Ok(Self {
            tenant,
            mailboxes,
            shared,
            senders,
        })
    }

    /// Waits until there are so many receipts.
    async fn grown_to(&self, receipts: u64) -> Result<(), CampaignError> {
        while self.shared.receipts.load(Ordering::Relaxed) < receipts {
            self.grown_by(1).await?;
        }
        Ok(())
    }

    /// Waits for so many more receipts; how long the first of them took.
    async fn grown_by(&self, receipts: u64) -> Result<Duration, CampaignError> {
        let begun = Instant::now();
        let before = self.shared.receipts.load(Ordering::Relaxed);
        let mut first = None;
        loop {
            let now = self.shared.receipts.load(Ordering::Relaxed);
            if now > before {
                first.get_or_insert_with(|| begun.elapsed());
            }
            if now >= before + receipts {
                return Ok(first.unwrap_or_default());
            }
            if begun.elapsed() > BACK {
                return Err(CampaignError::Stuck("service did not come back within a minute"));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Brings what is on its way to its end, and reckons at each relay.
    async fn end(self, relays: usize) -> Result<(Verdict, u64), CampaignError> {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut verdict = Verdict::default();
        for (sender, mailbox) in self.senders.into_iter().zip(&self.mailboxes) {
            let sent = tokio::time::timeout(BACK, sender)
                .await
                .map_err(|_| CampaignError::Stuck("a sender did not come to its end"))?
                .map_err(|_| CampaignError::Stuck("a sender panicked"))?;
            // Sessions take turns, so each relay is read once, and all must show the same.
            let mut seen = Vec::new();
            for _ in 0..relays {
                let now = read_all(&self.tenant, mailbox, sent.last()).await?;
                verdict.add(&judge(mailbox.id, mailbox.genesis, &sent, &seen, &now));
                seen = now;
            }
        }
        Ok((verdict, self.shared.surprises.load(Ordering::Relaxed)))
    }
}
