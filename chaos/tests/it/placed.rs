//! More relays than keep each mailbox: five of them, three for each. Every one must take every request.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use telesphor_agent::link::{Credential, Push};
use telesphor_chaos::campaign::{admit, read_all};
use telesphor_chaos::cluster::Cluster;
use telesphor_chaos::follower::follow;
use telesphor_chaos::load::Load;
use telesphor_chaos::relay::{Relay, RelayError};
use telesphor_chaos::sender::{deposit, payload};
use telesphor_chaos::tenant::{Mailbox, Tenant, VALID_MS};
use telesphor_wire::answer::Answer;
use telesphor_wire::ids::PartitionId;
use telesphor_wire::limits::DEFAULT_CREDIT_BYTES;
use telesphor_wire::receipt::Receipt;
use tokio::sync::watch;

const RELAYS: usize = 5;
const REPLICAS: usize = 3;
const PARTITIONS: usize = 8;
/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

fn start(folder: &Path) -> Cluster {
    Cluster::start_placed(folder, "hospital-a.example", RELAYS, (REPLICAS, PARTITIONS)).unwrap()
}

/// Which relays keep each partition, by their places in `cluster.relays`.
fn places(cluster: &Cluster) -> Vec<BTreeSet<usize>> {
    let shown = cluster.relays[0].json(&["cluster", "show"]).unwrap();
    let members = shown["relays"].as_array().unwrap();
    let at = |member: &serde_json::Value| {
        let named = members.iter().find(|m| m["member"] == *member).unwrap();
        let address = named["address"].as_str().unwrap();
        let at = |relay: &Relay| relay.listen().to_string() == address;
        cluster.relays.iter().position(at).unwrap()
    };
    let places = shown["places"].as_array().unwrap();
    let kept = |keepers: &serde_json::Value| keepers.as_array().unwrap().iter().map(at).collect();
    places.iter().map(kept).collect()
}

async fn enrolled(cluster: &Cluster, mailboxes: usize) -> (Tenant, Vec<Mailbox>) {
    let admission = admit(&cluster.relays[0]).unwrap();
    let mut tenant = Tenant::enrol(&admission, mailboxes).await.unwrap();
    let mut opened = Vec::new();
    for at in 0..mailboxes {
        let (session, _pushes) = tenant.session_with(at).await.unwrap();
        opened.push(tenant.open(&session).await.unwrap());
    }
    (tenant, opened)
}

