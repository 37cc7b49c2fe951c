//! A cluster of real relays over real NATS servers: what it must survive.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::{Path, PathBuf};

use telesphor_chaos::campaign::admit;
use telesphor_chaos::cluster::Cluster;
use telesphor_chaos::load::Load;
use telesphor_chaos::nats::Nats;
use telesphor_chaos::relay::{Relay, RelayError};
use telesphor_chaos::tenant::Tenant;

/// What the relays have on their disks is one history.
fn one_history(cluster: &mut Cluster) {
    for relay in &mut cluster.relays {
        relay.kill().unwrap();
        relay.run(&["verify"]).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_killed_under_load_takes_something_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(folder.path(), "hospital-a.example").unwrap();
    let load = Load::begin(&cluster, 4).await.unwrap();
    for at in 0..3 {
        load.more(300).await.unwrap();
        cluster.relays[at].kill().unwrap();
        load.more(300).await.unwrap();
        cluster.relays[at].start().unwrap();
        cluster.until_following(0..3).unwrap();
    }
    load.end().await.unwrap();
    one_history(&mut cluster);
}

/// With `TELESPHOR_RELAY_BEFORE` naming the program of an earlier version, from that one to this.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_upgrade_fails_or_loses_an_operation() {
    let folder = tempfile::tempdir().unwrap();
    let new = telesphor_chaos::relay::binary("TELESPHOR_RELAY_BIN", "telesphor-relay").unwrap();
    let before = std::env::var_os("TELESPHOR_RELAY_BEFORE").map_or_else(|| new.clone(), PathBuf::from);
    let mut cluster = Cluster::start_from(&before, folder.path(), "hospital-a.example").unwrap();
    let load = Load::begin(&cluster, 4).await.unwrap();
    for at in 0..3 {
        load.more(300).await.unwrap();
        cluster.relays[at].stop().unwrap();
        cluster.relays[at].becomes(&new);
        load.more(300).await.unwrap();
        cluster.relays[at].start().unwrap();
        cluster.until_following(0..3).unwrap();
    }
    // Back again, under load too: the newer one has written nothing that the older cannot read.
    load.more(300).await.unwrap();
    cluster.relays[1].stop().unwrap();
    cluster.relays[1].becomes(&before);
    cluster.relays[1].start().unwrap();
    cluster.until_following(0..3).unwrap();
    load.more(300).await.unwrap();
    load.end().await.unwrap();
    one_history(&mut cluster);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_nats_has_stored_is_deleted_and_something_acknowledged_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(folder.path(), "hospital-a.example").unwrap();
    let load = Load::begin(&cluster, 4).await.unwrap();
    load.more(500).await.unwrap();
    for at in 0..3 {
        cluster.nats.kill(at).unwrap();
    }
    for at in 0..3 {
        cluster.nats.wipe(at).unwrap();
    }
    for at in 0..3 {
        cluster.nats.start_one(at).unwrap();
    }
    load.more(500).await.unwrap();
    load.end().await.unwrap();
    one_history(&mut cluster);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_is_replaced_under_load_and_takes_something_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(folder.path(), "hospital-a.example").unwrap();
    let load = Load::begin(&cluster, 4).await.unwrap();
    // The first leaves while it works, the second will not come back.
    for leaves in 0..2 {
        load.more(300).await.unwrap();
        if leaves == 1 {
            cluster.relays[1].kill().unwrap();
        }
        let into = folder.path().join(format!("new-{leaves}"));
        let mut new = cluster.relays[2]
            .replacing(&cluster.relays[leaves], &into)
            .unwrap();
        let change = into.join("change");
        let change = change.to_str().unwrap();
        for relay in &cluster.relays {
            relay.run(&["cluster", "accept", change]).unwrap();
        }
        load.more(100).await.unwrap();
        new.start().unwrap();
        let old = std::mem::replace(&mut cluster.relays[leaves], new);
        cluster.until_voting(leaves).unwrap();
        if leaves == 0 {
            until_stopped(&old);
        }
        drop(old);
        load.more(300).await.unwrap();
    }
    // What is left of the founders dies: the two that came are the majority.
    cluster.relays[2].kill().unwrap();
    load.more(300).await.unwrap();
    cluster.relays[2].start().unwrap();
    cluster.until_following(0..3).unwrap();
    // Somebody new is let in where one of them stands.
    let admission = admit(&cluster.relays[1]).unwrap();
    Tenant::enrol(&admission, 1).await.unwrap();
    load.end().await.unwrap();
    one_history(&mut cluster);
}

