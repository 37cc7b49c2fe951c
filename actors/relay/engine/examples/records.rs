//! What delivery records cost an append: the same deposits with followers, to a mailbox whose
//! owner gave a key and to one whose owner gave none, in turns.
//!
//! `cargo run --release -p telesphor-engine --example records -- [deposits] [followers] [rounds]`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints its figures, or nothing"
)]

#[path = "../tests/yard/mod.rs"]
mod yard;

use std::time::{Duration, Instant};

use telesphor_wire::mailbox::Policy;
use telesphor_wire::records::with_key;
use telesphor_wire::seal::SealingKey;
use yard::Yard;
use yard::client::durable;

/// Deposits in one frame.
const FRAME: usize = 16;

fn argument(n: usize, usual: usize) -> usize {
    std::env::args()
        .nth(n)
        .and_then(|a| a.parse().ok())
        .unwrap_or(usual)
}

/// From the first deposit until all are answered and have reached every follower.
async fn round(yard: &Yard, policy: Policy, deposits: usize, followers: usize) -> Duration {
    let mut sender = yard.connect().await;
    let (team, open) = yard.team_under(policy);
    durable(sender.call(0, open).await);
    sender.prove_member(1, &team).await;
    let mut readers = Vec::new();
    for _ in 0..followers {
        let mut reader = yard.connect().await;
        reader.prove_member(1, &team).await;
        reader.follow(1, 1, u32::MAX).await;
        readers.push(tokio::spawn(async move {
            reader.pushed(deposits).await;
        }));
    }
    let began = Instant::now();
    for _ in 0..deposits / FRAME {
        let frame = (0..FRAME).map(|_| yard.deposit(team.id, 0, &[7; 1024])).collect();
        for call in sender.start(1, frame).await {
            durable(sender.answer(call).await);
        }
    }
    let took = began.elapsed();
    for reader in readers {
        reader.await.unwrap();
    }
    took
}

#[tokio::main]
async fn main() {
    let (deposits, followers, rounds) = (argument(1, 8_000), argument(2, 4), argument(3, 5));
    let yard = yard::yard().await;
    let key = SealingKey::generate();
    let policies = [
        ("no key", Policy::standard()),
        ("recorded", with_key(Policy::standard(), &key.public())),
    ];
    for n in 0..rounds {
        for (name, policy) in &policies {
            let took = round(&yard, policy.clone(), deposits / FRAME * FRAME, followers).await;
            let each = took.as_secs_f64() * 1e6 / deposits as f64;
            println!(
                "round {n} {name:9} {:7.0} ms {each:6.1} us a deposit",
                took.as_secs_f64() * 1e3
            );
        }
    }
    let record = telesphor_wire::records::DeliveryRecord {
        mailbox: telesphor_wire::ids::MailboxId([1; 32]),
        right: telesphor_wire::session::Right::Read,
        branch: 0,
        epoch: 0,
        key: telesphor_wire::sign::SigningKey::generate().public(),
        session: telesphor_wire::ids::Nonce([2; 32]),
        ranges: vec![telesphor_wire::records::Range { from: 1, to: 9 }],
        payloads: 9,
        first: 1,
        last: 2,
        ext: telesphor_wire::ext::Extensions::none(),
    };
    let (public, began) = (key.public(), Instant::now());
    for n in 1..=1_000 {
        record.seal(&public, n).unwrap();
    }
    println!(
        "sealing one record: {:.0} us",
        began.elapsed().as_secs_f64() * 1e3
    );
    println!("{:?}", yard.engine.observe().deliveries);
}
