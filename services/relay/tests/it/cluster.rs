//! Founding a cluster, and what may not serve in it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::common;

use std::path::{Path, PathBuf};
use std::process::Output;

use common::Relay;
use common::process::{fault, run};

const RELAYS: [&str; 3] = ["127.0.0.1:7441", "127.0.0.1:7442", "127.0.0.1:7443"];

fn found(into: &Path, relays: &[&str], more: &[&str]) -> Output {
    let mut arguments = vec![
        "cluster",
        "init",
        "--json",
        "--domain",
        "hospital-a.example",
        "--nats",
        "nats://127.0.0.1:4222",
        "--into",
        into.to_str().unwrap(),
    ];
    for relay in relays {
        arguments.extend(["--relay", relay]);
    }
    arguments.extend(more);
    run(&arguments)
}

/// A cluster in a folder: the data directory of its first relay.
fn founded(folder: &Path) -> PathBuf {
    let into = folder.join("cluster");
    let output = found(&into, &RELAYS, &[]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    into.join("relay-1")
}

#[test]
fn two_relays_that_are_no_majority_of_anything_are_founded() {
    let folder = tempfile::tempdir().unwrap();
    for few in [&RELAYS[..1], &RELAYS[..2], &[RELAYS[0]; 4], &[RELAYS[0]; 9]] {
        let into = folder.path().join("cluster");
        let output = found(&into, few, &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(fault(&output)["words"].as_str().unwrap().contains("3, 5 or 7"));
        assert!(!into.exists(), "something was left behind");
    }
}

#[test]
fn two_relays_are_founded_at_one_address_or_half_a_cluster_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("cluster");
    for (relays, words) in [
        ([RELAYS[0], RELAYS[1], RELAYS[0]], "an address of its own"),
        ([RELAYS[0], RELAYS[1], "nowhere"], "edge."),
    ] {
        let output = found(&into, &relays, &[]);
        assert_eq!(output.status.code(), Some(2));
        let said = fault(&output);
        assert!(said["words"].as_str().unwrap().contains(words), "{said}");
        assert!(!into.exists(), "something was left behind");
    }
}

#[test]
fn a_setting_that_is_given_for_one_run_is_lost_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("cluster");
    let output = found(&into, &RELAYS, &["--set", "store.partitions=8"]);
    assert_eq!(output.status.code(), Some(2));
    let said = fault(&output);
    assert!(
        said["words"].as_str().unwrap().contains("store.partitions=8"),
        "{said}"
    );
    assert!(!into.exists(), "something was left behind");
    let data = folder.path().join("alone");
    let alone = [
        "init",
        "--json",
        "--domain",
        "hospital-a.example",
        "--set",
        "edge.ping_every=9",
        "--data",
    ];
    let output = run(&[&alone[..], &[data.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(!data.exists(), "something was left behind");
}

#[test]
fn founding_overwrites_a_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let data = founded(folder.path());
    let key = std::fs::read(data.join("keys/attesting.key")).unwrap();
    let output = found(&folder.path().join("cluster"), &RELAYS, &[]);
    assert_eq!(output.status.code(), Some(9));
    assert_eq!(fault(&output)["error"], "T-5009");
    assert_eq!(std::fs::read(data.join("keys/attesting.key")).unwrap(), key);
}

#[test]
fn relays_of_a_cluster_share_a_key_that_attests() {
    let folder = tempfile::tempdir().unwrap();
    let data = founded(folder.path());
    let key = |n: u32, name: &str| {
        let relay = data.with_file_name(format!("relay-{n}"));
        std::fs::read(relay.join(format!("keys/{name}.key"))).unwrap()
    };
    assert_ne!(key(1, "attesting"), key(2, "attesting"));
    assert_ne!(key(2, "attesting"), key(3, "attesting"));
    assert_eq!(key(1, "domain"), key(3, "domain"));
}

#[test]
fn a_damaged_cluster_record_lets_a_relay_serve_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = founded(folder.path());
    let path = data.join("cluster.record");
    let good = std::fs::read(&path).unwrap();
    for at in [0, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&path, bad).unwrap();
        let output = Relay::at(&data).command(&["serve", "--json"]);
        assert_eq!(output.status.code(), Some(4), "byte {at}");
        assert_eq!(fault(&output)["error"], "T-5006");
    }
}

#[test]
fn a_relay_serves_in_a_cluster_that_its_key_is_not_in() {
    let folder = tempfile::tempdir().unwrap();
    let data = founded(folder.path());
    let stranger = Relay::new();
    let key = "keys/attesting.key";
    std::fs::copy(stranger.data.join(key), data.join(key)).unwrap();
    let output = Relay::at(&data).command(&["serve", "--json"]);
    assert!(!output.status.success());
}

#[test]
fn a_restored_backup_serves_in_its_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::at(&founded(folder.path()));
    let copy = folder.path().join("copy");
    let output = relay.command(&["backup", copy.to_str().unwrap(), "--json"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let again = Relay::at(&folder.path().join("again"));
    let output = again.command(&["restore", copy.to_str().unwrap(), "--json"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let output = again.command(&["serve", "--json"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(
        fault(&output)["words"]
            .as_str()
            .unwrap()
            .contains("cannot rejoin")
    );
}

#[test]
fn a_relay_that_serves_nothing_says_how_it_stands_in_its_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let output = Relay::at(&founded(folder.path())).command(&["cluster", "status", "--json"]);
    assert_eq!(fault(&output)["error"], "T-5007");
}
