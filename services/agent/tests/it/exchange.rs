//! Two people, one relay, the real binaries: a first exchange as the first page of help tells it.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::common;
use crate::people;
use crate::relay;

use people::{acquainted, one, sync};
use relay::Relay;

#[test]
fn a_first_exchange_works_as_the_first_page_of_help_tells_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut relay) = Relay::start(folder.path()) else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let (aino, gp) = acquainted(&relay);

    // A note goes to the patient, is durable when the command returns, and is read as written.
    std::fs::write(
        gp.path("note.md"),
        "# Chest pain, no warning signs\n\nReview in four weeks.\n",
    )
    .unwrap();
    let sent = one(gp.run(&["--json", "send", "aino", "note.md", "--urgent"]));
    assert!(
        ["durable", "delivered", "opened"].contains(&sent["state"].as_str().unwrap()),
        "{sent}"
    );
    let came = one(aino.run(&["--json", "inbox", "--unread"]));
    assert_eq!(
        (came["title"].as_str(), came["urgent"].as_bool()),
        (Some("Chest pain, no warning signs"), Some(true))
    );
    let id = came["id"].as_str().unwrap();
    let short = &id["teldoc1".len().."teldoc1".len() + 6];
    let read = aino.run(&["read", short]).ok();
    assert_eq!(
        read.out, "# Chest pain, no warning signs\n\nReview in four weeks.\n",
        "stdout holds the bytes alone"
    );
    assert!(read.err.contains("genuine"), "{}", read.err);
    assert!(aino.run(&["--json", "inbox", "--unread"]).ok().json().is_empty());
    sync(&[&aino, &gp]);
    assert_eq!(
        one(gp.run(&["--json", "sent", short]))["state"],
        "opened",
        "the sender learns of it"
    );
    let table = gp.run(&["sent"]).ok().out;
    assert!(table.contains("opened") && table.starts_with("ID"), "{table}");
    let verified = one(aino.run(&["--json", "verify", id, "--offline"]));
    assert_eq!(verified["genuine"], true);
    let role = aino.run(&["verify", id, "--offline", "--role", "licensed-physician"]);
    assert_eq!(role.code, 4, "nobody attested it: {}", role.out);

    // Files of proof: good elsewhere, and refused when changed.
    aino.run(&["read", short, "--tel", "note.tel"]).ok();
    std::fs::copy(aino.path("note.tel"), gp.path("note.tel")).unwrap();
    gp.run(&["verify", "note.tel", "--offline"]).ok();
    let mut bytes = std::fs::read(gp.path("note.tel")).unwrap();
    let at = bytes.windows(6).position(|w| w == b"Review").unwrap();
    bytes[at] ^= 1;
    std::fs::write(gp.path("note.tel"), bytes).unwrap();
    let forged = gp.run(&["verify", "note.tel", "--offline"]);
    assert!(
        forged.code == 4 || forged.code == 2,
        "{} {}",
        forged.code,
        forged.err
    );

    // The relay is gone: writing goes on, and the exit code says what happened.
    relay.stop();
    let waiting = gp.run(&["--json", "--wait", "1s", "send", "aino", "note.md"]);
    assert!(
        waiting.code == 6 || waiting.code == 7,
        "{} {}",
        waiting.code,
        waiting.err
    );
    assert_eq!(waiting.json()[0]["state"], "queued");
    let inbox = aino.run(&["--json", "--wait", "1s", "inbox"]);
    assert_eq!(inbox.code, 7, "{}", inbox.err);
    assert_eq!(inbox.json().len(), 1, "what is here stays readable");
    relay.serve();
    sync(&[&gp, &aino]);
    assert_eq!(
        aino.run(&["--json", "inbox"]).ok().json().len(),
        2,
        "it went on by itself, once"
    );

    // Locked means locked.
    aino.run(&["lock"]).ok();
    let locked = common::ran(aino.bare(&["--json", "inbox"]).output().unwrap());
    assert_eq!(
        (locked.code, locked.error()["error"].as_str()),
        (8, Some("T-6001"))
    );
    std::fs::write(aino.path("pass"), "wrong\n").unwrap();
    let wrong = aino.run(&["--json", "inbox"]);
    assert_eq!((wrong.code, wrong.error()["error"].as_str()), (8, Some("T-6002")));
}