#[test]
fn a_seat_is_given_away_by_a_change_that_is_none_or_comes_too_late() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(folder.path(), "hospital-a.example").unwrap();
    let relays = &cluster.relays;
    let refused = |relay: &Relay, arguments: &[&str]| match relay.run(arguments) {
        Err(RelayError::Command(_, words)) => words,
        other => panic!("{arguments:?}: {other:?}"),
    };
    let (first, last) = (folder.path().join("first"), folder.path().join("last"));
    let at = |relay: &Relay| relay.listen().to_string();
    let place = |leaves: &str, with: &str, into: &Path| {
        let into = into.to_str().unwrap();
        refused(
            &relays[0],
            &["cluster", "replace", leaves, "--with", with, "--into", into],
        )
    };
    let nowhere = folder.path().join("nowhere");
    assert!(place("r9.example:1", "127.0.0.1:1", &nowhere).contains("cluster show"));
    assert!(place("", "127.0.0.1:1", &nowhere).contains("cluster show"));
    assert!(place(&at(&relays[0]), "127.0.0.1:1", &nowhere).contains("one that stays"));
    assert!(place(&at(&relays[2]), &at(&relays[1]), &nowhere).contains("another one has this"));
    assert!(place(&at(&relays[2]), "no address", &nowhere).contains("edge.address"));
    assert!(!nowhere.exists(), "something was left behind");

    relays[0].replacing(&relays[2], &first).unwrap();
    assert!(place(&at(&relays[2]), "127.0.0.1:1", &first).contains("already"));
    relays[1].replacing(&relays[2], &last).unwrap();

    let file = |folder: &Path| folder.join("change").to_str().unwrap().to_owned();
    let good = std::fs::read(file(&first)).unwrap();
    let bad = folder.path().join("bad");
    for byte in [0, good.len() / 2, good.len() - 1] {
        let mut changed = good.clone();
        changed[byte] ^= 1;
        std::fs::write(&bad, changed).unwrap();
        let words = refused(&relays[1], &["cluster", "accept", bad.to_str().unwrap()]);
        assert!(words.contains("no change of this cluster"), "{words}");
    }
    let others = Relay::founded(
        &folder.path().join("b"),
        "hospital-a.example",
        3,
        &cluster.nats.urls(),
    );
    let words = refused(&others.unwrap()[0], &["cluster", "accept", &file(&first)]);
    assert!(words.contains("no change of this cluster"), "{words}");

    // Two were made from the same state: one of them is in force, and the other is refused.
    relays[1].run(&["cluster", "accept", &file(&first)]).unwrap();
    let words = refused(&relays[1], &["cluster", "accept", &file(&last)]);
    assert!(words.contains("from the same state"), "{words}");
    let again = relays[1].json(&["cluster", "accept", &file(&first)]).unwrap();
    assert_eq!((&again["changed"], &again["edition"]), (&false.into(), &1.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_with_another_tls_key_is_reached_by_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(folder.path(), "hospital-a.example").unwrap();
    let admission = admit(&cluster.relays[2]).unwrap();
    let tenant = Tenant::enrol(&admission, 1).await.unwrap();
    let before = tenant.pins();
    // Any key will do: this one was made for another relay.
    let other = Relay::init(&folder.path().join("other"), "hospital-a.example").unwrap();
    let tls = |relay: &Relay, file: &str| relay.data().join("tls").join(file);
    let change = folder.path().join("change");
    let file = |path: &Path| path.to_str().unwrap().to_owned();
    let renew = [
        "cluster",
        "renew",
        "--certificate",
        &file(&tls(&other, "certificate.pem")),
        "--key",
        &file(&tls(&other, "certificate.key")),
        "--into",
        &file(&change),
    ]
    .map(str::to_owned);
    let renew: Vec<&str> = renew.iter().map(String::as_str).collect();
    cluster.relays[1].run(&renew).unwrap();
    for relay in &cluster.relays {
        relay.run(&["cluster", "accept", &file(&change)]).unwrap();
    }
    cluster.relays[1].kill().unwrap();
    for name in ["certificate.pem", "certificate.key"] {
        std::fs::copy(tls(&other, name), tls(&cluster.relays[1], name)).unwrap();
    }
    cluster.relays[1].start().unwrap();
    tenant.look().await;
    assert_ne!(tenant.pins(), before, "nobody was told");
    let admission = admit(&cluster.relays[1]).unwrap();
    Tenant::enrol(&admission, 1).await.unwrap();
    let words = match cluster.relays[1].run(&["cluster", "renew", "--into", &file(&folder.path().join("c"))])
    {
        Err(RelayError::Command(_, words)) => words,
        other => panic!("{other:?}"),
    };
    assert!(words.contains("nothing to change"), "{words}");
}

/// Waits until a relay says in every partition that its seat was given away.
fn until_stopped(relay: &Relay) {
    let begun = std::time::Instant::now();
    let gone = |p: &serde_json::Value| {
        p["member"]["lost"]
            .as_str()
            .is_some_and(|why| why.contains("given to another"))
    };
    loop {
        let status = relay.json(&["cluster", "status"]).unwrap();
        let partitions = status["partitions"].as_array().unwrap();
        if partitions.iter().all(gone) {
            return;
        }
        assert!(begun.elapsed().as_secs() < 90, "it goes on: {status}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn nats_without_room_stops_a_cluster_and_nobody_says_why() {
    let folder = tempfile::tempdir().unwrap();
    // Less than one stream may hold.
    let nats = Nats::start(&folder.path().join("bus"), 3, "max_file_store: 1MB").unwrap();
    let relays = folder.path().join("relays");
    let mut relays = Relay::founded(&relays, "hospital-a.example", 3, &nats.urls()).unwrap();
    for relay in &mut relays {
        relay.start().unwrap();
    }
    let says = |relay: &Relay| {
        let words = relay.run(&["cluster", "status"]).unwrap();
        words.contains("max_file_store")
    };
    let begun = std::time::Instant::now();
    while !relays.iter().any(says) {
        assert!(begun.elapsed().as_secs() < 90, "nobody says it");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}
