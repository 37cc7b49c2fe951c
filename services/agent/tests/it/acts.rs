//! What a document comes to after it was sent: accepted, late, corrected, taken back. The real
//! binaries, a real relay.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::clock;
use crate::common;
use crate::people;
use crate::relay;

use clock::Clock;
use common::{Home, ran};
use people::{acquainted, joined, meet, one, sync};
use relay::Relay;
use serde_json::Value;

const TWO_HOURS_S: i64 = 2 * 3600;

fn start(folder: &std::path::Path) -> Option<Relay> {
    let relay = Relay::start(folder);
    if relay.is_none() {
        eprintln!("not run: telesphor-relay is not built");
    }
    relay
}

/// Sends a text; gives the document's id.
fn send(from: &Home, to: &str, text: &str, more: &[&str]) -> String {
    std::fs::write(from.path("note.txt"), text).unwrap();
    let arguments = [&["--json", "send", to, "note.txt"], more].concat();
    one(from.run(&arguments))["id"].as_str().unwrap().to_owned()
}

fn row(home: &Home, list: &[&str], id: &str) -> Value {
    let rows = home.run(&[&["--json"], list].concat()).ok().json();
    rows.into_iter()
        .find(|r| r["id"] == id)
        .unwrap_or_else(|| panic!("{id} is not in {list:?}"))
}

#[test]
fn an_urgent_note_that_nobody_took_in_time_looks_like_any_other_to_its_sender() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = start(folder.path()) else { return };
    let (aino, gp) = acquainted(&relay);
    let urgent = send(&gp, "aino", "Potassium 7.1", &["--urgent", "--ack-by", "1h"]);
    let routine = send(&gp, "aino", "Cholesterol", &[]);

    // The reader: urgent first although it came earlier, and how much nobody has accepted.
    let inbox = aino.run(&["inbox"]).ok();
    let first = inbox.out.lines().nth(1).unwrap();
    assert!(
        first.contains("URGENT, not") && first.contains("Potassium"),
        "{}",
        inbox.out
    );
    let plain = aino.run(&["--plain", "inbox"]).ok().out;
    assert!(plain.contains("marks: URGENT, not accepted, new\n"), "{plain}");
    assert!(
        inbox.err.contains("1 urgent, 1 not accepted by anybody"),
        "{}",
        inbox.err
    );
    let open = row(&gp, &["sent"], &urgent);
    assert_eq!(open["acceptance"], "open");
    assert!(open["accept_by"].is_string(), "{open}");
    assert_eq!(row(&gp, &["sent"], &routine)["acceptance"], "nobody");

    // Two hours later nobody has: its sender sees it without being asked.
    if let Some(clock) = Clock::build(folder.path()) {
        let later = |home: &Home, arguments: &[&str]| {
            ran(home
                .command(arguments)
                .envs(clock.ahead(TWO_HOURS_S))
                .output()
                .unwrap())
        };
        let sent = later(&gp, &["--wait", "0s", "sent"]);
        assert!(sent.out.contains("NOT ACCEPTED by"), "{}", sent.out);
        let inbox = later(&gp, &["--wait", "0s", "inbox"]);
        assert!(
            inbox.err.contains("1 not accepted in time or declined"),
            "{}",
            inbox.err
        );
        let inbox = later(&aino, &["--plain", "--wait", "0s", "inbox"]);
        assert!(inbox.out.contains("NOT ACCEPTED IN TIME"), "{}", inbox.out);
    }

    // Declined with a word, then taken after all: both sides see who said what, and when.
    let why = aino.run(&["ack", &urgent, "--decline"]);
    assert_eq!(why.code, 2, "a reason is asked for: {}", why.err);
    aino.run(&["ack", &urgent, "--decline", "--why", "off-duty"]).ok();
    let declined = gp.run(&["sent", &urgent]).ok();
    assert!(
        declined.out.contains("declined") && declined.out.contains("off-duty"),
        "{}",
        declined.out
    );
    let taken = one(aino.run(&["--json", "ack", &urgent]));
    assert_eq!(taken["acceptance"], "accepted");
    let accepted = row(&gp, &["sent"], &urgent);
    assert_eq!(
        (accepted["acceptance"].as_str(), accepted["state"].as_str()),
        (Some("accepted"), Some("taken"))
    );
    assert!(accepted["answered"].is_string(), "{accepted}");
    let log = gp.run(&["log"]).ok().out;
    assert!(log.contains("accepted") && log.contains("declined"), "{log}");
    let mine = gp.run(&["--json", "ack", &urgent]);
    assert_eq!((mine.code, mine.error()["error"].as_str()), (3, Some("T-6040")));
    // A document that is here already was signed with the urgency it has.
    let again = gp.run(&["send", "aino", &routine, "--ack-by", "1h"]);
    assert_eq!(again.code, 2, "{}", again.err);
}

