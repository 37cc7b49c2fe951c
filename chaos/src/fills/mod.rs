//! Pharmacies that race for the last tablets: many at once against real relays that are struck, and
//! a reckoning over everything that anybody was told.

pub mod checker;
mod far;
mod house;
mod model;
mod pharmacy;
pub mod plant;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use telesphor_wire::ids::{EntryId, Nonce};
use telesphor_wire::ledger::{EntryKey, EntryStanding, Opening, key_hash};
use telesphor_wire::sign::SigningKey;

use crate::campaign::{CampaignError, admit, next_random};
use crate::tenant::Tenant;
use checker::{Did, Found, judge, units_of};
use far::Far;
pub use house::Blow;
use house::House;
use pharmacy::{Counter, Drawn};

/// What one run does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One, or three over NATS: then it must run [`crate::faults::inside`].
    pub relays: usize,
    /// One hospital; or two, with a relay each: half of the pharmacies then fill through the other one's
    /// relay alone, and the line between the two is struck as well.
    pub hospitals: usize,
    /// How often they are struck; a single one is killed.
    pub faults: u32,
    /// The longest that a fault lasts.
    pub longest: Duration,
    /// Names the run: the same seed strikes the same machines in the same order.
    pub seed: u64,
    /// Prescriptions.
    pub prescriptions: usize,
    /// Units of each.
    pub units: u32,
    /// Pharmacies, each trying every prescription.
    pub pharmacies: usize,
    /// Fills that are tried altogether before it ends.
    pub fills: u64,
    /// One of so many reservations is left lying.
    pub leave_one_in: u64,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What the reckoning found wrong; nothing, if all held.
    pub found: Vec<Found>,
    /// Fills that were tried.
    pub tried: u64,
    /// Fills that were confirmed.
    pub confirmed: u64,
    /// Answers that pharmacies of the other hospital had.
    pub there: u64,
    /// Acts that were refused.
    pub refused: u64,
    /// Answers that were held against the model.
    pub judged: usize,
    /// Answers of a kind that must not happen.
    pub surprises: u64,
    /// How often each kind of fault struck.
    pub struck: BTreeMap<String, u32>,
    /// How long nothing was answered after a fault had ended, the longest of each kind.
    pub silence: BTreeMap<String, Duration>,
    /// Relays whose disk `telesphor-relay verify` does not find good.
    pub damaged: usize,
    /// Prescriptions that were drawn to the end, by the race or after it.
    pub emptied: usize,
    /// Faults planted into this very history afterwards.
    pub planted: usize,
    /// Kinds of those that were not found.
    pub missed: Vec<&'static str>,
    /// How long the racing took.
    pub took: Duration,
}

impl Outcome {
    /// Whether everything held.
    pub const fn holds(&self) -> bool {
        self.found.is_empty() && self.surprises == 0 && self.damaged == 0 && self.missed.is_empty()
    }
}

/// One prescription as its holder knows it.
pub(crate) struct Rx {
    pub(crate) id: EntryId,
    pub(crate) opening: Opening,
    pub(crate) holder: SigningKey,
}

/// What all pharmacies share.
pub(crate) struct Shared {
    pub(crate) tenant: Tenant,
    pub(crate) prescriptions: Vec<Rx>,
    pub(crate) units: u32,
    pub(crate) leave_one_in: u64,
    began: (Instant, u64),
    pub(crate) tried: AtomicU64,
    pub(crate) answered: AtomicU64,
    /// Of these, at the other hospital.
    pub(crate) answered_there: AtomicU64,
    /// Between two fills of a pharmacy of the ledger's own hospital: they are not to draw everything
    /// before those of the other one have asked.
    pub(crate) pace: Duration,
    pub(crate) stop: AtomicBool,
    pub(crate) surprises: AtomicU64,
}

