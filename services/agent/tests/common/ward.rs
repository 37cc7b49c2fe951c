//! A hospital that publishes rosters, a patient, and people who work there, all by the real binary.
#![allow(clippy::unwrap_used, clippy::print_stderr, dead_code, unreachable_pub)]

use super::common::{Home, Ran};
use super::desk::soon;
use super::people::{joined, meet, sync};
use super::relay::Relay;

pub struct Ward {
    pub relay: Relay,
    pub hospital: Home,
    pub aino: Home,
    /// By which name the hospital knows her.
    pub aino_there: String,
    pub folder: tempfile::TempDir,
}

impl Ward {
    pub fn open() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let Some(relay) = Relay::start(folder.path()) else {
            eprintln!("not run: telesphor-relay is not built");
            return None;
        };
        let hospital = joined(&relay, "Hospital A");
        let aino = joined(&relay, "Aino Korhonen");
        let aino_there = meet(&hospital, &aino, "hospital-a");
        Some(Self {
            relay,
            hospital,
            aino,
            aino_there,
            folder,
        })
    }

    /// Somebody who works there; and the name by which the hospital knows that one.
    pub fn staff(&self, name: &str) -> (Home, String) {
        let one = joined(&self.relay, name);
        let there = meet(&self.hospital, &one, "hospital-a");
        (one, there)
    }

    pub fn publish(&self, turns: &[String], more: &[&str]) -> Ran {
        let text = format!("place = \"ward-4b\"\n{}", turns.concat());
        std::fs::write(self.hospital.path("ward.toml"), text).unwrap();
        self.hospital
            .run(&[&["--json", "team", "roster", "publish", "ward.toml"], more].concat())
    }
}

pub fn states(home: &Home) -> Vec<String> {
    let rows = home.run(&["--json", "team", "list"]).ok().json();
    rows.iter()
        .map(|r| r["state"].as_str().unwrap().to_owned())
        .collect()
}

/// Everybody comes by until somebody stands to a team like this.
pub fn stands(all: &[&Home], home: &Home, state: &str) {
    soon(state, || {
        sync(all);
        (states(home) == [state]).then_some(())
    });
}