#[test]
fn a_corrected_document_is_read_as_if_the_first_still_stood() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = start(folder.path()) else { return };
    let (aino, gp) = acquainted(&relay);
    let old = send(
        &gp,
        "aino",
        "Allergy to penicillin",
        &["--scope", "allergies", "--urgent"],
    );
    sync(&[&aino]);
    aino.run(&["ack", &old]).ok();
    std::fs::write(gp.path("right.txt"), "Allergy to nuts").unwrap();
    let amended = one(gp.run(&["--json", "amend", &old, "right.txt", "--title", "Allergy to nuts"]));
    let new = amended["id"].as_str().unwrap();
    assert_eq!(amended["to"], 1);

    let row = row(&aino, &["inbox"], &old);
    assert_eq!(
        (row["standing"].as_str(), row["standing_by"].as_str()),
        (Some("replaced"), Some(new))
    );
    let inbox = aino.run(&["--plain", "inbox", "--about", "me"]).ok().out;
    assert!(
        inbox.contains("ALLERGIES: Allergy to nuts\n"),
        "only what stands is an allergy: {inbox}"
    );
    assert!(inbox.contains("REPLACED"), "{inbox}");
    // Nobody has seen the corrected one: it asks to be accepted anew.
    assert!(inbox.contains("URGENT, not accepted"), "{inbox}");
    let read = aino.run(&["read", &old]).ok();
    assert_eq!(read.out.trim(), "Allergy to penicillin");
    assert!(
        read.err.contains("NOT CURRENT: replaced by") && read.err.contains("genuine"),
        "{}",
        read.err
    );
    let verdict = one(aino.run(&["--json", "verify", &old, "--offline"]));
    assert_eq!(
        (verdict["genuine"].as_bool(), verdict["current"].as_bool()),
        (Some(true), Some(false))
    );
    let current = one(aino.run(&["--json", "read", new]));
    assert_eq!(current["text"], "Allergy to nuts");
    assert_eq!(current["corrects"][0], old.as_str());

    let stale = gp.run(&["--json", "amend", &old, "right.txt"]);
    assert_eq!((stale.code, stale.error()["error"].as_str()), (9, Some("T-6043")));
    let theirs = aino.run(&["--json", "amend", new, "pass"]);
    assert_eq!(
        (theirs.code, theirs.error()["error"].as_str()),
        (3, Some("T-6042"))
    );
}

