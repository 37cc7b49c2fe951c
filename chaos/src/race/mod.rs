//! Many agents race for one mailbox's next epoch, as processes that are killed, and so is the
//! relay. Afterwards: one winner for each epoch, nobody parted, nobody stuck, nothing lost.

mod crew;
mod member;
mod reckoning;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::campaign::{CampaignError, next_random};
use crate::relay::Relay;
use crate::ward::Ward;
use crew::Crew;
pub use member::run as member;
pub use reckoning::Reckoning;

/// Between two askings where everybody stands, for each of them.
const ASKING: Duration = Duration::from_millis(5);

/// What one run does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program that is a member when it is told so: `race`.
    pub program: PathBuf,
    /// Agents beside the patient.
    pub members: usize,
    /// Epochs to be raced for.
    pub epochs: u64,
    /// Names the run: the same seed kills the same members in the same rounds.
    pub seed: u64,
    /// One of so many rounds kills a member.
    pub kill_one_in: u64,
    /// One of so many rounds kills the relay.
    pub kill_relay_one_in: u64,
    /// One of so many rounds has somebody write a note meanwhile.
    pub say_one_in: u64,
    /// A round that takes longer has somebody stuck in it.
    pub patience: Duration,
    /// The race is called off after so long; what came of it until then is reckoned up.
    pub at_most: Duration,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Rounds.
    pub rounds: u64,
    /// Epochs since the race began.
    pub epochs: u64,
    /// Members killed.
    pub kills: u64,
    /// How often the relay was killed.
    pub relay_kills: u64,
    /// Longest round.
    pub slowest: Duration,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// How far it came.
    pub progress: Progress,
    /// What was found in the log and at the members.
    pub reckoning: Reckoning,
    /// What `telesphor-relay verify` said of the disk.
    pub disk_verified: bool,
}

/// Carries out a plan in `folder`. `tell` hears after each round.
///
/// # Errors
/// [`CampaignError`] if it could not be carried through: somebody is stuck.
pub async fn run(
    folder: &Path,
    plan: &Plan,
    mut tell: impl FnMut(&Progress),
) -> Result<Outcome, CampaignError> {
    let mut relay = Relay::init(folder, "hospital-a.example")?;
    relay.start()?;
    let mut ward = Ward::open(folder, &relay, plan.members).await?;
    ward.send_home().await;
    let mut crew = Crew::start(&plan.program, ward.profiles.clone(), ward.team)?;
    let start = together(&mut crew, &ward, plan, 0).await?;
    let (mut at, mut random, mut progress) = (start, plan.seed, Progress::default());
    let begun = Instant::now();
    while progress.epochs < plan.epochs && begun.elapsed() < plan.at_most {
        let round = Instant::now();
        let mut dice = |sides: u64| {
            random = next_random(random);
            random % sides.max(1)
        };
        crew.tell_all("renew")?;
        if dice(plan.say_one_in) == 0 {
            let (who, text) = (
                dice(plan.members as u64),
                format!("say round {}", progress.rounds),
            );
            crew.tell(who as usize, &text)?;
        }
        if dice(plan.kill_one_in) == 0 {
            tokio::time::sleep(Duration::from_millis(dice(300))).await;
            crew.kill(dice(plan.members as u64) as usize)?;
            progress.kills += 1;
        }
        if dice(plan.kill_relay_one_in) == 0 {
            tokio::time::sleep(Duration::from_millis(dice(300))).await;
            relay.kill()?;
            relay.start()?;
            progress.relay_kills += 1;
        }
        at = together(&mut crew, &ward, plan, at + 1).await?;
        progress.rounds += 1;
        progress.epochs = at - start;
        progress.slowest = progress.slowest.max(round.elapsed());
        tell(&progress);
    }
    crew.quiet(&ward, plan.patience).await?;
    let reckoning = reckoning::reckon(&mut crew, &ward, start).await?;
    drop(crew);
    ward.close().await;
    relay.kill()?;
    let disk_verified = relay.run(&["verify"]).is_ok();
    Ok(Outcome {
        progress,
        reckoning,
        disk_verified,
    })
}

/// Waits until all stand in one place, at this epoch or beyond; gives the epoch.
async fn together(crew: &mut Crew, ward: &Ward, plan: &Plan, least: u64) -> Result<u64, CampaignError> {
    let begun = Instant::now();
    loop {
        let mut stands = crew.stands()?;
        stands.push(crew::stand_of(&ward.patient, ward.team).await?);
        let first = stands[0].clone();
        if first.epoch >= least && stands.iter().all(|s| s.place() == first.place()) {
            return Ok(first.epoch);
        }
        if begun.elapsed() > plan.patience {
            let mut places: Vec<String> = stands.iter().map(crew::Stand::place).collect();
            places.sort_unstable();
            places.dedup();
            return Err(CampaignError::Apart(places.join(", ")));
        }
        // Each asking has every member read its group, which must not be what the race is about.
        tokio::time::sleep(ASKING * stands.len() as u32).await;
    }
}
