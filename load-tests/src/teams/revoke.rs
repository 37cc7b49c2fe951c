//! From the word that puts somebody out of a team to the last online member's new epoch, and to
//! the relay's refusal.
//!
//! The members are light: the sealing layer with its rows in memory, a session of its own for
//! each, all in this one process. Each follows the mailbox, takes the commit in as any member does
//! and proves itself anew in the next epoch. They share this machine's processors with each other
//! and with the relay, so a large team takes longer here than on machines of its own. In the
//! largest team only some hold the group's state; the others are connected, are pushed the commit,
//! and prove themselves anew.

use std::path::Path;
use std::time::{Duration, Instant};

use telesphor_agent::link::{Push, Session};
use telesphor_chaos::relay::Relay;
use telesphor_sealing::{EpochKeys, Incoming, StagedOut, Suite};
use telesphor_wire::command::Command;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::{EventKind, Policy};
use telesphor_wire::sign::SigningKey;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use super::cost::{named, place};
use super::door::{self, Relayed};
use super::grow::{self, Keep, Tree};
use super::ours::{Ours, Place};
use crate::error::{Result, odd};
use crate::population::Ground;
use crate::report::Report;

/// Members, and how often somebody is put out.
const TEAMS: [(usize, usize); 3] = [(10, 50), (100, 15), (1_000, 5)];
/// Above this, only one of each step of those who came holds the group's state.
const ALL_UP_TO: usize = 200;
const CREDIT: u32 = 1 << 31;
const PATIENCE: Duration = Duration::from_secs(120);

/// What a member says when it stands in an epoch.
type Stands = (u64, Instant);

/// A member who is online.
struct Online {
    member: Ours,
    mailbox: MailboxId,
    session: Session,
    pushes: mpsc::Receiver<Push>,
    handle: u32,
    stands: mpsc::UnboundedSender<Result<Stands>>,
}

impl Online {
    async fn run(mut self) {
        while let Some(push) = self.pushes.recv().await {
            let Push::Events(events) = push else { continue };
            for event in events.events {
                if event.header.kind != EventKind::COMMIT || events.handle != self.handle {
                    continue;
                }
                let stands = self.moved(&event).await;
                if self.stands.send(stands).is_err() {
                    return;
                }
            }
        }
    }

    async fn moved(&mut self, event: &telesphor_wire::mailbox::Event) -> Result<Stands> {
        let payload = event.payload.as_ref().ok_or_else(|| odd("an empty commit"))?;
        let incoming = Incoming {
            kind: event.header.kind,
            branch: event.header.branch,
            epoch: event.header.epoch,
            stamp: event.header.stamp,
            payload,
        };
        self.member.receive(incoming)?;
        let at = Instant::now();
        self.session.forget(self.handle).await?;
        let keys = self.member.access()?;
        let (handle, _) = door::enter(&self.session, self.mailbox, &keys).await?;
        self.session.follow(handle, event.header.seq, CREDIT).await?;
        self.handle = handle;
        Ok((keys.epoch(), at))
    }
}

/// Somebody who is connected and holds no group: the keys of each epoch are handed to him.
async fn listen(
    session: Session,
    mut pushes: mpsc::Receiver<Push>,
    mailbox: MailboxId,
    mut keys: watch::Receiver<EpochKeys>,
) {
    let first = keys.borrow_and_update().clone();
    let Ok(mut handle) = door::follow(&session, mailbox, &first).await else {
        return;
    };
    loop {
        tokio::select! {
            push = pushes.recv() => if push.is_none() { return },
            changed = keys.changed() => {
                if changed.is_err() || session.forget(handle).await.is_err() {
                    return;
                }
                let now = keys.borrow_and_update().clone();
                match door::follow(&session, mailbox, &now).await {
                    Ok(new) => handle = new,
                    Err(_) => return,
                }
            }
        }
    }
}

/// A team under way.
struct Team {
    place: Place,
    relayed: Relayed,
    author: Ours,
    session: Session,
    stands: mpsc::UnboundedReceiver<Result<Stands>>,
    online: usize,
    keys: watch::Sender<EpochKeys>,
}

impl Team {
    /// Everybody but the one who is going to be put out.
    async fn open(relayed: &Relayed, ground: &Ground, suite: Suite, n: usize) -> Result<Self> {
        let owner = SigningKey::generate();
        let mut place = place(suite)?;
        place.owner = owner.public();
        let keep = if n > ALL_UP_TO {
            Keep::OneOfEachStep
        } else {
            Keep::All
        };
        let mut there = grow::ours(&place, n - 1, Tree::Warm, keep)?;
        let author = there.pop().ok_or_else(|| odd("an empty team"))?;
        let (session, _) = relayed.session().await?;
        let access = author.access()?;
        let policy = (&access, Policy::standard());
        door::open(&session, ground, place.mailbox, &owner, policy).await?;
        let (says, stands) = mpsc::unbounded_channel();
        let online = there.len();
        for member in there {
            let (session, pushes) = relayed.session().await?;
            let handle = door::follow(&session, place.mailbox, &member.access()?).await?;
            let online = Online {
                member,
                mailbox: place.mailbox,
                session,
                pushes,
                handle,
                stands: says.clone(),
            };
            tokio::spawn(online.run());
        }
        let (keys, watched) = watch::channel(access);
        for _ in online + 2..n {
            let (session, pushes) = relayed.session().await?;
            tokio::spawn(listen(session, pushes, place.mailbox, watched.clone()));
        }
        Ok(Self {
            place,
            relayed: relayed.clone(),
            author,
            session,
            stands,
            online,
            keys,
        })
    }

