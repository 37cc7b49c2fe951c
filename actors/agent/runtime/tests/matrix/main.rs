//! The decryption matrix: twelve people, eight scopes, forty documents, and a script of grants,
//! shifts, revocations and ends. After every step everybody tries to open every document, to
//! fetch every mailbox with every key that he has or ever had, and to open with all his vault what
//! he may not fetch; an oracle that knows the script alone says what must come of it.
//!
//! `TELESPHOR_MATRIX_SEEDS` scripts of `TELESPHOR_MATRIX_STEPS` steps by seed, from
//! `TELESPHOR_MATRIX_SEED` on: `make matrix`.
#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub)]

mod fetch;
mod ledger;
mod model;
mod script;
mod stage;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ledger::{Course, Logs, differences};
use model::{Deed, Document, Model, PATIENT, People, Who};
use stage::Stage;
use support::LONG;
use support::ward::now;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::Event;

/// Every so many steps what did not change is looked at in full, too.
const FULL: usize = 10;

struct Run {
    stage: Stage,
    model: Model,
    logs: Logs,
    /// Ciphertexts fetched, tried in vain, and cells of the matrix compared.
    counts: [usize; 3],
}

impl Run {
    async fn begin(documents: Vec<Vec<&'static str>>) -> Self {
        let mut stage = Stage::open().await;
        let mut model = Model::default();
        for scopes in documents {
            stage.write(&scopes).await;
            model.documents.push(Document {
                author: PATIENT,
                scopes,
            });
        }
        Self {
            stage,
            model,
            logs: Logs::new(),
            counts: [0; 3],
        }
    }

    async fn step(&mut self, number: usize, deed: &Deed) {
        if !self.model.possible(deed) {
            return;
        }
        let mut course = Course::begin(&self.model);
        let before = self.model.clone();
        self.model.apply(deed);
        course.goes_on(&self.model);
        self.stage.act(deed, &before, &self.model).await;
        if matches!(deed, Deed::Ends) {
            self.stage.limit = None;
        }
        let told = format!("step {number}, {deed:?}");
        loop {
            self.converge(&told, &mut course).await;
            let wrong = self.fetches(number, &before, &course).await;
            // What was limited may have run out in the midst of it.
            if self.ran_out(&mut course) {
                continue;
            }
            assert!(wrong.is_empty(), "{told}:\n{}", wrong.join("\n"));
            return;
        }
    }

    /// The oracle hears of it when the instant has come.
    fn ran_out(&mut self, course: &mut Course) -> bool {
        let over = self.stage.limit.is_some_and(|at| at <= now());
        if over {
            self.stage.limit = None;
            self.model.expire();
            course.goes_on(&self.model);
        }
        over
    }

