//! Standing in for somebody: a daughter for her mother. The real binaries, a real relay; the one
//! acted for is "off" where her program is not run.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::family;
use crate::people;

use family::{FOR_AINO, Family, family, note, refused, rows, start, texts};
use people::{one, sync};
use serde_json::Value;

#[test]
fn a_daughter_cannot_act_for_her_mother_while_the_mothers_phone_is_off() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = start(folder.path()) else { return };
    let Family {
        aino,
        liisa,
        gp,
        daughter,
        doctor,
    } = family(&relay);
    let heart = note(&aino, "ECG: sinus rhythm", "heart");
    let psychiatry = note(&aino, "Sleeps badly, low mood", "psychiatry");

    assert_eq!(
        refused(&liisa, &[FOR_AINO, "inbox"]),
        "T-2020",
        "nothing was given yet"
    );
    let give = [
        "--json",
        "mandate",
        "give",
        &daughter,
        "--may",
        "share,read,revoke,write",
        "--scope",
        "heart",
        "--scope",
        "allergies",
        "--until",
        "2099-12-31",
        "--yes",
    ];
    let given = aino.run(&give).ok();
    assert!(
        given.err.contains("until Thu 31 Dec 2099 23:59:59"),
        "{}",
        given.err
    );
    assert!(
        given.err.contains("read, share, revoke and write") || given.err.contains("may share"),
        "{}",
        given.err
    );
    let given = one(given);
    assert_eq!(
        (given["state"].as_str(), given["held"].as_bool()),
        (Some("runs"), Some(false))
    );
    sync(&[&liisa, &aino]);
    let mandate = given["id"].as_str().unwrap().to_owned();

    // From here on nothing of Aino's runs.
    let held = rows(&liisa, &["mandate", "list"]);
    assert_eq!(
        (held[0]["id"].as_str(), held[0]["held"].as_bool()),
        (Some(&*mandate), Some(true))
    );
    assert_eq!(held[0]["until"], "2099-12-31T23:59:59.999Z");
    let inbox = rows(&liisa, &[FOR_AINO, "inbox"]);
    assert_eq!(inbox.len(), 1, "{inbox:?}");
    assert_eq!(inbox[0]["id"], heart);
    let read = liisa.run(&[FOR_AINO, "read", &heart]).ok();
    assert!(read.out.contains("sinus rhythm"), "{}", read.out);
    let share = [
        FOR_AINO,
        "share",
        "scope:heart",
        "--with",
        &doctor,
        "--until",
        "30d",
        "--why",
        "follow-up",
        "--yes",
    ];
    let shared = liisa.run(&share).ok();
    assert!(shared.err.contains("For aino, by mandate"), "{}", shared.err);
    sync(&[&gp, &liisa]);

    // The doctor sees whose it is, and who acted.
    let came = gp.run(&["--json", "inbox"]).ok().json();
    assert_eq!(came.len(), 1, "{came:?}");
    let acted = came[0]["acted"].as_str().unwrap();
    assert!(
        acted.starts_with("Liisa Korhonen, for ") && acted.contains("by mandate until"),
        "{acted}"
    );
    let read = gp.run(&["read", &heart]).ok();
    assert!(
        read.out.contains("sinus rhythm") && read.err.contains("by mandate until"),
        "{}",
        read.err
    );
    sync(&[&gp, &liisa]);
    let who = rows(&liisa, &[FOR_AINO, "who"]);
    assert_eq!(who.len(), 1, "{who:?}");
    assert_eq!(who[0]["who"], doctor);
    let log = texts(&rows(&liisa, &[FOR_AINO, "log"]));
    assert!(log.contains("opened by Dr Virtanen"), "{log}");
    assert!(
        texts(&rows(&liisa, &["log"])).is_empty(),
        "her own log is about her own record"
    );
    assert!(texts(&rows(&liisa, &["who"])).is_empty());

    // Everything else is refused, each by its own name.
    let share = |what: &str, until: &str| {
        refused(
            &liisa,
            &[
                FOR_AINO, "share", what, "--with", &doctor, "--until", until, "--why", "x", "--yes",
            ],
        )
    };
    assert_eq!(share("scope:psychiatry", "1d"), "T-2022");
    assert_eq!(share("scope:heart", "2100-01-02"), "T-2026");
    assert_eq!(
        refused(&liisa, &[FOR_AINO, "read", &psychiatry]),
        "T-6010",
        "it never came here"
    );
    assert_eq!(
        refused(
            &liisa,
            &[
                FOR_AINO, "mandate", "give", &doctor, "--may", "read", "--until", "1d"
            ]
        ),
        "T-2027"
    );
    assert_eq!(
        refused(
            &liisa,
            &[
                "mandate", "give", &doctor, "--for", "aino", "--may", "read", "--until", "1d", "--yes"
            ]
        ),
        "T-2027"
    );
    assert_eq!(
        refused(&liisa, &["--as", &doctor, "inbox"]),
        "T-2020",
        "for somebody else"
    );
    std::fs::write(liisa.path("p.txt"), "She is sad").unwrap();
    assert_eq!(
        refused(&liisa, &[FOR_AINO, "add", "p.txt", "--scope", "psychiatry"]),
        "T-2022"
    );

    // Written in her name: it says so, and proves it.
    std::fs::write(liisa.path("h.txt"), "Pulse 80 at rest").unwrap();
    let added = one(liisa.run(&["--json", FOR_AINO, "add", "h.txt", "--scope", "heart"]));
    let written = added["id"].as_str().unwrap();
    let verdict = liisa.run(&["--plain", "verify", written]).ok().out;
    assert!(verdict.contains("by mandate until 2099-12-31"), "{verdict}");
    let mine = [
        FOR_AINO, "share", written, "--with", &doctor, "--until", "30d", "--why", "x", "--yes",
    ];
    liisa.run(&mine).ok();
    sync(&[&gp, &liisa]);
    let verdict = gp.run(&["--plain", "verify", written]).ok().out;
    assert!(verdict.contains("by mandate until 2099-12-31"), "{verdict}");

    // Aino's phone is on again: she sees all of it, in words.
    sync(&[&aino, &liisa, &aino]);
    let who = aino.run(&["--json", "who"]).ok().json();
    let doctors: Vec<&Value> = who.iter().filter(|g| g["by"] == "Liisa Korhonen").collect();
    assert_eq!(doctors.len(), 2, "{who:?}");
    assert!(
        aino.run(&["--plain", "who"])
            .ok()
            .out
            .contains("Liisa Korhonen, for you, by mandate until")
    );
    let log = texts(&rows(&aino, &["log"]));
    assert!(
        log.contains("opened by Liisa Korhonen, for you, by mandate until"),
        "{log}"
    );
    assert!(
        log.contains("shown to Dr Virtanen by Liisa Korhonen, for you, by mandate until"),
        "{log}"
    );
    assert!(
        log.contains("opened by Dr Virtanen"),
        "the reader's own word: {log}"
    );
    let inbox = texts(&rows(&aino, &["inbox"]));
    assert!(inbox.contains("Liisa Korhonen, for you, by mandate"), "{inbox}");
    let verdict = aino.run(&["--plain", "verify", written]).ok().out;
    assert!(verdict.contains("by mandate until"), "{verdict}");
    // She ends what her daughter showed somebody whom she does not know herself.
    aino.run(&["revoke", "Dr Virtanen"]).ok();
    sync(&[&gp, &liisa]);
    assert_eq!(gp.run(&["read", &heart]).code, 3);
    let who = rows(&liisa, &[FOR_AINO, "who"]);
    assert!(who.iter().all(|g| g["state"] == "revoked"), "{who:?}");
    // And what is new in reach comes to the daughter by itself.
    let later = note(&aino, "Echo: no change", "heart");
    note(&aino, "Therapy, third session", "psychiatry");
    sync(&[&aino, &liisa]);
    let inbox = texts(&rows(&liisa, &[FOR_AINO, "inbox"]));
    assert!(inbox.contains(&later) && !inbox.contains("psychiatry"), "{inbox}");
}

