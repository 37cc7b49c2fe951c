//! The units of systemd, by systemd.

use std::process::Command;

use super::tools::{content, missing, read};

/// More exposure than this is refused; 10 is everything, what an ordinary service has is 9.6.
const EXPOSURE: f64 = 1.5;

#[test]
fn a_unit_is_misspelt_or_open() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("not checked, not to be had here: systemd-analyze");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for unit in ["telesphor-relay.service", "nats-server.service"] {
        let mut text = read(&format!("ops/systemd/{unit}"));
        // Neither program is installed where this is tested, and systemd looks for both.
        for program in ["/usr/bin/telesphor-relay", "/usr/bin/nats-server"] {
            text = text.replace(program, "/bin/true");
        }
        let file = folder.path().join(unit);
        std::fs::write(&file, text).unwrap();
        let output = Command::new("systemd-analyze")
            .arg("verify")
            .arg(&file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let ours: Vec<_> = said.lines().filter(|l| l.contains(unit)).collect();
        assert!(ours.is_empty(), "{ours:#?}");

        let mut security = Command::new("systemd-analyze");
        security
            .args(["security", "--offline=true", "--no-pager"])
            .arg(&file);
        let said = content(&mut security);
        let exposure = said
            .lines()
            .find(|l| l.contains("Overall exposure level"))
            .unwrap_or_else(|| {
                missing("the exposure of a unit");
                ": 0"
            });
        let level: f64 = exposure
            .rsplit_once(": ")
            .and_then(|(_, words)| words.split(' ').next()?.parse().ok())
            .unwrap();
        assert!(level <= EXPOSURE, "{unit}: {exposure}");
    }
}
