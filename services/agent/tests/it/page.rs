//! What the page shows and does: the same as the command line, in the same words. Real sockets,
//! the real binaries, a real relay.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::common;
use crate::people;
use crate::relay;
use crate::visit;

use std::io::{Read, Write};
use std::net::TcpStream;

use common::Home;
use people::{acquainted, one, sync};
use relay::Relay;
use visit::{Page, words};

fn stage(folder: &std::path::Path) -> Option<(Relay, Home, Home)> {
    let Some(relay) = Relay::start(folder) else {
        eprintln!("not run: telesphor-relay is not built");
        return None;
    };
    let (aino, gp) = acquainted(&relay);
    Some((relay, aino, gp))
}

fn contact(home: &Home) -> String {
    let contacts = home.run(&["--json", "contacts"]).ok().json();
    contacts[0]["who"].as_str().unwrap().to_owned()
}

fn me(home: &Home) -> String {
    one(home.run(&["--json", "identity", "show"]))["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Adds a text to one's own record; gives its id.
fn add(home: &Home, name: &str, text: &str, scope: &str) -> String {
    std::fs::write(home.path(name), text).unwrap();
    let added = one(home.run(&["--json", "add", name, "--scope", scope]));
    added["id"].as_str().unwrap().to_owned()
}

fn share(home: &Home, what: &str, with: &str) {
    let arguments = [
        "share",
        what,
        "--with",
        with,
        "--until",
        "90d",
        "--why",
        "follow-up",
        "--yes",
    ];
    home.run(&arguments).ok();
}

#[test]
fn an_opening_on_the_page_leaves_no_receipt_if_the_page_dies_with_its_first_byte() {
    let folder = tempfile::tempdir().unwrap();
    let Some((mut relay, aino, gp)) = stage(folder.path()) else {
        return;
    };
    let doctor = contact(&aino);
    let id = add(&aino, "ecg.txt", "ECG: sinus rhythm", "heart");
    share(&aino, &id, &doctor);
    sync(&[&gp, &aino]);
    let mut page = Page::start(&gp, &[]);
    let visitor = page.enter();

    // Looking at the list, or at the address of a document, opens nothing.
    let list = visitor.shown(&format!("patient/{}", me(&aino)));
    assert!(words(&list).contains("ecg.txt"), "{list}");
    let closed = words(&visitor.shown(&format!("document/{id}")));
    assert!(closed.contains("It has not been opened yet"), "{closed}");
    assert!(!closed.contains("sinus"), "{closed}");
    assert!(!aino.run(&["log"]).ok().out.contains("opened by"));

    // Nothing can be told to anybody while it is shown, and the page ends at its first byte.
    relay.stop();
    let post = visitor.post("open", &format!("id={id}"));
    assert_eq!(post.status, 303, "{}", post.body);
    let mut stream = TcpStream::connect(page.address).unwrap();
    let ask = format!(
        "GET {}document/{id} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n",
        visitor.room,
        page.host(),
        visitor.cookie
    );
    stream.write_all(ask.as_bytes()).unwrap();
    let mut shown = Vec::new();
    let mut some = [0; 4096];
    while !String::from_utf8_lossy(&shown).contains("sinus rhythm") {
        let n = stream.read(&mut some).unwrap();
        assert_ne!(n, 0, "it is not shown: {}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(&some[..n]);
    }
    page.kill();
    relay.serve();
    sync(&[&gp, &aino]);
    let log = aino.run(&["--json", "log"]).ok().json();
    let opened: Vec<_> = log.iter().filter(|l| l["what"] == "opened").collect();
    assert_eq!(opened.len(), 1, "{log:?}");
    assert_eq!(opened[0]["document"], id.as_str());
}

#[test]
fn foreign_text_runs_as_a_program_or_turns_the_line_around() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_relay, aino, gp)) = stage(folder.path()) else {
        return;
    };
    let evil = "<script>alert(1)</script>\u{202e}lluN\u{1b}[2J\"'><img src=x onerror=alert(1)>";
    std::fs::write(gp.path("note.txt"), evil).unwrap();
    let title = ["--title", evil];
    let sent = one(gp.run(&[&["--json", "send", "aino", "note.txt"], &title[..]].concat()));
    let id = sent["id"].as_str().unwrap();
    sync(&[&aino]);
    let page = Page::start(&aino, &[]);
    let visitor = page.enter();
    for shown in [visitor.shown(""), visitor.done("open", &format!("id={id}"))] {
        assert!(shown.contains("alert(1)"), "{shown}");
        for bad in ["<script>alert", "<img src=x", "\u{202e}", "\u{1b}"] {
            assert!(!shown.contains(bad), "{bad:?} stands in the page as it is");
        }
        assert!(shown.contains("U+202E"), "what is hidden is not said: {shown}");
    }
}