#[test]
fn sharing_shows_what_it_does_and_who_can_see_what() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = Relay::start(folder.path()) else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let (aino, gp) = acquainted(&relay);
    let resource = |name: &str, text: &str| {
        let json = format!(
            r#"{{"resourceType":"AllergyIntolerance","patient":{{"reference":"Patient/1"}},"code":{{"text":"{text}"}}}}"#
        );
        std::fs::write(aino.path(name), json).unwrap();
    };
    let gp_sees = |words: &[&str]| {
        let row = gp.run(&[&["--json", "inbox", "--about", "aino"], words].concat());
        row.json()[0]["allergies"].as_str().unwrap().to_owned()
    };
    assert_eq!(gp_sees(&[]), "not-shared");
    assert_eq!(gp_sees(&["--wait", "0s"]), "not-loaded");
    resource("none.json", "No known allergy");
    let added = one(aino.run(&["--json", "add", "none.json"]));
    assert_eq!(added["scopes"][0], "allergies");
    std::fs::write(aino.path("private.txt"), "not for the GP").unwrap();
    aino.run(&["add", "private.txt", "--scope", "psychiatry"]).ok();
    let gp_name = one(aino.run(&["--json", "contacts"]))["who"]
        .as_str()
        .unwrap()
        .to_owned();
    let shared = aino
        .run(&[
            "share",
            "scope:allergies",
            "--with",
            &gp_name,
            "--until",
            "90d",
            "--why",
            "follow-up",
            "--yes",
        ])
        .ok();
    assert!(
        shared.err.contains("will see 1 documents") && shared.err.contains("psychiatry (1)"),
        "{}",
        shared.err
    );
    assert!(
        shared.err.contains("until ") && shared.err.contains("Z)"),
        "echoed exactly: {}",
        shared.err
    );
    sync(&[&aino, &gp]);
    assert_eq!(gp_sees(&[]), "none-known");
    let grants = aino.run(&["--json", "who"]).ok().json();
    assert_eq!(grants.len(), 1);
    assert_eq!(
        (grants[0]["why"].as_str(), grants[0]["title"].as_str()),
        (Some("follow-up"), Some("No known allergy"))
    );
    assert!(aino.run(&["who", "scope:psychiatry"]).ok().out.is_empty());

    let revoked = aino.run(&["revoke", &gp_name, "scope:allergies"]).ok();
    assert!(revoked.err.contains("opened none of them"), "{}", revoked.err);
    sync(&[&aino, &gp]);
    assert_eq!(
        gp_sees(&[]),
        "not-shared",
        "what was taken back does not stay on the screen"
    );

    let exported = one(aino.run(&["--json", "export", "mine"]));
    assert_eq!(exported["documents"], 2);
    let all = aino.run(&["--json", "verify", "mine", "--offline"]).ok();
    assert!(all.json().iter().all(|v| v["genuine"] == true) && all.json().len() == 2);
}

#[test]
fn an_end_that_was_agreed_reads_like_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = Relay::start(folder.path()) else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let (aino, gp) = acquainted(&relay);
    std::fs::write(aino.path("ecg.txt"), "sinus rhythm").unwrap();
    let id = one(aino.run(&["--json", "add", "ecg.txt", "--scope", "heart"]))["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let gp_name = one(aino.run(&["--json", "contacts"]))["who"]
        .as_str()
        .unwrap()
        .to_owned();
    let share = |until: &str| {
        let words = [
            "share", &id, "--with", &gp_name, "--until", until, "--why", "a look", "--yes",
        ];
        aino.run(&words).ok()
    };
    // As short as this machine lets the reader read before it ends. From then on nobody but the
    // reader does anything.
    let mut seconds = 2;
    let shared = loop {
        let shared = share(&format!("{seconds}s"));
        if gp.run(&["read", &id]).code == 0 {
            break shared;
        }
        seconds *= 2;
    };
    assert!(
        shared.err.contains("with every device switched off"),
        "{}",
        shared.err
    );
    let refused = loop {
        let read = gp.run(&["read", &id]);
        if read.code != 0 {
            break read;
        }
    };
    assert_eq!(refused.code, 3, "{}", refused.err);
    let words = &refused.err;
    assert!(words.contains("access ended on "), "{words}");
    assert!(words.contains(", as agreed: you had opened it"), "{words}");
    assert!(words.contains("ask aino to share it again"), "{words}");
    assert!(gp.run(&["--json", "inbox"]).ok().json().is_empty());
    let who = aino.run(&["who"]).ok().out;
    assert!(who.contains("as agreed"), "{who}");
    let nothing = aino.run(&["revoke", &gp_name]);
    assert_eq!(nothing.code, 5, "there is nothing left to end: {}", nothing.err);

    // Shared again without an end: it comes again, until the owner says so.
    let shared = share("revoked");
    assert!(shared.err.contains("when you revoke it"), "{}", shared.err);
    sync(&[&gp, &aino]);
    assert_eq!(gp.run(&["read", &id]).ok().out, "sinus rhythm");
    let who = aino.run(&["who"]).ok().out;
    assert!(who.contains("until you revoke it"), "{who}");
    let revoked = aino.run(&["revoke", &gp_name]).ok();
    assert!(revoked.err.contains("had opened 1 of 1"), "{}", revoked.err);
    let taken = gp.run(&["--wait", "20s", "inbox"]).ok();
    assert!(taken.out.is_empty(), "{}", taken.out);
    let refused = gp.run(&["read", &id]);
    assert!(refused.err.contains("Aino Korhonen ended it"), "{}", refused.err);
}
