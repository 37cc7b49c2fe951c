//! A family and its doctor, for tests of acting for somebody else.
#![allow(clippy::unwrap_used, clippy::print_stderr, dead_code, unreachable_pub)]

use serde_json::Value;

use super::common::Home;
use super::people::{joined, meet, one};
use super::relay::Relay;

pub fn start(folder: &std::path::Path) -> Option<Relay> {
    let relay = Relay::start(folder);
    if relay.is_none() {
        eprintln!("not run: telesphor-relay is not built");
    }
    relay
}

/// A note of one's own in a scope; gives its id.
pub fn note(home: &Home, text: &str, scope: &str) -> String {
    let file = format!("{scope}.txt");
    std::fs::write(home.path(&file), text).unwrap();
    let added = one(home.run(&["--json", "add", &file, "--scope", scope]));
    added["id"].as_str().unwrap().to_owned()
}

pub fn rows(home: &Home, arguments: &[&str]) -> Vec<Value> {
    home.run(&[&["--json"], arguments].concat()).ok().json()
}

/// The stable code with which a call is refused.
pub fn refused(home: &Home, arguments: &[&str]) -> String {
    let ran = home.run(&[&["--json"], arguments].concat());
    assert_ne!(ran.code, 0, "{arguments:?}: {}", ran.out);
    ran.error()["error"].as_str().unwrap().to_owned()
}

pub fn texts(rows: &[Value]) -> String {
    rows.iter().map(ToString::to_string).collect()
}

/// A mother, her daughter and the daughter's acquaintance, a doctor.
pub struct Family {
    pub aino: Home,
    pub liisa: Home,
    pub gp: Home,
    /// How Aino calls her daughter.
    pub daughter: String,
    /// How Liisa calls the doctor.
    pub doctor: String,
}

pub fn family(relay: &Relay) -> Family {
    let aino = joined(relay, "Aino Korhonen");
    let liisa = joined(relay, "Liisa Korhonen");
    let gp = joined(relay, "Dr Virtanen");
    let daughter = meet(&aino, &liisa, "aino");
    let doctor = meet(&liisa, &gp, "liisa");
    Family {
        aino,
        liisa,
        gp,
        daughter,
        doctor,
    }
}

pub const FOR_AINO: &str = "--as=aino";
