//! A second device, a lost one and a new kit, by the real binaries and a real relay.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::common;
use crate::relay;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::{Home, Ran, ran};
use relay::Relay;

fn joined(relay: &Relay, name: &str) -> Home {
    let home = Home::new();
    let link = relay.admission();
    home.run(&[
        "--json",
        "identity",
        "new",
        name,
        "--admission",
        &link,
        "--kit",
        "kit.txt",
        "--device",
        "phone",
    ])
    .ok();
    home
}

fn one(ran: Ran) -> serde_json::Value {
    let mut rows = ran.ok().json();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

fn in_step(people: &[&Home]) {
    for _ in 0..4 {
        for home in people {
            home.run(&["sync"]).ok();
        }
    }
}

fn acquainted(aino: &Home, gp: &Home) {
    let link = one(aino.run(&["--json", "invite", "--for", "my GP"]))["link"]
        .as_str()
        .unwrap()
        .to_owned();
    gp.run(&["--json", "accept", &link, "--call", "aino"]).ok();
    in_step(&[aino, gp]);
    gp.run(&["contacts", "confirm", "aino"]).ok();
    aino.run(&["contacts", "confirm", "my-gp"]).ok();
}

/// Lets a new device in while the old one waits for it; gives the new one's home.
fn second(old: &Home) -> Home {
    let mut adding = old
        .command(&[
            "--json",
            "endpoint",
            "add",
            "--without-comparing",
            "--wait",
            "120s",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(adding.stdout.take().unwrap()).lines();
    let first: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let tablet = Home::new();
    let link = first["link"].as_str().unwrap();
    let joined = tablet
        .run(&[
            "--json", "endpoint", "join", link, "--device", "tablet", "--wait", "120s",
        ])
        .ok()
        .json();
    let asked: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(
        asked["words"], joined[0]["words"],
        "both devices show the same words"
    );
    assert_eq!(asked["device"], "tablet");
    let added = ran(adding.wait_with_output().unwrap());
    assert_eq!(added.code, 0, "{}", added.err);
    assert_eq!(joined[1]["name"], "Aino Korhonen");
    tablet
}

fn titles(home: &Home, list: &str) -> Vec<String> {
    let mut titles: Vec<String> = home
        .run(&["--json", list])
        .json()
        .iter()
        .map(|row| row["title"].as_str().unwrap().to_owned())
        .collect();
    titles.sort();
    titles
}

fn send(from: &Home, to: &str, text: &str) {
    std::fs::write(from.path("note.md"), format!("# {text}\n")).unwrap();
    from.run(&["send", to, "note.md"]).ok();
}

#[test]
fn a_tablet_is_let_in_hears_what_the_phone_hears_and_shuts_the_lost_phone_out() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = Relay::start(folder.path()) else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let (phone, gp) = (joined(&relay, "Aino Korhonen"), joined(&relay, "Dr Virtanen"));
    acquainted(&phone, &gp);
    std::fs::write(phone.path("own.md"), "# Allergy: penicillin\n").unwrap();
    phone.run(&["add", "own.md"]).ok();
    send(&gp, "aino", "Before the tablet");
    in_step(&[&phone, &gp]);

    let tablet = second(&phone);
    in_step(&[&phone, &tablet, &gp]);
    assert_eq!(titles(&phone, "list"), titles(&tablet, "list"));
    assert_eq!(titles(&phone, "inbox"), titles(&tablet, "inbox"));
    let devices = phone.run(&["--json", "endpoint", "list"]).ok().json();
    assert_eq!(devices.len(), 2, "{devices:?}");
    let table = phone.run(&["endpoint", "list"]).ok().out;
    assert!(table.contains("this one") && table.contains("tablet"), "{table}");

    send(&gp, "aino", "To both");
    in_step(&[&phone, &tablet]);
    for home in [&phone, &tablet] {
        assert!(titles(home, "inbox").contains(&"To both".to_owned()));
    }

    let wrong = tablet.path("wrong");
    std::fs::write(&wrong, "a guess\n").unwrap();
    let refused = tablet.run(&[
        "--json",
        "endpoint",
        "remove",
        "phone",
        "--identity-passphrase-file",
        wrong.to_str().unwrap(),
    ]);
    assert_eq!(refused.error()["error"], "T-6020", "{}", refused.err);
    tablet.run(&["endpoint", "remove", "phone", "--stolen"]).ok();
    in_step(&[&gp, &tablet]);
    send(&gp, "aino", "To the tablet alone");
    in_step(&[&gp, &tablet]);
    assert!(titles(&tablet, "inbox").contains(&"To the tablet alone".to_owned()));

    // The phone comes back: it learns that it was removed, keeps what it had, and does no more.
    phone.run(&["sync"]);
    let told = phone.run(&["--json", "sync"]);
    assert_eq!(
        (told.code, told.error()["error"].as_str()),
        (3, Some("T-6019")),
        "{}",
        told.err
    );
    let kept = titles(&phone, "inbox");
    assert!(kept.contains(&"To both".to_owned()) && !kept.contains(&"To the tablet alone".to_owned()));
    let due = tablet.run(&["--json", "backup"]);
    assert_eq!(due.error()["error"], "T-6022", "the phone knew where backups go");
    let found = tablet.run(&["--json", "check"]).json();
    assert!(found.iter().any(|f| f["error"] == "T-6022"), "{found:?}");
}

#[test]
fn a_new_kit_takes_the_old_ones_place_and_the_old_one_says_why_it_fails() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = Relay::start(folder.path()) else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let aino = joined(&relay, "Aino Korhonen");
    std::fs::write(aino.path("own.md"), "# Allergy: penicillin\n").unwrap();
    aino.run(&["add", "own.md"]).ok();
    aino.run(&["backup"]).ok();
    let rotated = aino
        .run(&[
            "identity",
            "rotate",
            "--kit",
            "kit.txt",
            "--new-kit",
            "new-kit.txt",
        ])
        .ok();
    assert!(rotated.err.contains("destroy it"), "{}", rotated.err);
    let old = aino.run(&["--json", "identity", "kit", "--test", "kit.txt"]);
    assert_eq!(
        (old.code, old.error()["error"].as_str()),
        (3, Some("T-3014")),
        "{}",
        old.err
    );
    aino.run(&["identity", "kit", "--test", "new-kit.txt"]).ok();

    let other = Home::new();
    for kit in ["kit.txt", "new-kit.txt"] {
        std::fs::copy(aino.path(kit), other.path(kit)).unwrap();
    }
    let refused = other.run(&["--json", "recover", "--kit", "kit.txt"]);
    assert_eq!(
        (refused.code, refused.error()["error"].as_str()),
        (3, Some("T-3014")),
        "{}",
        refused.err
    );
    other
        .run(&["recover", "--kit", "new-kit.txt", "--profile", "found"])
        .ok();
    let titles: Vec<_> = other
        .run(&["--json", "--profile", "found", "list"])
        .json()
        .iter()
        .map(|row| row["title"].clone())
        .collect();
    assert_eq!(titles, ["own.md"]);
}
