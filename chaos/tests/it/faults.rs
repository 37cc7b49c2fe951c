//! A short round of faults on a cluster; `make faults` is the long one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::process::Command;

fn strike(how: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_faults"))
        .args(how)
        .arg("--folder")
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_cluster_that_is_struck_loses_doubles_or_reorders_something() {
    strike(&["--faults", "8", "--seed", "7", "--longest-ms", "2500"]);
}

#[test]
fn a_full_or_slow_disk_or_a_wrong_clock_loses_something_or_stops_a_cluster() {
    strike(&[
        "--faults",
        "9",
        "--seed",
        "343",
        "--longest-ms",
        "2500",
        "--machines",
    ]);
}
