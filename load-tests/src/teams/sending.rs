//! What a message to a team costs the relay: one append whatever the team's size, and its
//! delivery to each member who is connected; with and without a record of it for the owner.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use telesphor_agent::link::{Push, Session};
use telesphor_chaos::relay::Relay;
use telesphor_sealing::Suite;
use telesphor_wire::canonical;
use telesphor_wire::command::Command;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::{EventKind, Policy};
use telesphor_wire::records::with_key;
use telesphor_wire::seal::SealingKey;
use telesphor_wire::sign::SigningKey;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use super::cost::place;
use super::door::{self, Relayed};
use super::grow::{self, Keep, Tree};
use super::ours::Ours;
use crate::error::{Result, odd};
use crate::measure::{cpu_ns, resident};
use crate::population::Ground;
use crate::report::Report;

/// Bytes of content: with MLS framing exactly in the bucket of 1 KiB.
const CONTENT: usize = 900;
/// Messages of one measurement without readers.
const MESSAGES: usize = 2_000;
/// The same with readers, for each of whom they are pushed.
const FEW: usize = 100;
const ROUNDS: usize = 5;
const IN_FLIGHT: usize = 64;
/// Members connected, beside the author.
const CONNECTED: [usize; 2] = [99, 999];

/// A team with an open mailbox, and one of its members.
struct Open {
    author: Ours,
    mailbox: MailboxId,
    session: Session,
    handle: u32,
}

impl Open {
    async fn new(relayed: &Relayed, ground: &Ground, n: usize, policy: Policy) -> Result<Self> {
        let owner = SigningKey::generate();
        let mut place = place(Suite::Hybrid)?;
        place.owner = owner.public();
        let mut there = grow::ours(&place, n, Tree::Warm, Keep::Two)?;
        let author = there.pop().ok_or_else(|| odd("an empty team"))?;
        let keys = author.access()?;
        let (session, _) = relayed.session().await?;
        door::open(&session, ground, place.mailbox, &owner, (&keys, policy)).await?;
        let (handle, _) = door::enter(&session, place.mailbox, &keys).await?;
        Ok(Self {
            author,
            mailbox: place.mailbox,
            session,
            handle,
        })
    }

    fn seal(&mut self, count: usize) -> Result<Vec<Command>> {
        let now = self.session.facts().clock;
        let content = vec![0x5a; CONTENT];
        (0..count)
            .map(|_| Ok(door::deposit(self.mailbox, &self.author.seal(&content)?, now)))
            .collect()
    }

    /// Sends them all; each is durable when this returns.
    async fn send(&self, commands: Vec<Command>, at_once: usize) -> Result<()> {
        stream::iter(commands)
            .map(|command| door::durable(&self.session, self.handle, command))
            .buffer_unordered(at_once)
            .try_collect()
            .await
    }
}

/// Waits until a process rests, or what it used would be counted half.
async fn rest(pid: u32) -> Result<u64> {
    let mut before = cpu_ns(pid)?;
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = cpu_ns(pid)?;
        if now - before < 500_000 {
            return Ok(now);
        }
        before = now;
    }
}

/// Connected members who count what they are pushed.
struct Readers {
    sessions: Vec<Session>,
    seen: Arc<AtomicU64>,
    all: Arc<Notify>,
    wanted: Arc<AtomicU64>,
}

impl Readers {
    async fn connect(relayed: &Relayed, open: &Open, count: usize) -> Result<Self> {
        let keys = open.author.access()?;
        let mut readers = Self {
            sessions: Vec::with_capacity(count),
            seen: Arc::default(),
            all: Arc::default(),
            wanted: Arc::new(AtomicU64::new(u64::MAX)),
        };
        for _ in 0..count {
            let (session, mut pushes) = relayed.session().await?;
            door::follow(&session, open.mailbox, &keys).await?;
            let (seen, all, wanted) = (readers.seen.clone(), readers.all.clone(), readers.wanted.clone());
            tokio::spawn(async move {
                while let Some(push) = pushes.recv().await {
                    let Push::Events(events) = push else { return };
                    let messages = events.events.iter();
                    let messages = messages.filter(|e| e.header.kind == EventKind::MESSAGE).count() as u64;
                    let seen = seen.fetch_add(messages, Ordering::AcqRel) + messages;
                    if seen >= wanted.load(Ordering::Acquire) {
                        all.notify_one();
                    }
                }
            });
            readers.sessions.push(session);
        }
        Ok(readers)
    }

    /// Sends a few and waits until every reader has them; processor time of the relay, and how
    /// long a single one takes to the last reader.
    async fn measure(&self, open: &mut Open, pid: u32) -> Result<(f64, Duration)> {
        let readers = self.sessions.len() as u64;
        let commands = open.seal(FEW)?;
        let before = rest(pid).await?;
        self.expect(readers * FEW as u64);
        open.send(commands, 4).await?;
        self.arrived().await?;
        let used = rest(pid).await? - before;
        let one = open.seal(1)?;
        self.expect(readers);
        let sent = Instant::now();
        open.send(one, 1).await?;
        self.arrived().await?;
        Ok((used as f64 / 1000.0 / FEW as f64, sent.elapsed()))
    }