#[test]
fn allergies_that_are_none_not_shared_or_not_loaded_look_alike() {
    let folder = tempfile::tempdir().unwrap();
    let Some((mut relay, aino, gp)) = stage(folder.path()) else {
        return;
    };
    let doctor = contact(&aino);
    let id = add(&aino, "ecg.txt", "ECG", "heart");
    share(&aino, &id, &doctor);
    sync(&[&gp, &aino]);
    let page = Page::start(&gp, &[]);
    let visitor = page.enter();
    let patient = format!("patient/{}", me(&aino));
    let cli = |home: &Home| home.run(&["--plain", "inbox", "--about", "aino"]).ok().out;

    let not_shared = "ALLERGIES NOT SHARED WITH YOU: ask the patient";
    assert!(cli(&gp).contains(not_shared));
    for path in ["", &patient] {
        assert!(words(&visitor.shown(path)).contains(not_shared), "{path}");
    }
    // What is withheld differs from what is not there.
    let record = words(&visitor.shown(&patient));
    assert!(record.contains("heart 1 document"), "{record}");
    assert!(record.contains("psychiatry NOT SHARED WITH YOU"), "{record}");
    assert!(words(&visitor.shown(&patient)).contains("Patient open: Aino Korhonen"));

    relay.stop();
    let not_loaded = "ALLERGIES NOT LOADED YET";
    let away = words(&visitor.shown(&patient));
    assert!(
        away.contains(not_loaded) && away.contains("Not the newest"),
        "{away}"
    );
    assert!(away.contains("As of"), "its age is not said: {away}");
    relay.serve();

    // None known is said when the record says so; one's own empty record is not withheld.
    let own = Page::start(&aino, &[]);
    let aino_visits = own.enter();
    let mine = words(&aino_visits.shown(&format!("patient/{}", me(&aino))));
    assert!(mine.contains("nothing is written in your record"), "{mine}");
    assert!(mine.contains("psychiatry nothing written"), "{mine}");
    std::fs::write(aino.path("none.txt"), "No known allergy").unwrap();
    let none = one(aino.run(&["--json", "add", "none.txt", "--scope", "allergies"]));
    let _ = none;
    let mine = words(&aino_visits.shown(&format!("patient/{}", me(&aino))));
    assert!(
        mine.contains("ALLERGIES: none.txt"),
        "a file's name is no such statement: {mine}"
    );
}