impl Shared {
    /// Nanoseconds since the Unix epoch, by a clock that does not jump.
    pub(crate) fn now(&self) -> u64 {
        let since = u64::try_from(self.began.0.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.began.1.saturating_add(since)
    }
}

const PATIENCE: Duration = Duration::from_secs(120);
/// Service must be back so soon after a fault has ended.
const BACK: Duration = Duration::from_secs(60);
/// After so many faults every relay must follow again before the next one strikes.
const ALL_FOLLOW: u32 = 20;
/// About the time that a fill takes from one hospital to the other.
const PACE: Duration = Duration::from_millis(40);
/// Entries whose history is planted with faults.
const PLANTED_IN: usize = 20;

/// Carries out a plan in `folder`.
///
/// # Errors
/// [`CampaignError`] if the run could not be carried through; a broken promise is an outcome.
pub async fn run(
    folder: &Path,
    plan: &Plan,
    mut tell: impl FnMut(u32, &Blow, Duration, u64),
) -> Result<Outcome, CampaignError> {
    let mut house = House::build(folder, plan.relays, plan.hospitals)?;
    let shared = Arc::new(open(&mut house, plan).await?);
    let mut pharmacies = Vec::new();
    for n in 0..plan.pharmacies {
        let far = match house.other().filter(|_| n % 2 == 1) {
            Some(other) => Some(Far::enrol(other, &shared.tenant.pin.domain).await?),
            None => None,
        };
        let seed = plan.seed.wrapping_add(n as u64);
        pharmacies.push(tokio::spawn(pharmacy::run(shared.clone(), seed, far)));
    }

    let (mut outcome, mut random) = (Outcome::default(), plan.seed);
    for fault in 1..=plan.faults {
        random = next_random(random);
        let share = plan.fills * u64::from(fault) / u64::from(plan.faults + 1);
        reach(&shared.tried, share + random % 50).await?;
        let strike = house.strike(random, plan.longest).await?;
        let ended = Instant::now();
        let answered = match strike {
            Blow::Ledger(_) => &shared.answered,
            Blow::Other | Blow::Line => &shared.answered_there,
        };
        reach(answered, answered.load(Ordering::Relaxed) + 1).await?;
        let silence = ended.elapsed();
        tell(fault, &strike, silence, shared.tried.load(Ordering::Relaxed));
        *outcome.struck.entry(strike.kind().to_owned()).or_default() += 1;
        let longest = outcome.silence.entry(strike.kind().to_owned()).or_default();
        *longest = silence.max(*longest);
        if fault.is_multiple_of(ALL_FOLLOW) {
            house.until_whole()?;
        }
    }
    reach(&shared.tried, plan.fills).await?;
    shared.stop.store(true, Ordering::Relaxed);
    let (mut history, mut doubtful): (Vec<Did>, Vec<Drawn>) = Default::default();
    for pharmacy in pharmacies {
        let (did, doubts) = tokio::time::timeout(PATIENCE, pharmacy)
            .await
            .map_err(|_| CampaignError::Stuck("a pharmacy did not come to its end"))?
            .map_err(|_| CampaignError::Stuck("a pharmacy panicked"))?;
        history.extend(did);
        doubtful.extend(doubts);
    }
    outcome.took = shared.began.0.elapsed();
    house.until_whole()?;
    let (more, ends) = empty(&shared, plan, doubtful).await?;
    history.extend(more);
    reckon(&mut outcome, &shared, plan, &history, &ends);
    for relay in house.relays() {
        relay.kill()?;
        outcome.damaged += usize::from(relay.run(&["verify"]).is_err());
    }
    if let Some(other) = house.other() {
        other.kill()?;
        outcome.damaged += usize::from(other.run(&["verify"]).is_err());
    }
    Ok(outcome)
}

async fn open(house: &mut House, plan: &Plan) -> Result<Shared, CampaignError> {
    let tenant = Tenant::enrol(&admit(&house.relays()[0])?, 1).await?;
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
            }
        })
        .collect();
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Shared {
        tenant,
        prescriptions,
        units: plan.units,
        leave_one_in: plan.leave_one_in,
        began: (Instant::now(), u64::try_from(unix.as_nanos()).unwrap_or(u64::MAX)),
        tried: AtomicU64::new(0),
        answered: AtomicU64::new(0),
        answered_there: AtomicU64::new(0),
        pace: if plan.hospitals > 1 { PACE } else { Duration::ZERO },
        stop: AtomicBool::new(false),
        surprises: AtomicU64::new(0),
    })
}