    fn expect(&self, more: u64) {
        let wanted = self.seen.load(Ordering::Acquire) + more;
        self.wanted.store(wanted, Ordering::Release);
    }

    async fn arrived(&self) -> Result<()> {
        while self.seen.load(Ordering::Acquire) < self.wanted.load(Ordering::Acquire) {
            let waited = tokio::time::timeout(Duration::from_secs(60), self.all.notified()).await;
            waited.map_err(|_| odd("a message did not reach everybody"))?;
        }
        Ok(())
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_unstable_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(0.0)
}

/// The scenario.
pub(crate) fn run(runtime: &Runtime, folder: &Path, report: &mut Report) -> Result<()> {
    let folder = folder.join("team-sending");
    let mut relay = Relay::init(&folder, "load.example")?;
    let ground = Ground::read(relay.data())?;
    relay.start()?;
    let pid = relay.pid().ok_or_else(|| odd("the relay ended"))?;
    let relayed = Relayed::of(&ground)?;
    runtime.block_on(async {
        append(&relayed, &ground, pid, report).await?;
        deliver(&relayed, &ground, pid, report).await
    })?;
    relay.kill()?;
    Ok(())
}

async fn append(relayed: &Relayed, ground: &Ground, pid: u32, report: &mut Report) -> Result<()> {
    report.section("A message of 1 KiB to a team, hybrid suite, nobody else connected");
    let mut teams = Vec::new();
    for n in [2, 1_000] {
        teams.push(Open::new(relayed, ground, n, Policy::standard()).await?);
    }
    let (mut times, mut bytes) = ([Vec::new(), Vec::new()], [0, 0]);
    for _ in 0..ROUNDS {
        for (i, team) in teams.iter_mut().enumerate() {
            let commands = team.seal(MESSAGES)?;
            bytes[i] = canonical::encode(&commands[0]).len();
            let before = rest(pid).await?;
            team.send(commands, IN_FLIGHT).await?;
            times[i].push((rest(pid).await? - before) as f64 / 1000.0 / MESSAGES as f64);
        }
    }
    let [two, thousand] = times.map(median);
    report.figure("team of 2: relay, processor time", two, "us/message");
    report.figure("team of 1,000: relay, processor time", thousand, "us/message");
    report.at_most(
        "processor time, team of 1,000 / team of 2",
        thousand / two,
        1.1,
        "x",
    );
    let ratio = bytes[1] as f64 / bytes[0] as f64;
    report.at_most("bytes of the command, team of 1,000 / team of 2", ratio, 1.1, "x");
    Ok(())
}

async fn deliver(relayed: &Relayed, ground: &Ground, pid: u32, report: &mut Report) -> Result<()> {
    report.section("The same with members connected: delivery, and the owner's record of it");
    for connected in CONNECTED {
        let key = SealingKey::generate();
        let policies = [Policy::standard(), with_key(Policy::standard(), &key.public())];
        let mut sides = Vec::new();
        for policy in policies {
            let mut open = Open::new(relayed, ground, 2, policy).await?;
            let before = resident(pid)?;
            let readers = Readers::connect(relayed, &open, connected).await?;
            let memory = resident(pid)?.saturating_sub(before);
            // The first one warms every connection up.
            readers.measure(&mut open, pid).await?;
            sides.push((open, readers, memory));
        }
        let (mut times, mut last) = ([Vec::new(), Vec::new()], Vec::new());
        for _ in 0..ROUNDS.min(3) {
            for (i, (open, readers, _)) in sides.iter_mut().enumerate() {
                let (cpu, took) = readers.measure(open, pid).await?;
                times[i].push(cpu);
                last.push(took.as_secs_f64() * 1000.0);
            }
        }
        let [without, with] = times.map(median);
        let each = connected as f64;
        let memory = sides.first().map_or(0, |s| s.2) as f64 / each / 1024.0;
        report.figure(
            &format!("{connected} connected: relay, whole message"),
            without,
            "us",
        );
        report.figure(
            &format!("{connected} connected: for each delivery"),
            without / each,
            "us",
        );
        report.figure(
            &format!("{connected} connected: for each, with records"),
            with / each,
            "us",
        );
        report.figure(
            &format!("{connected} connected: records, ratio"),
            with / without,
            "x",
        );
        report.figure(
            &format!("{connected} connected: to the last reader"),
            median(last),
            "ms",
        );
        report.figure(
            &format!("{connected} connected: relay's memory for each"),
            memory,
            "KiB",
        );
    }
    Ok(())
}
