//! Short races for prescriptions: on one relay, on three over NATS, and through the relays of two hospitals.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::process::Command;

#[test]
fn racing_pharmacies_and_a_relay_that_is_killed_hand_out_more_than_was_prescribed() {
    // Nothing is left lying: the other race waits for that.
    race("--one --faults 3 --fills 1500 --seed 20261126 --leave-one-in 1000000");
}

#[test]
fn racing_pharmacies_and_a_cluster_that_is_struck_lose_or_double_a_fill() {
    race("--faults 6 --longest-ms 2500 --fills 1200 --seed 9 --leave-one-in 60");
}

#[test]
fn racing_pharmacies_of_two_hospitals_and_a_line_that_is_cut_lose_or_double_a_fill() {
    race("--hospitals 2 --faults 6 --longest-ms 2500 --fills 900 --seed 4 --leave-one-in 1000000");
}

/// Fewer of everything, and all of it drawn to the end.
fn race(arguments: &str) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fills"))
        .args(arguments.split(' '))
        .args(["--prescriptions", "20", "--units", "60", "--pharmacies", "12"])
        .arg("--folder")
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("20 of 20 prescriptions drawn to the end"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