    /// Sends a commit; gives when it was durable.
    async fn send(&mut self, staged: &StagedOut) -> Result<Instant> {
        let command = Command::Commit(Box::new(staged.commit.clone()));
        door::durable(&self.session, 0, command).await?;
        Ok(Instant::now())
    }

    /// Waits until everybody online stands in the author's epoch; gives when the last one did.
    async fn all_stand(&mut self) -> Result<Instant> {
        let epoch = self.author.session()?.epoch();
        let mut last = Instant::now();
        for n in 0..self.online {
            let next = tokio::time::timeout(PATIENCE, self.stands.recv()).await;
            let next = next.map_err(|_| odd("somebody does not follow"))?;
            let (stands, at) = next.ok_or_else(|| odd("nobody is online"))??;
            if stands != epoch {
                return Err(odd("somebody stands elsewhere"));
            }
            last = if n == 0 { at } else { last.max(at) };
        }
        // In a small team everybody holds the group's state, and nobody listens.
        self.keys.send_replace(self.author.access()?);
        Ok(last)
    }

    /// Somebody is let in, and put out again; how long until he was refused, until the commit was
    /// durable, and until the last one had followed, milliseconds.
    async fn round(&mut self) -> Result<[f64; 3]> {
        let mut gone = Ours::new(&self.place);
        let package = gone.package()?;
        let staged = self.author.stage(vec![package], Vec::new())?;
        self.send(&staged).await?;
        self.author.follow(&staged)?;
        let letter = staged.welcome.as_ref().ok_or_else(|| odd("no welcome"))?;
        gone.join(letter)?;
        if self.online > 0 {
            self.all_stand().await?;
        }
        // Whoever listens proves himself anew before anything is measured.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let (his, _) = self.relayed.session().await?;
        let (handle, _) = door::enter(&his, self.place.mailbox, &gone.access()?).await?;
        let now = his.facts().clock;
        let before = door::deposit(self.place.mailbox, &gone.seal(b"still there")?, now);
        door::durable(&his, handle, before).await?;
        let after = door::deposit(self.place.mailbox, &gone.seal(b"and now?")?, now);
        let seat = self.author.seat_of(&gone)?;

        let said = Instant::now();
        let staged = self.author.stage(Vec::new(), vec![seat])?;
        let durable = self.send(&staged).await?;
        if door::answer(&his, handle, after).await?.is_none() {
            return Err(odd("somebody who was put out still writes"));
        }
        let refused = said.elapsed();
        self.author.follow(&staged)?;
        let last = self.all_stand().await?;
        let ms = |at: Duration| at.as_secs_f64() * 1000.0;
        Ok([ms(durable - said), ms(refused), ms(last - said)])
    }
}

fn at(sorted: &[f64], share: f64) -> f64 {
    let place = ((sorted.len().saturating_sub(1)) as f64 * share).ceil() as usize;
    sorted.get(place).copied().unwrap_or(0.0)
}

/// The scenario.
pub(crate) fn run(runtime: &Runtime, folder: &Path, report: &mut Report) -> Result<()> {
    let folder = folder.join("team-revoke");
    let mut relay = Relay::init(&folder, "load.example")?;
    let ground = Ground::read(relay.data())?;
    relay.start()?;
    let relayed = Relayed::of(&ground)?;
    report.section("Somebody is put out of a team: milliseconds from the word");
    for suite in [Suite::Hybrid, Suite::Classical] {
        for (n, rounds) in TEAMS {
            let times = runtime.block_on(async {
                let mut team = Team::open(&relayed, &ground, suite, n).await?;
                let mut times: [Vec<f64>; 3] = Default::default();
                for _ in 0..rounds {
                    let round = team.round().await?;
                    times.iter_mut().zip(round).for_each(|(all, one)| all.push(one));
                }
                Ok::<_, crate::error::Error>((times, team.online))
            })?;
            let (mut times, online) = times;
            let mut text = format!(
                "{:<10}{n:>6} members, {online:>3} follow, {rounds:>2} times:",
                named(suite)
            );
            for (what, times) in ["durable", "refused", "last new epoch"].iter().zip(&mut times) {
                times.sort_unstable_by(f64::total_cmp);
                let (p50, p99) = (at(times, 0.5), at(times, 0.99));
                text += &format!("  {what} p50 {p50:.0} p99 {p99:.0}");
                report.keep(
                    &format!("{} {n}, {what}, p50 and p99 ms", named(suite)),
                    (p50, p99),
                );
            }
            report.note(&text);
        }
    }
    relay.kill()?;
    Ok(())
}