#[test]
fn who_and_the_log_say_other_words_than_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_relay, aino, gp)) = stage(folder.path()) else {
        return;
    };
    let doctor = contact(&aino);
    let heart = add(&aino, "ecg.txt", "ECG", "heart");
    let eyes = add(&aino, "eyes.txt", "Glaucoma", "eyes");
    share(&aino, "scope:heart", &doctor);
    share(&aino, &eyes, &doctor);
    sync(&[&gp, &aino]);
    gp.run(&["read", &heart]).ok();
    sync(&[&gp, &aino]);
    let page = Page::start(&aino, &[]);
    let visitor = page.enter();

    let grants = aino.run(&["--plain", "who"]).ok().out;
    let who = words(&visitor.shown("who"));
    for line in grants.lines().filter(|l| !l.is_empty()) {
        let (name, fact) = line.split_once(": ").unwrap();
        if matches!(name, "who" | "title" | "scopes" | "until" | "why" | "opened") {
            assert!(who.contains(fact), "{line} is not on the page: {who}");
        }
    }
    let log = words(&visitor.shown("log"));
    let lines = aino.run(&["--json", "log"]).ok().json();
    assert!(lines.iter().any(|l| l["what"] == "opened"));
    for line in lines {
        let said = line["words"].as_str().unwrap();
        assert!(log.contains(said), "{said} is not on the page: {log}");
    }
    assert!(log.contains("checked: complete, no gap"), "{log}");

    // Two steps: what would end, then the deed; a part, then the rest.
    let him = one(aino.run(&["--json", "contacts"]))["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let preview = words(&visitor.shown(&format!("revoke/{him}?scope=eyes")));
    assert!(
        preview.contains("What will end: 1 document") && preview.contains("eyes.txt"),
        "{preview}"
    );
    assert!(preview.contains("None of them was opened"), "{preview}");
    assert!(!preview.contains("ecg.txt"), "{preview}");
    assert_eq!(visitor.get("revoke").status, 404, "a link ends nothing");
    let running = |rows: Vec<serde_json::Value>| rows.iter().filter(|r| r["state"] == "shown").count();
    assert_eq!(running(aino.run(&["--json", "who"]).ok().json()), 2);
    let done = words(&visitor.done("revoke", &format!("id={him}&scope=eyes")));
    assert!(done.contains("had opened none of them"), "{done}");
    assert_eq!(running(aino.run(&["--json", "who"]).ok().json()), 1);
    let preview = words(&visitor.shown(&format!("revoke/{him}")));
    assert!(preview.contains("1 of them was opened"), "{preview}");
    let done = words(&visitor.done("revoke", &format!("id={him}&scope=")));
    assert!(
        done.contains("had opened 1 of 1; those may be remembered or copied"),
        "{done}"
    );
    sync(&[&aino, &gp]);
    assert_eq!(running(aino.run(&["--json", "who"]).ok().json()), 0);
    assert_eq!(gp.run(&["read", &heart]).code, 3, "the reader still has it");
    assert_eq!(
        visitor.get(&format!("revoke/{him}")).status,
        404,
        "there is nothing left to end"
    );
}

#[test]
fn an_urgent_note_is_taken_on_the_page_and_its_sender_does_not_learn_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_relay, aino, gp)) = stage(folder.path()) else {
        return;
    };
    let send = |text: &str, more: &[&str]| {
        std::fs::write(gp.path("note.txt"), text).unwrap();
        let sent = one(gp.run(&[&["--json", "send", "aino", "note.txt"], more].concat()));
        sent["id"].as_str().unwrap().to_owned()
    };
    let urgent = send("Potassium 7.1", &["--urgent", "--ack-by", "1h"]);
    let routine = send("Cholesterol", &["--ack-by", "2d"]);
    let page = Page::start(&aino, &[]);
    let visitor = page.enter();
    let inbox = visitor.shown("");
    let said = words(&inbox);
    assert!(said.contains("1 urgent , 2 not accepted by anybody"), "{said}");
    assert!(said.contains("URGENT not accepted new Potassium 7.1"), "{said}");
    let at = |text: &str| inbox.find(text).unwrap();
    assert!(at("Potassium") < at("Cholesterol"), "urgent is not first");

    let done = words(&visitor.done("accept", &format!("id={urgent}")));
    assert!(done.contains("You have taken it"), "{done}");
    let no_reason = visitor.post("decline", &format!("id={routine}&why=+"));
    assert!(
        no_reason.header("location").unwrap().contains("decline/"),
        "it was declined without a reason"
    );
    let done = words(&visitor.done("decline", &format!("id={routine}&why=not+my+patient")));
    assert!(
        done.contains("You have declined it") && done.contains("not my patient"),
        "{done}"
    );
    sync(&[&aino, &gp]);
    let sent = gp.run(&["--plain", "sent"]).ok().out;
    assert!(sent.contains("acceptance: accepted"), "{sent}");
    assert!(sent.contains("not my patient"), "{sent}");
}

#[test]
fn a_page_in_another_language_says_its_own_words_in_english_or_takes_one_that_there_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_relay, aino, _gp)) = stage(folder.path()) else {
        return;
    };
    let none = aino.run(&["--json", "page", "--language", "xx"]);
    assert_eq!(none.code, 2, "{}", none.err);
    assert!(none.err.contains("There are: en, sv"), "{}", none.err);
    let page = Page::start(&aino, &["--language", "sv"]);
    let visitor = page.enter();
    let first = visitor.shown("");
    assert!(first.contains("lang=\"sv\""), "{first}");
    for said in [
        "Hoppa till innehållet",
        "Inloggad:",
        "Vem kan se",
        "Inget larmsystem.",
    ] {
        assert!(words(&first).contains(said), "{said}: {}", words(&first));
    }
    assert!(!first.contains("Skip to the content"));
}
