//! Devices that several people use in turn: who is named, who is not, what locking takes away.
//! The real binaries, a real relay.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::common;
use crate::desk;
use crate::people;
use crate::relay;
use crate::ward;

use std::process::Stdio;
use std::time::Instant;

use common::{Home, Ran};
use desk::{soon, turn};
use people::{joined, meet, one, sync};
use relay::Relay;
use ward::{Ward, stands};

/// A place with a shared device, and what its hospital calls it.
fn place(ward: &Ward, name: &str, device: &str) -> (Home, String) {
    let home = Home::new();
    let link = ward.relay.admission();
    home.run(&[
        "--json",
        "identity",
        "new",
        name,
        "--admission",
        &link,
        "--kit",
        "kit.txt",
        "--kind",
        "organisation",
        "--on",
        "shared-workstation",
        "--device",
        device,
    ])
    .ok();
    home.run(&["unlock", "--for", "1h"]).ok();
    let there = meet(&ward.hospital, &home, "hospital-a");
    (home, there)
}

fn refused(ran: Ran, error: &str) {
    assert_ne!(ran.code, 0, "{}", ran.out);
    assert_eq!(ran.error()["error"], error, "{}", ran.err);
}

/// What somebody's own device says for the device that shows this code.
fn word(wow: &Home, person: &Home) -> String {
    let code = one(wow.run(&["--json", "presence", "code"]));
    let said = person.run(&[
        "--json",
        "presence",
        "say",
        code["code"].as_str().unwrap(),
        "--for",
        "1h",
        "--yes",
    ]);
    one(said)["word"].as_str().unwrap().to_owned()
}

/// A document of Aino's that the nurses of the hospital may read, once the ward sits there.
fn granted(ward: &Ward, wow: &Home, more: &[&Home]) -> String {
    let (aino, hospital) = (&ward.aino, &ward.hospital);
    sync(&[aino, wow]);
    std::fs::write(aino.path("ecg.txt"), "Sinus rhythm").unwrap();
    let ecg = one(aino.run(&["--json", "add", "ecg.txt", "--scope", "heart"]))["id"].clone();
    let ecg = ecg.as_str().unwrap().to_owned();
    aino.run(&[
        "share",
        "scope:heart",
        "--with",
        "nurse@hospital-a",
        "--until",
        "revoked",
        "--why",
        "operation",
        "--yes",
    ])
    .ok();
    let all: Vec<&Home> = [aino, hospital, wow]
        .into_iter()
        .chain(more.iter().copied())
        .collect();
    stands(&all, wow, "I sit there");
    soon("what is shown does not come", || {
        sync(&all);
        let list = wow.run(&["--json", "inbox"]).ok().json();
        list.iter().any(|d| d["id"] == ecg.as_str()).then_some(())
    });
    ecg
}