/// Draws what is left of every prescription, once what was left lying has become free again by
/// itself; then each relay is asked how it stands.
async fn empty(
    shared: &Arc<Shared>,
    plan: &Plan,
    mut doubtful: Vec<Drawn>,
) -> Result<(Vec<Did>, Vec<(EntryId, EntryStanding)>), CampaignError> {
    let mut counter = Counter::new(shared.clone(), plan.seed);
    let (mut ends, begun) = (Vec::new(), Instant::now());
    for (at, rx) in shared.prescriptions.iter().enumerate() {
        loop {
            let mut still = Vec::new();
            for drawn in doubtful {
                if drawn.rx != at || !counter.settle(&drawn).await {
                    still.push(drawn);
                }
            }
            doubtful = still;
            let stands = look(&mut counter, at).await?;
            let left = u64::from(plan.units).saturating_sub(units_of(stands.confirmed, plan.units));
            if left == 0 || (stands.reserved == 0 && counter.draw_the_rest(at, left).await) {
                break;
            }
            if begun.elapsed() > PATIENCE {
                let stands = format!("what is left cannot be drawn: {stands:?}");
                return Err(CampaignError::Apart(stands));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        for _ in 0..plan.relays {
            counter.leave();
            let stands = look(&mut counter, at).await?;
            if ends.last().is_some_and(|(id, _)| *id == rx.id) {
                ends.pop();
            }
            ends.push((rx.id, stands));
        }
    }
    Ok((counter.did, ends))
}

async fn look(counter: &mut Counter, rx: usize) -> Result<EntryStanding, CampaignError> {
    let stands = counter.look(rx).await;
    stands.ok_or(CampaignError::Stuck("an entry does not say how it stands"))
}

fn reckon(
    outcome: &mut Outcome,
    shared: &Shared,
    plan: &Plan,
    history: &[Did],
    ends: &[(EntryId, EntryStanding)],
) {
    // Some asked twice: a fill is one step.
    let mut confirmed: Vec<_> = history
        .iter()
        .filter(|d| d.is_confirmed())
        .filter_map(|d| d.step.as_ref().map(|s| (s.entry, s.seq)))
        .collect();
    confirmed.sort_unstable();
    confirmed.dedup();
    outcome.confirmed = confirmed.len() as u64;
    outcome.refused = history.iter().filter(|d| d.refused.is_some()).count() as u64;
    outcome.judged = history.len();
    outcome.tried = shared.tried.load(Ordering::Relaxed);
    outcome.there = shared.answered_there.load(Ordering::Relaxed);
    outcome.surprises = shared.surprises.load(Ordering::Relaxed);
    outcome.found = judge(history, ends, plan.units);
    let is_empty = |s: &EntryStanding| units_of(s.confirmed, plan.units) == u64::from(plan.units);
    outcome.emptied = ends.iter().filter(|(_, s)| is_empty(s)).count();
    if outcome.found.is_empty() {
        let some = &ends[..PLANTED_IN.min(ends.len())];
        (outcome.planted, outcome.missed) = plant::all(history, some, plan.units);
    }
}

async fn reach(counter: &AtomicU64, goal: u64) -> Result<(), CampaignError> {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let now = counter.load(Ordering::Relaxed);
        if now >= goal {
            return Ok(());
        }
        if now != last {
            (last, since) = (now, Instant::now());
        }
        if since.elapsed() > BACK {
            return Err(CampaignError::Stuck("no more fills within a minute"));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