/// Deposits at one relay, and gives the receipt.
async fn put(tenant: &Tenant, at: usize, mailbox: &Mailbox) -> Receipt {
    let (session, _pushes) = tenant.session_with(at).await.unwrap();
    let credential = Credential::depositor(mailbox.id, mailbox.deposit.clone());
    let handle = session.prove(credential).await.unwrap().handle;
    let command = deposit(mailbox, payload(300), session.facts().clock + VALID_MS);
    loop {
        let called = tokio::time::timeout(LONG, session.call(handle, command.clone()));
        match called.await.unwrap().unwrap().answer {
            Answer::Durable(receipt) => {
                receipt.verify(&tenant.relays(), tenant.quorum()).unwrap();
                return *receipt;
            }
            Answer::NotYetDurable(_) | Answer::Busy(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Each relay has a history of what it keeps that holds, and none of anything else.
fn on_three_disks(cluster: &mut Cluster) {
    let places = places(cluster);
    let mut positions = vec![Vec::new(); PARTITIONS];
    for (at, relay) in cluster.relays.iter_mut().enumerate() {
        relay.kill().unwrap();
        relay.run(&["verify"]).unwrap();
        let heads = relay.json(&["inspect"]).unwrap();
        for (partition, head) in heads["heads"].as_array().unwrap().iter().enumerate() {
            let position = head["position"].as_u64().unwrap();
            assert_eq!(position > 0, places[partition].contains(&at), "{at}: {heads}");
            if position > 0 {
                positions[partition].push(position);
            }
        }
    }
    assert!(
        positions.iter().all(|kept| kept.len() == REPLICAS),
        "{positions:?}"
    );
}

/// What a relay's page of metrics says, which it brings up to date every second.
fn counted(relay: &Relay, name: &str) -> f64 {
    let page = relay.get("/metrics").unwrap();
    let line = page
        .lines()
        .find_map(|l| l.strip_prefix(&format!("telesphor_relay_{name} ")));
    line.and_then(|n| n.parse().ok())
        .unwrap_or_else(|| panic!("no {name}"))
}

/// Waits until one of these relays has counted something.
async fn until_counted(relays: &[Relay], name: &str) {
    let until = tokio::time::Instant::now() + LONG;
    while relays.iter().all(|relay| counted(relay, name) < 1.0) {
        assert!(tokio::time::Instant::now() < until, "{name} stays at 0");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_refuses_what_others_keep_or_all_keep_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = start(folder.path());
    let (tenant, mailboxes) = enrolled(&cluster, 2 * PARTITIONS).await;
    assert_eq!(tenant.quorum(), 2);
    for mailbox in &mailboxes {
        for at in 0..RELAYS {
            let receipt = put(&tenant, at, mailbox).await;
            // The first event is its opening.
            assert_eq!(receipt.leaf.seq, at as u64 + 2, "through relay {at}");
        }
    }
    for mailbox in &mailboxes {
        for at in 0..RELAYS {
            let (session, mut pushes) = tenant.session_with(at).await.unwrap();
            let owner = Credential::owner(mailbox.id, mailbox.owner.clone());
            let standing = session.prove(owner).await.unwrap();
            session.fetch(standing.handle, 1, 2).await.unwrap();
            let Push::Events(page) = pushes.recv().await.unwrap() else {
                panic!("no page at {at}");
            };
            let read: Vec<_> = page.events.iter().map(|e| e.header.seq).collect();
            assert_eq!(read, [2, 3], "at relay {at}");
            session
                .follow(standing.handle, 3, DEFAULT_CREDIT_BYTES)
                .await
                .unwrap();
            let mut read = Vec::new();
            while read.len() < RELAYS + 1 - 3 {
                let Push::Events(more) = tokio::time::timeout(LONG, pushes.recv()).await.unwrap().unwrap()
                else {
                    panic!("no more at {at}");
                };
                read.extend(more.events.iter().map(|e| e.header.seq));
            }
            assert_eq!(read, [4, 5, 6], "at relay {at}");
        }
    }
    let places = places(&cluster);
    let keeps = |at: usize, mailbox: &Mailbox| {
        let partition = PartitionId::of(&mailbox.id, PARTITIONS as u16);
        places[usize::from(partition.0)].contains(&at)
    };
    for (at, relay) in cluster.relays.iter().enumerate() {
        // It is by chance which mailboxes lie where: a relay that keeps all of them has none to pass on, and
        // one that keeps none is asked for none.
        if !mailboxes.iter().all(|mailbox| keeps(at, mailbox)) {
            until_counted(std::slice::from_ref(relay), "passed_on_total").await;
        }
        assert!(
            counted(relay, "passed_on_unanswered_total") < 1.0,
            "relay {at} got no answer"
        );
    }
    until_counted(&cluster.relays, "passed_here_total").await;
    on_three_disks(&mut cluster);
}

/// A reader at work: how much it read, or where it met something out of order.
type Reading = tokio::task::JoinHandle<Result<u32, (u64, u64)>>;

/// Readers of every mailbox at every relay.
struct Readers {
    readers: Vec<(usize, usize, Reading)>,
    until: Vec<watch::Sender<Option<u64>>>,
}

impl Readers {
    fn begin(load: &Load) -> Self {
        let until: Vec<_> = load.mailboxes.iter().map(|_| watch::Sender::new(None)).collect();
        let mut readers = Vec::new();
        for at in 0..RELAYS {
            for (which, (mailbox, until)) in load.mailboxes.iter().zip(&until).enumerate() {
                let reader = follow(load.tenant.clone(), at, mailbox.clone(), until.subscribe());
                readers.push((at, which, tokio::spawn(reader)));
            }
        }
        Self { readers, until }
    }

    /// Everybody must come to the end, in order.
    async fn end(self, last: &[u64]) {
        for (until, last) in self.until.iter().zip(last) {
            until.send_replace(Some(*last));
        }
        for (at, which, reader) in self.readers {
            let read = tokio::time::timeout(LONG, reader).await;
            let read = read.unwrap_or_else(|_| panic!("mailbox {which} at relay {at}: a reader got no more"));
            read.unwrap()
                .unwrap_or_else(|(wanted, came)| panic!("mailbox {which} at {at}: {came} for {wanted}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_is_killed_and_what_it_kept_stands_still() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = start(folder.path());
    let load = Load::begin(&cluster, 6).await.unwrap();
    let readers = Readers::begin(&load);
    let places = places(&cluster);
    for at in [0, 3] {
        load.more(200).await.unwrap();
        cluster.relays[at].kill().unwrap();
        load.more(200).await.unwrap();
        // Whoever asks a relay that does not keep it, while one of those who do is dead, is answered.
        for mailbox in &load.mailboxes {
            let partition = PartitionId::of(&mailbox.id, PARTITIONS as u16);
            let keepers = &places[usize::from(partition.0)];
            let outside = (0..RELAYS).find(|n| *n != at && !keepers.contains(n));
            if let (true, Some(outside)) = (keepers.contains(&at), outside) {
                let least = read_all(&load.tenant, mailbox, 0).await.unwrap().len() as u64;
                assert!(least > 0);
                let (session, _pushes) = load.tenant.session_with(outside).await.unwrap();
                let owner = Credential::owner(mailbox.id, mailbox.owner.clone());
                let proved = tokio::time::timeout(LONG, session.prove(owner)).await;
                assert!(
                    proved
                        .unwrap()
                        .unwrap()
                        .head
                        .is_some_and(|head| head.seq >= least)
                );
            }
        }
        cluster.relays[at].start().unwrap();
        cluster.until_following(0..RELAYS).unwrap();
    }
    let last = load.end().await.unwrap();
    readers.end(&last).await;
    for relay in &mut cluster.relays {
        relay.kill().unwrap();
        relay.run(&["verify"]).unwrap();
    }
}

/// Accepts a change at all of these relays.
fn accept(relays: &[Relay], change: &Path) {
    for relay in relays {
        relay
            .run(&["cluster", "accept", change.to_str().unwrap()])
            .unwrap();
    }
}

/// Waits until a relay keeps nothing more than it is to keep.
fn until_placed(cluster: &Cluster, at: usize) {
    let begun = std::time::Instant::now();
    let me = cluster.relays[at].listen().to_string();
    let is_placed = |p: &serde_json::Value| {
        let keepers = p["keepers"].as_array().unwrap();
        p["kept"] == keepers.iter().any(|address| *address == me)
    };
    loop {
        let status = cluster.relays[at].json(&["cluster", "status"]).unwrap();
        if status["partitions"].as_array().unwrap().iter().all(is_placed) {
            return;
        }
        assert!(
            begun.elapsed() < 2 * LONG,
            "relay {at} keeps what is not its own: {status}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_is_added_and_another_drained_under_load_and_something_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = start(folder.path());
    let load = Load::begin(&cluster, 6).await.unwrap();
    let readers = Readers::begin(&load);
    load.more(200).await.unwrap();

    // One comes. It takes over what it is to keep, and the others let go of it.
    let into = folder.path().join("new");
    let new = cluster.relays[2].adding(&into).unwrap();
    accept(&cluster.relays, &into.join("change"));
    load.more(100).await.unwrap();
    cluster.relays.push(new);
    cluster.relays[RELAYS].start().unwrap();
    cluster.until_voting(RELAYS).unwrap();
    for at in 0..=RELAYS {
        until_placed(&cluster, at);
    }
    load.more(200).await.unwrap();

    // One goes: the others take over at their next start, one after the other.
    let change = folder.path().join("drain");
    let leaves = cluster.relays[1].listen().to_string();
    let drain = ["cluster", "drain", &leaves, "--into", change.to_str().unwrap()];
    cluster.relays[0].run(&drain).unwrap();
    accept(&cluster.relays, &change);
    for at in (0..=RELAYS).filter(|at| *at != 1) {
        cluster.relays[at].stop().unwrap();
        load.more(50).await.unwrap();
        cluster.relays[at].start().unwrap();
        cluster.until_voting(at).unwrap();
    }
    for at in 0..=RELAYS {
        until_placed(&cluster, at);
    }
    drop(cluster.relays.remove(1));
    load.more(200).await.unwrap();
    // Whoever followed there finds where the others are.
    load.tenant.look().await;
    let last = load.end().await.unwrap();
    readers.end(&last).await;
    on_three_disks(&mut cluster);
}

#[test]
fn a_cluster_is_founded_in_which_nothing_can_be_durable() {
    let folder = tempfile::tempdir().unwrap();
    let nats = ["nats://127.0.0.1:4222".to_owned()];
    let refused = |relays, replicas, partitions| {
        let into = folder.path().join(format!("{relays}-{replicas}-{partitions}"));
        match Relay::founded_placed(&into, "hospital-a.example", relays, &nats, (replicas, partitions)) {
            Err(RelayError::Command(_, words)) => {
                assert!(!into.exists(), "something was left behind");
                words
            }
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("{relays} relays, {replicas} of them"),
        }
    };
    assert!(refused(5, 2, 8).contains("3, 5 or 7"));
    assert!(refused(5, 1, 8).contains("3, 5 or 7"));
    assert!(refused(9, 9, 8).contains("3, 5 or 7"));
    assert!(refused(3, 5, 8).contains("5 to 64 relays"));
    assert!(refused(5, 3, 0).contains("store.partitions"));
}