/// The words of those lines of somebody's log that tell of openings.
fn openings(of: &Home) -> Vec<String> {
    let mut lines = of.run(&["--json", "log"]).ok().json();
    lines.retain(|l| l["what"] == "opened");
    lines
        .iter()
        .map(|l| l["words"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn at_a_shared_device_somebody_acts_as_nobody_or_under_a_name_that_was_left_behind() {
    let Some(ward) = Ward::open() else { return };
    let (hospital, aino) = (&ward.hospital, &ward.aino);
    let (wow, there) = place(&ward, "Ward 4B", "WOW-3");
    let (maria, maria_there) = ward.staff("Maria Heikkinen");
    let pekka = joined(&ward.relay, "Pekka Niemi");
    // Maria stands on the roster, by a turn of another role; Pekka is known to nobody here.
    ward.publish(&[turn(&there, "nurse"), turn(&maria_there, "head-nurse")], &[])
        .ok();
    let ecg = granted(&ward, &wow, &[]);

    refused(wow.run(&["--json", "read", &ecg]), "T-6050");
    refused(wow.run(&["--json", "ack", &ecg]), "T-6050");
    std::fs::write(wow.path("note.txt"), "Slept well").unwrap();
    refused(
        wow.run(&["--json", "team", "write", "Aino", "note.txt"]),
        "T-6050",
    );
    let nobody = one(wow.run(&["--json", "status"]));
    assert_eq!(
        (&nobody["signed_in"], &nobody["place"]),
        (&"".into(), &"Ward 4B".into())
    );
    // One person's own device asks nobody.
    let own = maria.run(&["--json", "presence", "code"]);
    assert_eq!(own.code, 2, "{}", own.err);

    // A word for another device, and one that was changed, sign nobody in.
    let (other, _) = place(&ward, "Ward 5C", "WOW-9");
    let marias = word(&wow, &maria);
    refused(other.run(&["--json", "sign-in", &marias]), "T-6051");
    let mut changed = marias.clone();
    changed.replace_range(60..61, if &changed[60..61] == "q" { "p" } else { "q" });
    refused(wow.run(&["--json", "sign-in", &changed]), "T-6051");
    let signed = wow.run(&["sign-in", &marias, "--role", "nurse"]).ok();
    assert!(
        signed.out.contains("Maria Heikkinen") && signed.err.contains("nothing proves"),
        "{}\n{}",
        signed.out,
        signed.err
    );
    let prompt = wow.run(&["prompt"]).ok().out;
    assert!(
        prompt.contains("Maria Heikkinen at Ward 4B, \"WOW-3\" until "),
        "{prompt}"
    );
    let status = one(wow.run(&["--json", "status"]));
    assert_eq!(status["signed_in"], "Maria Heikkinen", "{status}");
    let read = wow.run(&["read", &ecg]).ok();
    assert!(
        read.err
            .contains("signed in: Maria Heikkinen, nurse, at Ward 4B, \"WOW-3\", until "),
        "{}",
        read.err
    );

    // Locked: nothing opens, and whoever unlocks is not Maria.
    wow.run(&["lock"]).ok();
    assert!(wow.run(&["prompt"]).ok().out.contains(": locked"));
    let closed = wow.bare(&["--json", "read", &ecg]).output().unwrap();
    refused(common::ran(closed), "T-6001");
    // By the passphrase, without a session: nobody is signed in either.
    refused(wow.run(&["--json", "read", &ecg]), "T-6050");
    wow.run(&["unlock"]).ok();
    refused(wow.run(&["--json", "read", &ecg]), "T-6050");
    wow.run(&["sign-in", &word(&wow, &pekka), "--role", "nurse"]).ok();
    wow.run(&["read", &ecg]).ok();
    wow.run(&["read", &ecg]).ok();
    let note = one(wow.run(&["--json", "team", "write", "Aino", "note.txt"]))["id"].clone();
    let note = note.as_str().unwrap();

    // What Aino sees: two people, one place, each once; and what is proved of it.
    let all = [&wow, hospital, aino];
    let log = soon("the openings do not come", || {
        sync(&all);
        Some(openings(aino)).filter(|l| l.len() == 2)
    });
    assert_eq!(
        log,
        [
            "opened by somebody who goes by \"Pekka Niemi\", at Ward 4B, \"WOW-3\": ecg.txt",
            "opened by Maria Heikkinen, at Ward 4B, \"WOW-3\": ecg.txt"
        ]
    );
    let hers = aino.run(&["--json", "log"]).ok().json();
    let opened: Vec<_> = hers.iter().filter(|l| l["what"] == "opened").collect();
    assert_eq!(opened[0]["device"], "WOW-3");
    let read = soon("the note does not come", || {
        sync(&all);
        let read = aino.run(&["read", note]);
        (read.code == 0).then_some(read)
    });
    for words in [
        "Written at Ward 4B's device \"WOW-3\" by somebody who goes by \"Pekka Niemi\"",
        "who had signed to be there until",
        "that this person wrote it, Ward 4B says",
    ] {
        assert!(read.err.contains(words), "{words}: {}", read.err);
    }
    let row = one(aino.run(&["--json", "read", note]));
    assert_eq!(
        (&row["author_name"], &row["written_by"]),
        (&"Ward 4B".into(), &"somebody who goes by \"Pekka Niemi\"".into())
    );
    eprintln!("{}\n{}", aino.run(&["log"]).ok().out, read.err);

    // The place knows who was there; leaving is said.
    wow.run(&["sign-out"]).ok();
    refused(wow.run(&["--json", "read", note]), "T-6050");
    let were = wow.run(&["--json", "presence", "list"]).ok().json();
    let names: Vec<_> = were
        .iter()
        .map(|p| (p["name"].clone(), p["left"].clone()))
        .collect();
    assert_eq!(
        names,
        [
            ("Pekka Niemi".into(), true.into()),
            ("Maria Heikkinen".into(), true.into())
        ]
    );
}

#[test]
fn a_locked_profile_does_not_receive_or_a_badge_does_not_open_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut relay) = Relay::start(folder.path()) else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    // Two profiles beside each other on one machine: the ward's, and a nurse's own.
    let wow = Home::new();
    for (profile, name, more) in [
        (
            "wow-3",
            "Ward 4B",
            &["--kind", "organisation", "--on", "shared-workstation"][..],
        ),
        ("maria", "Maria Heikkinen", &["--device", "badge"][..]),
    ] {
        let link = relay.admission();
        let kit = format!("{profile}.txt");
        let new = [
            "--profile",
            profile,
            "identity",
            "new",
            name,
            "--admission",
            &link,
            "--kit",
            &kit,
        ];
        wow.run(&[&new, more].concat()).ok();
    }
    let gp = joined(&relay, "Dr Virtanen");
    let at = |arguments: &[&str]| wow.run(&[&["--profile", "wow-3"], arguments].concat());
    let link = one(gp.run(&["--json", "invite", "--for", "the ward"]));
    at(&["accept", link["link"].as_str().unwrap(), "--call", "gp"]).ok();
    for _ in 0..2 {
        gp.run(&["sync"]).ok();
        at(&["sync"]).ok();
    }
    let contacts = gp.run(&["--json", "contacts"]).ok().json();
    let there = contacts[0]["who"].as_str().unwrap();
    gp.run(&["contacts", "confirm", there]).ok();

    // A badge: it opens without a passphrase, and no other one does.
    at(&["key", "add", "badge.key", "--name", "badge 17"]).ok();
    let keys = at(&["--json", "key", "list"]).ok().json();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert_eq!(
        (&keys[1]["kind"], &keys[1]["label"]),
        (&"key file".into(), &"badge 17".into())
    );
    let tap = |arguments: &[&str]| {
        let mut command = wow.bare(&[&["--profile", "wow-3"], arguments].concat());
        common::ran(
            command
                .env("TELESPHOR_KEY_FILE", wow.path("badge.key"))
                .output()
                .unwrap(),
        )
    };
    wow.run(&["--profile", "maria", "key", "add", "other.key"]).ok();
    let wrong = wow
        .bare(&[
            "--profile",
            "wow-3",
            "--json",
            "--key-file",
            "other.key",
            "unlock",
        ])
        .output()
        .unwrap();
    refused(common::ran(wrong), "T-6002");

    // It receives, and goes on when it is locked.
    wow.run(&["--profile", "maria", "unlock"]).ok();
    let mut running = wow
        .command(&["--profile", "wow-3", "run"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    tap(&["unlock"]).ok();
    let unlocked = began.elapsed();
    let began = Instant::now();
    let signed = tap(&["sign-in", "--with", "maria", "--for", "1h", "--role", "nurse"]).ok();
    let in_hand = began.elapsed();
    assert!(signed.out.contains("Maria Heikkinen"), "{}", signed.out);
    let began = Instant::now();
    wow.run(&["lock", "--all"]).ok();
    let locked = began.elapsed();
    eprintln!("unlocking by a badge took {unlocked:?}, signing in {in_hand:?}, locking {locked:?}");
    let lines = wow.run(&["prompt", "--all"]).ok().out;
    assert_eq!(lines, "maria: locked\nwow-3: locked\n");
    std::fs::write(gp.path("letter.md"), "# Potassium 7.1\n").unwrap();
    gp.run(&["send", there, "letter.md"]).ok();
    soon("it is not delivered while locked", || {
        gp.run(&["sync"]).ok();
        let sent = one(gp.run(&["--json", "sent"]));
        (sent["state"] == "delivered").then_some(())
    });

    // The relay is away, and it is here; who taps next is not the one before.
    relay.stop();
    tap(&["unlock"]).ok();
    assert!(
        wow.run(&["prompt", "--all"])
            .ok()
            .out
            .ends_with("wow-3: unlocked\n")
    );
    let came = tap(&["--json", "inbox", "--wait", "0s"]).ok().json();
    assert_eq!(came[0]["title"], "Potassium 7.1", "{came:?}");
    let id = came[0]["id"].as_str().unwrap();
    refused(tap(&["--json", "read", id, "--wait", "0s"]), "T-6050");
    wow.run(&["--profile", "maria", "unlock"]).ok();
    tap(&["sign-in", "--with", "maria"]).ok();
    tap(&["read", id, "--wait", "0s"]).ok();
    running.kill().unwrap();
    running.wait().unwrap();

    // A lost badge opens it no more.
    wow.run(&["--profile", "wow-3", "lock"]).ok();
    at(&["key", "remove", "2"]).ok();
    refused(tap(&["--json", "unlock"]), "T-6002");
    let last = at(&["key", "remove", "1"]);
    assert_eq!(last.code, 2, "{}", last.err);
}

#[test]
fn a_pseudonym_tells_who_it_is_or_changes_or_cannot_be_opened_by_the_organisation() {
    let Some(ward) = Ward::open() else { return };
    let (hospital, aino) = (&ward.hospital, &ward.aino);
    let (wow, there) = place(&ward, "Ward 4B", "WOW-3");
    let maria = joined(&ward.relay, "Maria Heikkinen");
    let pekka = joined(&ward.relay, "Pekka Niemi");
    ward.publish(&[turn(&there, "nurse")], &[]).ok();
    let ecg = granted(&ward, &wow, &[]);
    let said = wow.run(&["team", "staff", "pseudonyms"]).ok();
    assert!(said.err.contains("can name the person"), "{}", said.err);

    let reads = |who: &Home, what: &str| {
        wow.run(&["unlock"]).ok();
        wow.run(&["sign-in", &word(&wow, who), "--role", "nurse"]).ok();
        wow.run(&["read", what]).ok();
        wow.run(&["lock"]).ok();
        wow.run(&["unlock"]).ok();
    };
    reads(&maria, &ecg);
    reads(&pekka, &ecg);
    std::fs::write(aino.path("echo.txt"), "Echo").unwrap();
    let echo = one(aino.run(&["--json", "add", "echo.txt", "--scope", "heart"]))["id"].clone();
    let echo = echo.as_str().unwrap();
    aino.run(&[
        "share",
        "scope:heart",
        "--with",
        "nurse@hospital-a",
        "--until",
        "revoked",
        "--why",
        "operation",
        "--yes",
    ])
    .ok();
    let all = [&wow, hospital, aino];
    soon("what is added does not come", || {
        sync(&all);
        let list = wow.run(&["--json", "inbox"]).ok().json();
        list.iter().any(|d| d["id"] == echo).then_some(())
    });
    reads(&maria, echo);
    let log = soon("the openings do not come", || {
        sync(&all);
        Some(openings(aino)).filter(|l| l.len() == 3)
    });
    let shown: Vec<&str> = log
        .iter()
        .map(|words| {
            let rest = words.strip_prefix("opened by nurse of Ward 4B under the pseudonym ");
            let (code, rest) = rest.unwrap_or_else(|| panic!("{words}")).split_at(9);
            assert!(rest.starts_with(", at Ward 4B, \"WOW-3\": "), "{words}");
            code
        })
        .collect();
    assert_eq!(shown[0], shown[2], "the same person is the same");
    assert_ne!(shown[0], shown[1], "another one is another");
    let whole = format!(
        "{}{}",
        aino.run(&["--json", "log", "--all"]).out,
        aino.run(&["who"]).out
    );
    assert!(!whole.contains("Maria") && !whole.contains("Pekka"), "{whole}");
    eprintln!("{}", aino.run(&["log"]).ok().out);

    // A complaint: the organisation can say who it was, the patient cannot.
    let named = wow.run(&["--json", "team", "staff", "name", shown[0]]).ok();
    let rows = named.json();
    assert_eq!(
        (&rows[0]["name"], &rows[0]["towards"], &rows[0]["role"]),
        (
            &"Maria Heikkinen".into(),
            &"Aino Korhonen".into(),
            &"nurse".into()
        )
    );
    assert_eq!(rows.len(), 3, "she said twice that she was there: {rows:?}");
    assert_eq!(aino.run(&["team", "staff", "name", shown[0]]).code, 5);
    // A note says no more than a receipt.
    wow.run(&["sign-in", &word(&wow, &maria), "--role", "nurse"]).ok();
    std::fs::write(wow.path("note.txt"), "Slept well").unwrap();
    let note = one(wow.run(&["--json", "team", "write", "Aino", "note.txt"]))["id"].clone();
    let read = soon("the note does not come", || {
        sync(&all);
        let read = aino.run(&["read", note.as_str().unwrap()]);
        (read.code == 0).then_some(read)
    });
    assert!(
        read.err.contains(&format!(
            "Written by nurse of Ward 4B under the pseudonym {}",
            shown[0]
        )) && !read.err.contains("Maria"),
        "{}",
        read.err
    );
    wow.run(&["team", "staff", "names"]).ok();
}