#[test]
fn a_mandate_that_was_ended_goes_on_opening_doors() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = start(folder.path()) else { return };
    let Family {
        aino,
        liisa,
        gp,
        daughter,
        doctor,
    } = family(&relay);
    let heart = note(&aino, "ECG: sinus rhythm", "heart");
    aino.run(&[
        "mandate",
        "give",
        &daughter,
        "--may",
        "share,read",
        "--scope",
        "heart",
        "--until",
        "1y",
        "--yes",
    ])
    .ok();
    sync(&[&liisa, &aino]);
    let share = [
        FOR_AINO,
        "share",
        &heart,
        "--with",
        &doctor,
        "--until",
        "revoked",
        "--why",
        "follow-up",
        "--yes",
    ];
    let shared = liisa.run(&share).ok();
    assert!(shared.err.contains("It ends with the mandate"), "{}", shared.err);
    sync(&[&gp, &liisa, &aino]);
    assert_eq!(rows(&gp, &["inbox"]).len(), 1);
    // A share is not ended in place of the mandate.
    assert_eq!(refused(&aino, &["revoke", &daughter]), "T-2028");

    // The daughter's program is off; the mother ends it alone, and the doctor is out.
    let ended = one(aino.run(&["--json", "mandate", "end", &daughter]));
    assert_eq!(ended["state"], "ended");
    sync(&[&gp]);
    let out = gp.run(&["read", &heart]);
    assert_eq!(out.code, 3, "{}{}", out.out, out.err);
    let who = rows(&aino, &["who"]);
    assert!(who.iter().all(|g| g["state"] == "revoked"), "{who:?}");

    // The daughter is out as well, and told why.
    sync(&[&liisa, &aino]);
    for call in [
        vec![FOR_AINO, "inbox"],
        vec![FOR_AINO, "read", &heart],
        share.to_vec(),
    ] {
        assert_eq!(refused(&liisa, &call), "T-2024", "{call:?}");
    }
    let listed = rows(&liisa, &["mandate", "list"]);
    assert_eq!(
        (listed[0]["state"].as_str(), listed[0]["documents"].as_u64()),
        (Some("ended"), Some(0))
    );
    assert!(
        liisa.run(&["read", &heart]).code != 0,
        "what she was shown is gone from here"
    );
    // Ended once is ended.
    assert_eq!(refused(&aino, &["mandate", "end", &daughter]), "T-6010");
}
