//! People with profiles of their own, made by the real binary.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use super::common::{Home, Ran};
use super::relay::Relay;

pub fn joined(relay: &Relay, name: &str) -> Home {
    let home = Home::new();
    let link = relay.admission();
    let made = home
        .run(&[
            "--json",
            "identity",
            "new",
            name,
            "--admission",
            &link,
            "--kit",
            "kit.txt",
        ])
        .ok();
    assert_eq!(made.json()[0]["name"], name);
    home.run(&["unlock", "--for", "1h"]).ok();
    home
}

pub fn one(ran: Ran) -> serde_json::Value {
    let mut rows = ran.ok().json();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

pub fn sync(people: &[&Home]) {
    for _ in 0..2 {
        for home in people {
            home.run(&["sync"]).ok();
        }
    }
}

/// Aino and her doctor, who have compared the words.
pub fn acquainted(relay: &Relay) -> (Home, Home) {
    let aino = joined(relay, "Aino Korhonen");
    let gp = joined(relay, "Dr Virtanen");
    meet(&aino, &gp, "aino");
    (aino, gp)
}

/// One invites, the other accepts, both confirm; gives what the inviter calls the other.
pub fn meet(aino: &Home, gp: &Home, call: &str) -> String {
    let link = one(aino.run(&["--json", "invite", "--for", "my GP"]))["link"]
        .as_str()
        .unwrap()
        .to_owned();
    let theirs = one(gp.run(&["--json", "accept", &link, "--call", call]));
    sync(&[aino, gp]);
    let contacts = aino.run(&["--json", "contacts"]).ok().json();
    let ours = contacts
        .iter()
        .find(|c| c["words"] == theirs["words"])
        .expect("both sides see the same words");
    let theirs = ours["who"].as_str().unwrap().to_owned();
    aino.run(&["contacts", "confirm", &theirs]).ok();
    gp.run(&["contacts", "confirm", call]).ok();
    theirs
}
