//! A hospital that is cut off for long, while another one goes on writing to it and working for
//! itself: what the one that works on notices, and what arrives afterwards.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use telesphor_agent::link::Credential;
use telesphor_wire::answer::Answer;
use telesphor_wire::mailbox::EventKind;

use super::{Asker, At, Hospital, Line, Outcome as Fate, at};
use crate::campaign::{CampaignError, admit, read_all};
use crate::sender::{deposit, payload};
use crate::tenant::{Mailbox, Tenant, TenantError, VALID_MS};

/// What one run does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Before the cut: the same work with the line whole, to compare with.
    pub before: Duration,
    /// How long the line is cut.
    pub cut: Duration,
    /// Between two messages to the other hospital.
    pub every: Duration,
    /// Mailboxes there.
    pub lanes: usize,
}

/// The hospital's own deposits of one phase, one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Own {
    /// How many.
    pub count: usize,
    /// Half of them took at most so long.
    pub p50: Duration,
    /// 99 of 100 took at most so long.
    pub p99: Duration,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// With the line whole.
    pub before: Own,
    /// With the line cut.
    pub during: Own,
    /// Messages that were sent, in all.
    pub sent: usize,
    /// Of these, while the line was cut.
    pub waited: usize,
    /// From the line's mending until the last of them was confirmed.
    pub caught_up: Duration,
    /// Messages that are missing at the other hospital, stand twice, or in another order.
    pub wrong: usize,
    /// Answers that must not happen.
    pub surprises: usize,
}

impl Outcome {
    /// Whether every promise was kept; how fast it was is another question.
    pub fn holds(&self) -> bool {
        self.wrong == 0 && self.surprises == 0
    }
}

/// Between two of the hospital's own deposits.
const OWN_EVERY: Duration = Duration::from_millis(10);

/// Carries out a plan.
///
/// # Errors
/// [`CampaignError`] if the run could not be carried through.
pub async fn run(folder: &Path, plan: &Plan) -> Result<Outcome, CampaignError> {
    let never = 100_000;
    let mut a = Hospital::new(&folder.join("a"), "hospital-a.example", never)?;
    let mut b = Hospital::new(&folder.join("b"), "hospital-b.example", never)?;
    a.start(&[])?;
    let line = Line::to(a.leafs())?;
    b.start(&[line.front()])?;
    a.pin(&b)?;
    b.pin(&a)?;
    let (there, lanes) = at(&b.relay, plan.lanes).await?;
    let mut asker = Asker::enrol(&a.relay).await?;
    let key = asker.sealing(&lanes[0].domain).await?;
    let own = OwnWork::begin(&a).await?;

    let mut outcome = Outcome::default();
    let mut sent: Vec<Vec<Vec<u8>>> = vec![Vec::new(); plan.lanes];
    let begun = Instant::now();
    while begun.elapsed() < plan.before {
        let message = asker.put_next(&lanes, &key, &mut sent).await?;
        // Told at once, as long as the line is whole.
        loop {
            let (of, fate) = asker.news().await?;
            outcome.surprises += usize::from(!matches!(fate, Fate::Durable(_)));
            if of == message {
                break;
            }
        }
        tokio::time::sleep(plan.every).await;
    }
    own.phase.store(1, Ordering::Relaxed);
    line.cut();
    let mut waiting = BTreeSet::new();
    let begun = Instant::now();
    while begun.elapsed() < plan.cut {
        waiting.insert(asker.put_next(&lanes, &key, &mut sent).await?);
        tokio::time::sleep(plan.every).await;
    }
    own.phase.store(2, Ordering::Relaxed);
    line.join();
    (outcome.sent, outcome.waited) = (sent.iter().map(Vec::len).sum(), waiting.len());
    let begun = Instant::now();
    while !waiting.is_empty() {
        let (of, fate) = asker.news().await?;
        outcome.surprises += usize::from(!matches!(fate, Fate::Durable(_)));
        waiting.remove(&of);
    }
    outcome.caught_up = begun.elapsed();
    for (lane, expected) in lanes.iter().zip(&sent) {
        outcome.wrong += apart(&there, lane, expected).await?;
    }
    let [before, during, _] = own.end().await?;
    (outcome.before, outcome.during) = (summed(before), summed(during));
    Ok(outcome)
}

impl Asker {
    /// Sends the next message, to each lane in its turn; its request's digest.
    async fn put_next(
        &mut self,
        lanes: &[At],
        key: &telesphor_wire::seal::SealingPublic,
        sent: &mut [Vec<Vec<u8>>],
    ) -> Result<telesphor_wire::hash::Digest, CampaignError> {
        let number: usize = sent.iter().map(Vec::len).sum();
        let lane = number % lanes.len();
        let message = number.to_be_bytes().to_vec();
        let passing = self.send(&lanes[lane], key, message.clone()).await?;
        sent[lane].push(message);
        Ok(passing.request.digest())
    }
}

/// How many messages of a mailbox are not where they should be.
async fn apart(there: &Tenant, lane: &At, expected: &[Vec<u8>]) -> Result<usize, CampaignError> {
    let events = read_all(there, &lane.mailbox, expected.len() as u64 + 1).await?;
    let messages: Vec<_> = events
        .into_iter()
        .filter(|e| e.header.kind == EventKind::MESSAGE)
        .filter_map(|e| e.payload)
        .collect();
    let wrong = messages.iter().zip(expected).filter(|(m, e)| m.0 != **e).count();
    Ok(wrong + messages.len().abs_diff(expected.len()))
}

/// The hospital's own work, one deposit after the other.
struct OwnWork {
    phase: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Result<[Vec<Duration>; 3], CampaignError>>,
}

impl OwnWork {
    async fn begin(hospital: &Hospital) -> Result<Self, CampaignError> {
        let mut tenant = Tenant::enrol(&admit(&hospital.relay)?, 1).await?;
        let (session, _pushes) = tenant.session().await.map_err(TenantError::from)?;
        let mailbox = tenant.open(&session).await?;
        let (phase, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let task = tokio::spawn(work(tenant, mailbox, phase.clone(), stop.clone()));
        Ok(Self { phase, stop, task })
    }

    /// How long each took, by phase.
    async fn end(self) -> Result<[Vec<Duration>; 3], CampaignError> {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.task.await;
        ended.map_err(|_| CampaignError::Stuck("the hospital's own work panicked"))?
    }
}

async fn work(
    tenant: Tenant,
    mailbox: Mailbox,
    phase: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
) -> Result<[Vec<Duration>; 3], CampaignError> {
    let (session, _pushes) = tenant.session().await.map_err(TenantError::from)?;
    let credential = Credential::depositor(mailbox.id, mailbox.deposit.clone());
    let standing = session.prove(credential).await.map_err(TenantError::from)?;
    let mut took = [Vec::new(), Vec::new(), Vec::new()];
    while !stop.load(Ordering::Relaxed) {
        let command = deposit(&mailbox, payload(700), session.facts().clock + VALID_MS);
        let (began, phase) = (Instant::now(), phase.load(Ordering::Relaxed));
        let replied = session.call(standing.handle, command).await;
        match replied.map_err(TenantError::from)?.answer {
            Answer::Durable(_) => took[phase].push(began.elapsed()),
            other => return Err(TenantError::Answer(Box::new(other)).into()),
        }
        tokio::time::sleep(OWN_EVERY).await;
    }
    Ok(took)
}

fn summed(mut took: Vec<Duration>) -> Own {
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
    Own {
        count: took.len(),
        p50: at(50),
        p99: at(99),
    }
}