    /// Waits until everybody sits where he should, and can read what he should and nothing else.
    async fn converge(&mut self, told: &str, course: &mut Course) {
        let until = Instant::now() + LONG;
        loop {
            self.ran_out(course);
            let mut wrong = self.stage.seats(&self.model).await;
            let mut table = String::new();
            if wrong.is_empty() {
                let readings = self.stage.readings().await;
                (wrong, table) = self.compare(&readings);
            }
            if wrong.is_empty() {
                return;
            }
            if Instant::now() > until {
                let (seen, ill) = (wrong.join("\n"), self.stage.ill().await);
                panic!("{told}:\n{seen}\n{table}{ill}");
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// A row for each person, a column for each document: `x` reads, `!` reads and must not, `?`
    /// must and cannot.
    fn compare(&mut self, readings: &BTreeMap<Who, Vec<bool>>) -> (Vec<String>, String) {
        let (mut wrong, mut table) = (Vec::new(), String::new());
        for (who, row) in readings {
            let mut line = String::new();
            for (document, reads) in row.iter().enumerate() {
                let should = self.model.reads(who, document);
                self.counts[2] += 1;
                line.push(match (reads, should) {
                    (true, true) => 'x',
                    (false, false) => '.',
                    (true, false) => '!',
                    (false, true) => '?',
                });
                if *reads != should {
                    let about = &self.model.documents[document];
                    wrong.push(format!(
                        "{who} and D{document} {about:?}: reads {reads}, should {should}"
                    ));
                }
            }
            table.push_str(&format!("{who:<10}{line}\n"));
        }
        (wrong, table)
    }

    /// Marks what changed, lets everybody fetch with everything, and compares.
    async fn fetches(&mut self, number: usize, before: &Model, course: &Course) -> Vec<String> {
        self.stage.harvest().await;
        let mailboxes = self.stage.mailboxes.clone();
        for (i, mailbox) in mailboxes.iter().enumerate() {
            let members = self.model.members(&self.model.grants[i]);
            let had = before.grants.get(i).map(|g| before.members(g));
            let log = self.logs.entry(*mailbox).or_default();
            log.span(log.head + 1, course.always[i].clone(), course.ever[i].clone());
            let changed = had.as_ref() != Some(&members);
            if changed
                && let Some(who) = members.first()
                && let Some(at) = self.stage.fetchers.get_mut(who).unwrap().mark(mailbox).await
            {
                log.span(at, members.clone(), members);
            }
        }
        let full = number.is_multiple_of(FULL);
        let mut wrong = Vec::new();
        let mut everything: Vec<(MailboxId, Vec<Event>)> = Vec::new();
        let owner = self.stage.fetchers.get_mut(PATIENT).unwrap();
        for mailbox in &mailboxes {
            let keys: Vec<_> = owner.keys_to(mailbox).cloned().collect();
            let mut events = Vec::new();
            for key in keys
                .iter()
                .filter(|k| k.right == telesphor_wire::session::Right::Owner)
            {
                let more = owner.fetch(key, u32::MAX).await;
                if more.len() > events.len() {
                    events = more;
                }
            }
            everything.push((*mailbox, events));
        }
        let mut tasks = Vec::new();
        let look: Vec<(MailboxId, bool)> = everything
            .iter()
            .zip(&self.model.grants)
            .map(|((mailbox, events), grant)| {
                let head = events.last().map_or(0, |e| e.header.seq);
                let now = (head, grant.live);
                let log = self.logs.get_mut(mailbox).unwrap();
                let same = log.looked.replace(now) == Some(now);
                (*mailbox, !same || full)
            })
            .collect();
        for who in self.stage.people.clone() {
            let mut fetcher = self.stage.fetchers.remove(who).unwrap();
            let look = look.clone();
            tasks.push(tokio::spawn(async move {
                let mut served = BTreeMap::new();
                for (mailbox, changed) in look {
                    if changed {
                        served.insert(mailbox, Ok(fetcher.everything(&mailbox).await));
                    } else {
                        served.insert(mailbox, Err(fetcher.anything(&mailbox).await));
                    }
                    if full && fetcher.keys_to(&mailbox).next().is_none() {
                        assert!(
                            !fetcher.with_foreign_keys(&mailbox).await,
                            "{who}: a key to something else opened a mailbox"
                        );
                    }
                }
                (who, fetcher, served)
            }));
        }
        for task in tasks {
            let (who, fetcher, served) = task.await.unwrap();
            for (i, (mailbox, events)) in everything.iter().enumerate() {
                let grant = &self.model.grants[i];
                let name = format!("grant {i} to {}", grant.to);
                let sits = self.model.members(grant).contains(who);
                match &served[mailbox] {
                    Ok(seqs) => {
                        self.counts[0] += seqs.len();
                        let has = |branch, epoch| fetcher.has_epoch(mailbox, branch, epoch);
                        let log = &self.logs[mailbox];
                        wrong.extend(differences(who, (&name, grant.live), log, events, seqs, has));
                    }
                    Err(anything) if who != PATIENT && *anything && !grant.live => {
                        wrong.push(format!("{who} is served something of {name}"));
                    }
                    Err(anything) if sits && !*anything => wrong.push(format!("{who} is not served {name}")),
                    Err(_) => {}
                }
            }
            self.stage.fetchers.insert(who, fetcher);
        }
        for (mailbox, events) in &everything {
            let log = self.logs.get_mut(mailbox).unwrap();
            let new = events.iter().filter(|e| e.header.seq > log.head);
            let new: Vec<(MailboxId, Event)> = new.map(|e| (*mailbox, e.clone())).collect();
            log.head = events.last().map_or(log.head, |e| e.header.seq);
            wrong.extend(self.tries(mailbox, new).await);
        }
        wrong
    }

    /// Everybody tries all that his vault holds on what he may not fetch.
    async fn tries(&mut self, mailbox: &MailboxId, new: Vec<(MailboxId, Event)>) -> Vec<String> {
        let mut wrong = Vec::new();
        for who in self.stage.people.clone() {
            let Some(agent) = self.stage.agent(who) else {
                continue;
            };
            if who == PATIENT {
                continue;
            }
            let log = &self.logs[mailbox];
            let forbidden = new.iter().filter(|(_, e)| !log.serves(who, e.header.seq).1);
            let forbidden: Vec<_> = forbidden.cloned().collect();
            self.counts[1] += forbidden.len();
            if forbidden.is_empty() {
                continue;
            }
            let opened = agent.try_keys(forbidden).await.unwrap();
            if opened > 0 {
                wrong.push(format!("{who} opens {opened} that he may not fetch"));
            }
        }
        wrong
    }

    /// What is nobody's grant: everybody's own mailboxes and conversations are theirs alone.
    async fn other_mailboxes(&mut self) {
        self.stage.harvest().await;
        let mut listed: BTreeMap<MailboxId, (&'static str, People)> = BTreeMap::new();
        for who in &self.stage.people {
            let Some(agent) = self.stage.agent(who) else {
                continue;
            };
            for view in agent.mailboxes().await.unwrap() {
                if matches!(view.purpose, "intake" | "self" | "conversation") {
                    listed
                        .entry(view.id)
                        .or_insert((view.purpose, People::new()))
                        .1
                        .insert(who);
                }
            }
        }
        let mut pairs: BTreeSet<People> = BTreeSet::new();
        for (mailbox, (purpose, people)) in &listed {
            assert_eq!(
                people.len(),
                if *purpose == "conversation" { 2 } else { 1 },
                "{purpose}: {people:?}"
            );
            if *purpose == "conversation" {
                let known = people.contains(stage::SERVICE)
                    || (people.contains(PATIENT) && script::CONTACTS.iter().any(|c| people.contains(c)));
                assert!(known, "{people:?} were never acquainted");
                pairs.insert(people.clone());
            }
            for who in self.stage.people.clone() {
                let fetcher = self.stage.fetchers.get_mut(who).unwrap();
                let served = fetcher.anything(mailbox).await || fetcher.with_foreign_keys(mailbox).await;
                assert_eq!(
                    served,
                    people.contains(who),
                    "{who} and the {purpose} mailbox of {people:?}"
                );
            }
        }
        assert_eq!(pairs.len(), self.stage.people.len() - 1 + script::CONTACTS.len());
    }

    fn tell(&self, steps: usize, begun: Instant) {
        let [fetched, tried, cells] = self.counts;
        println!(
            "{steps} steps, {} people, {} documents, {} mailboxes: {cells} readings, {fetched} ciphertexts fetched, \
             {tried} tried in vain, as granted at every step; {:?}",
            self.stage.people.len(),
            self.stage.documents.len(),
            self.stage.mailboxes.len(),
            begun.elapsed()
        );
    }
}

/// Two documents of each scope to begin with, and more until there are so many at the end.
fn record(beside: usize, of: usize) -> Vec<Vec<&'static str>> {
    let all = script::SCOPES.iter().cycle().take(of - beside);
    all.map(|scope| vec![*scope]).collect()
}

fn writes(script: &[Deed]) -> usize {
    script
        .iter()
        .filter(|d| matches!(d, Deed::Write(_) | Deed::Note(..)))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_reads_or_is_served_more_or_less_than_was_granted_at_any_step() {
    let begun = Instant::now();
    let script = script::fixed();
    assert_eq!(script.len(), 60);
    let mut run = Run::begin(record(writes(&script), 40)).await;
    for (number, deed) in script.iter().enumerate() {
        run.step(number + 1, deed).await;
    }
    run.other_mailboxes().await;
    assert_eq!((run.stage.people.len(), run.stage.documents.len()), (12, 40));
    run.tell(script.len(), begun);
}

fn named(variable: &str, otherwise: u64) -> u64 {
    let named = std::env::var(variable).ok();
    named.and_then(|n| n.parse().ok()).unwrap_or(otherwise)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_by_seed_grants_more_or_less_than_it_says() {
    let steps = usize::try_from(named("TELESPHOR_MATRIX_STEPS", 12)).unwrap();
    let first = named("TELESPHOR_MATRIX_SEED", 20_261_126);
    for seed in first..first + named("TELESPHOR_MATRIX_SEEDS", 1) {
        let begun = Instant::now();
        println!("seed {seed}");
        let mut run = Run::begin(record(0, 16)).await;
        let script = script::by_seed(seed, steps, run.model.clone());
        for (number, deed) in script.iter().enumerate() {
            run.step(number + 1, deed).await;
        }
        run.tell(script.len(), begun);
    }
}