#[test]
fn a_note_on_the_wrong_patient_can_still_be_read_or_nobody_learns_who_had_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = start(folder.path()) else { return };
    let (aino, gp) = acquainted(&relay);
    let helmi = joined(&relay, "Helmi Laine");
    meet(&gp, &helmi, "gp");
    let contacts = gp.run(&["--json", "contacts"]).ok().json();
    let helmi_here = contacts.iter().find(|c| c["name"] == "Helmi Laine").unwrap()["who"]
        .as_str()
        .unwrap()
        .to_owned();
    let wrong = send(
        &gp,
        "aino",
        "Biopsy: malignant",
        &["--title", "Biopsy of the left breast"],
    );
    let unread = send(&gp, "aino", "Also about her", &[]);
    sync(&[&aino]);
    aino.run(&["read", &wrong]).ok();
    aino.run(&["read", &wrong, "--tel", "kept.tel"]).ok();
    sync(&[&gp]);

    let foreign = aino.run(&["--json", "retract", &wrong, "--why", "error", "--yes"]);
    assert_eq!(
        (foreign.code, foreign.error()["error"].as_str()),
        (3, Some("T-6042"))
    );
    let back = gp
        .run(&[
            "retract",
            &wrong,
            "--why",
            "wrong-patient",
            "--belongs-to",
            &helmi_here,
            "--yes",
        ])
        .ok();
    assert!(
        back.err
            .contains("Had opened it, and may remember or have copied it: aino"),
        "{}",
        back.err
    );
    assert!(
        back.err.contains("printed or copied stays so"),
        "what it cannot do is said before: {}",
        back.err
    );
    sync(&[&aino, &helmi]);

    // The reader: the body is not shown any more, nor the title, and it says why.
    let read = aino.run(&["--json", "read", &wrong]);
    assert_eq!((read.code, read.error()["error"].as_str()), (3, Some("T-6041")));
    let words = read.error()["words"].as_str().unwrap().to_owned();
    assert!(
        words.contains("Dr Virtanen")
            && words.contains("wrong patient")
            && words.contains("you had opened it"),
        "{words}"
    );
    for ways in [&["inbox"][..], &["list"], &["--plain", "inbox"]] {
        let shown = aino.run(ways).ok();
        assert!(!shown.out.contains("Biopsy"), "{}", shown.out);
        assert!(shown.out.contains("TAKEN BACK"), "{}", shown.out);
    }
    // One that nobody had opened is not left standing as unread for ever.
    gp.run(&["retract", &unread, "--why", "error", "--yes"]).ok();
    let new = aino.run(&["--json", "inbox", "--unread"]).ok().json();
    assert!(new.iter().all(|r| r["id"] != unread.as_str()), "{new:?}");
    assert!(new.iter().any(|r| r["corrects"][0] == unread.as_str()), "{new:?}");
    let inbox = aino.run(&["--json", "inbox"]).ok().json();
    let word = inbox
        .iter()
        .find(|r| r["kind"] == "retraction" && r["corrects"][0] == wrong.as_str())
        .expect("the word itself is there");
    assert_eq!(word["urgent"], true);
    let said = aino.run(&["read", word["id"].as_str().unwrap()]).ok();
    assert!(
        said.out.contains(&wrong) && said.out.contains("wrong patient"),
        "{}",
        said.out
    );
    // A file kept of it says so as well, where the word is known, and is no success for a script.
    let kept = aino.run(&["--json", "verify", "kept.tel"]);
    assert_eq!((kept.code, &kept.json()[0]["genuine"]), (3, &Value::Bool(true)));
    let exported = aino.run(&["--json", "export", "all"]).ok().json();
    assert_eq!(exported[0]["taken_back"], 2);

    // Both patients know, and neither learns the other's name.
    for (home, other) in [(&aino, "Helmi"), (&helmi, "Aino")] {
        let inbox = home.run(&["--json", "inbox"]).ok().json();
        let notice = inbox.iter().find(|r| r["kind"] == "message").expect("told");
        let text = home.run(&["read", notice["id"].as_str().unwrap()]).ok();
        assert!(text.out.contains("somebody else"), "{}", text.out);
        assert!(
            !text.out.contains(other) && !text.err.contains(other),
            "{}",
            text.out
        );
    }
    // And its author still sees who had opened it.
    let sent = row(&gp, &["sent"], &wrong);
    assert_eq!(sent["standing"], "taken-back");
    assert!(sent["opened"].is_string(), "{sent}");
    // An archive with it in it is whole all the same, and says how many were taken back.
    gp.run(&["export", "all"]).ok();
    let archive = gp.run(&["verify", "all"]).ok();
    assert!(
        archive.err.contains("0 of them not genuine, 2 taken back"),
        "{}",
        archive.err
    );
    let twice = gp.run(&["--json", "retract", &wrong, "--why", "error", "--yes"]);
    assert_eq!((twice.code, twice.error()["error"].as_str()), (3, Some("T-6041")));
}
