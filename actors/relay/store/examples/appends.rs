//! How dear an append is, and whether that grows with the number of mailboxes.
//!
//! `cargo run -p telesphor-store --example appends -- [mailboxes] [groups] [directory] [cache]`
//! founds a store (cache: MiB of mailboxes in memory), opens that many mailboxes, then appends 1 KiB to random ones of them in
//! groups of 512, once among 1,000 of them and once among all. Prints figures and their ratio;
//! judges nothing.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../../rules/tests/support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use support::commands::Home;
use support::{NOW, admission, command, domain};
use telesphor_rules::prepared::Prepared;
use telesphor_store::{Applier, Ordered, Outcome, Store, StoreConfig, Upkeep};
use telesphor_wire::batch::{Batch, Submission};
use telesphor_wire::command::{Command, Open, OwnerAct};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::hash;
use telesphor_wire::ids::{MailboxId, PartitionId, Voucher};
use telesphor_wire::labels::HashLabel;

const GROUP: usize = 512;

fn main() {
    let mut args = std::env::args().skip(1);
    let mailboxes: u64 = args.next().map_or(100_000, |a| a.parse().unwrap());
    let groups: u64 = args.next().map_or(100, |a| a.parse().unwrap());
    let kept = args.next().map(PathBuf::from);
    let scratch = tempfile::tempdir().unwrap();
    let path = kept.unwrap_or_else(|| scratch.path().join("store"));

    let home = Home::personal(0);
    let (upkeep, applier) = open(&path);
    let mut bench = Bench {
        applier,
        opening: home.opening(),
        deposit: home.deposit(0, 0, &[0xA5; 1024]),
        home,
        position: 0,
        random: 1,
        id: 1 << 40,
    };
    println!("resident {} MiB when founded", peak_mib());
    let began = Instant::now();
    for first in (0..mailboxes).step_by(GROUP) {
        let open = (first..mailboxes.min(first + GROUP as u64))
            .map(|n| bench.open(n))
            .collect();
        bench.apply(open);
    }
    println!(
        "opened {mailboxes} mailboxes in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    let few = bench.measure(1000.min(mailboxes), groups);
    let many = bench.measure(mailboxes, groups);
    println!(
        "ratio {:.2} (cpu {:.2})",
        many.wall / few.wall,
        many.cpu / few.cpu
    );
    let held = upkeep.inspect().unwrap().memory_bytes >> 20;
    println!(
        "resident {} MiB at most, {held} MiB of it the database's now",
        peak_mib()
    );
    drop((bench, upkeep));
    let began = Instant::now();
    drop(open(&path));
    println!("opened the store again in {:.2} s", began.elapsed().as_secs_f64());
}

fn open(path: &std::path::Path) -> (Upkeep, Applier) {
    let mut config = StoreConfig::new(domain(1));
    if let Some(mib) = std::env::args().nth(4) {
        config.cache_bytes = mib.parse::<usize>().unwrap() << 20;
    }
    let store = if path.exists() {
        Store::open(path, config)
    } else {
        Store::create(path, config)
    };
    let store = store.unwrap();
    (store.upkeep(), store.into_applier())
}

struct Cost {
    wall: f64,
    cpu: f64,
}

struct Bench {
    applier: Applier,
    /// One owner and eight contacts for all mailboxes: making keys is not what is measured.
    home: Home,
    opening: Open,
    deposit: Submission,
    position: u64,
    random: u64,
    id: u64,
}

/// The nth mailbox.
fn mailbox(n: u64) -> MailboxId {
    MailboxId(hash(HashLabel::Stamp, &n).0)
}

impl Bench {
    fn open(&self, n: u64) -> Submission {
        let mut open = self.opening.clone();
        open.genesis.mailbox = mailbox(n);
        open.voucher.statement.voucher = Voucher(mailbox(n).0);
        open.voucher.signature = admission().sign(&open.voucher.statement);
        let home = Home {
            id: mailbox(n),
            ..self.home.clone()
        };
        home.owner_says(0, 0, n, OwnerAct::Open(Box::new(open)))
    }

    fn deposit(&mut self, among: u64) -> Submission {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.id += 1;
        let id = mailbox(self.random % among);
        let mut submission = self.deposit.clone();
        submission.word.as_mut().unwrap().mailbox = id;
        if let Command::Deposit(d) = &mut submission.command {
            (d.mailbox, d.command_id) = (id, command(self.id));
        }
        submission
    }

    fn apply(&mut self, submissions: Vec<Submission>) -> Duration {
        self.position += 1;
        let batch = Arc::new(Batch {
            stamp: NOW,
            submissions,
            ext: Extensions::none(),
        });
        let ordered = Ordered {
            partition: PartitionId(0),
            position: self.position,
            batch,
            hashed: Vec::new(),
        };
        let began = Instant::now();
        let applied = self.applier.apply(&[ordered]).unwrap();
        let took = began.elapsed();
        assert!(
            applied[0]
                .outcomes
                .iter()
                .all(|o| matches!(o, Outcome::Accepted(_)))
        );
        took
    }

    fn measure(&mut self, among: u64, groups: u64) -> Cost {
        let (mut wall, mut cpu, mut prepare) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        for _ in 0..groups {
            let submissions: Vec<_> = (0..GROUP).map(|_| self.deposit(among)).collect();
            let began = thread_cpu();
            for s in &submissions {
                BUSY.fetch_add(Prepared::new(s).body.0[0].into(), Ordering::Relaxed);
            }
            prepare += thread_cpu().saturating_sub(began);
            let before = thread_cpu();
            wall += self.apply(submissions);
            cpu += thread_cpu().saturating_sub(before);
        }
        let each = |d: Duration| d.as_secs_f64() * 1e6 / (groups * GROUP as u64) as f64;
        println!(
            "among {among}: {:.2} us each with the sync, {:.2} us of the writer's processor ({:.0}/s), {:.2} us of it hashing",
            each(wall),
            each(cpu),
            1e6 / each(cpu),
            each(prepare),
        );
        Cost {
            wall: each(wall),
            cpu: each(cpu),
        }
    }
}

static BUSY: AtomicU64 = AtomicU64::new(0);

/// Processor time of this thread.
fn thread_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(
        stat.split_whitespace()
            .next()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0),
    )
}

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|l| l.starts_with("VmHWM"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|n| n.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}
