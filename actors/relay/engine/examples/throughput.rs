//! How much the engine costs on top of the store: the same deposits, once through the
//! store's `apply` alone, once through sessions, actors, order, attestation and receipts.
//!
//! `cargo run --release -p telesphor-engine --example throughput -- [deposits] [calls a frame]`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints its figures, or nothing"
)]

#[path = "../tests/yard/mod.rs"]
mod yard;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use telesphor_rules::facts::DomainFacts;
use telesphor_store::{Applier, Ordered, Store, StoreConfig};
use telesphor_wire::batch::{Batch, SessionWord, Submission};
use telesphor_wire::command::Command;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::PartitionId;
use telesphor_wire::session::{ClientFrame, RelayFrame, Right};
use yard::mailboxes::Personal;
use yard::{PARTITIONS, Yard};

const MAILBOXES: usize = 64;
const SESSIONS: usize = 8;
const IN_FLIGHT: usize = 512;
const PAYLOAD: usize = 1024;

struct Figures {
    took: Duration,
    cpu: Duration,
    deposits: usize,
}

impl Figures {
    fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.deposits as f64
    }

    fn print(&self, name: &str) {
        let rate = self.deposits as f64 / self.took.as_secs_f64();
        println!(
            "{name:<8} {rate:>9.0} deposits/s   {:>6.1} us CPU each",
            self.cpu_us()
        );
    }
}

/// CPU time of this process so far, from `/proc/self/stat` (100 ticks a second).
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|a| a.parse().ok());
    let deposits: usize = arguments.next().unwrap_or(50_000);
    let frame: usize = arguments.next().unwrap_or(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        let raw = raw(deposits).await;
        raw.print("store");
        let engine = engine(deposits, frame).await;
        engine.print("engine");
        println!(
            "ratio    {:.2} of the store's CPU",
            engine.cpu_us() / raw.cpu_us()
        );
    });
}

async fn mailboxes(yard: &Yard) -> (Vec<Personal>, Vec<Command>) {
    (0..MAILBOXES).map(|_| yard.personal()).unzip()
}

async fn raw(deposits: usize) -> Figures {
    let yard = yard::yard().await;
    let directory = yard.path().join("raw");
    let facts = DomainFacts {
        domain: yard.domain.clone(),
        admission: yard.keys.admission.public(),
        partitions: PARTITIONS,
    };
    let mut applier = Store::create(&directory, StoreConfig::new(facts))
        .unwrap()
        .into_applier();
    let (mailboxes, opens) = mailboxes(&yard).await;
    let mut positions = BTreeMap::new();
    let opens: Vec<_> = opens
        .into_iter()
        .map(|command| Submission { word: None, command })
        .collect();
    apply(&yard, &mut applier, &mut positions, opens);
    let groups: Vec<Vec<Submission>> = (0..deposits)
        .map(|n| {
            let mailbox = &mailboxes[n % MAILBOXES];
            let word = SessionWord {
                mailbox: mailbox.id,
                right: Right::Deposit,
                branch: 0,
                epoch: 0,
                key: mailbox.contacts[0].public(),
            };
            Submission {
                word: Some(word),
                command: yard.deposit(mailbox.id, 0, &[7; PAYLOAD]),
            }
        })
        .collect::<Vec<_>>()
        .chunks(IN_FLIGHT)
        .map(<[Submission]>::to_vec)
        .collect();
    let (began, busy) = (Instant::now(), cpu());
    for group in groups {
        apply(&yard, &mut applier, &mut positions, group);
    }
    Figures {
        took: began.elapsed(),
        cpu: cpu() - busy,
        deposits,
    }
}

fn apply(
    yard: &Yard,
    applier: &mut Applier,
    positions: &mut BTreeMap<PartitionId, u64>,
    submissions: Vec<Submission>,
) {
    let mut batches: BTreeMap<PartitionId, Vec<Submission>> = BTreeMap::new();
    for submission in submissions {
        let Some(mailbox) = submission.command.mailbox() else {
            continue;
        };
        batches
            .entry(PartitionId::of(&mailbox, PARTITIONS))
            .or_default()
            .push(submission);
    }
    let group: Vec<Ordered> = batches
        .into_iter()
        .map(|(partition, submissions)| {
            let position = positions.entry(partition).or_insert(0);
            *position += 1;
            let batch = Batch {
                stamp: yard.clock.now_ms(),
                submissions,
                ext: Extensions::none(),
            };
            Ordered {
                partition,
                position: *position,
                batch: Arc::new(batch),
                hashed: Vec::new(),
            }
        })
        .collect();
    applier.apply(&group).unwrap();
}

async fn engine(deposits: usize, frame: usize) -> Figures {
    let yard = yard::yard().await;
    let (mailboxes, opens) = mailboxes(&yard).await;
    let mut opener = yard.connect().await;
    for call in opener.start(0, opens).await {
        yard::client::durable(opener.answer(call).await);
    }
    let mut sessions = Vec::new();
    for s in 0..SESSIONS {
        let mut client = yard.connect().await;
        for (handle, mailbox) in mailboxes.iter().enumerate() {
            client.prove_contact(handle as u32, mailbox, 0).await;
        }
        let mut frames = Vec::new();
        let mut calls = Vec::new();
        for n in (s..deposits).step_by(SESSIONS) {
            // A frame of many calls is for one mailbox, as a device sends it.
            let at = (n / SESSIONS / frame) % MAILBOXES;
            calls.push(client.next_call(at as u32, yard.deposit(mailboxes[at].id, 0, &[7; PAYLOAD])));
            if calls.len() == frame {
                frames.push(ClientFrame::Calls(std::mem::take(&mut calls)));
            }
        }
        sessions.push((client.session.split(), frames));
    }
    let before = yard.engine.observe().totals;
    let (began, busy) = (Instant::now(), cpu());
    let tasks: Vec<_> = sessions
        .into_iter()
        .map(|((inbound, mut outbound), frames)| {
            tokio::spawn(async move {
                let (mut under_way, mut done, all) = (0, 0, frames.len() * frame);
                let mut frames = frames.into_iter();
                while done < all {
                    while under_way + frame <= IN_FLIGHT / SESSIONS {
                        let Some(next) = frames.next() else { break };
                        inbound.deliver(next).await.unwrap();
                        under_way += frame;
                    }
                    if let Some(RelayFrame::Replies(replies)) = outbound.next().await {
                        done += replies.len();
                        under_way -= replies.len();
                    }
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap_or(0);
    }
    let figures = Figures {
        took: began.elapsed(),
        cpu: cpu() - busy,
        deposits: done,
    };
    let totals = yard.engine.observe().totals;
    let accepted = totals.accepted - before.accepted;
    assert_eq!(accepted, done as u64, "not every deposit was accepted");
    let fsyncs = (totals.fsyncs - before.fsyncs).max(1);
    println!(
        "         {:.0} deposits and {:.1} records an fsync",
        done as f64 / fsyncs as f64,
        (totals.records - before.records) as f64 / fsyncs as f64
    );
    figures
}
