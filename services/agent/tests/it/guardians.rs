//! Standing in for somebody within bounds: parents of an adolescent, a mandate that sleeps, a
//! court's, and one whose days are over. The real binaries, a real relay.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::clock;
use crate::common;
use crate::family;
use crate::people;

use clock::Clock;
use common::ran;
use family::{FOR_AINO, Family, family, note, refused, rows, start, texts};
use people::{joined, meet, sync};

#[test]
fn a_mandate_goes_on_after_its_last_day() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = start(folder.path()) else { return };
    let Some(clock) = Clock::build(folder.path()) else {
        return;
    };
    let Family {
        aino,
        liisa,
        daughter,
        doctor,
        ..
    } = family(&relay);
    let heart = note(&aino, "ECG: sinus rhythm", "heart");
    aino.run(&[
        "mandate",
        "give",
        &daughter,
        "--may",
        "share,read",
        "--until",
        "30d",
        "--yes",
    ])
    .ok();
    sync(&[&liisa, &aino]);
    let later = |arguments: &[&str]| {
        let mut command = liisa.command(&[&["--json", "--wait", "0s"], arguments].concat());
        let answer = ran(command.envs(clock.ahead(31 * 24 * 3600)).output().unwrap());
        answer.error()["error"].as_str().unwrap().to_owned()
    };
    assert_eq!(later(&[FOR_AINO, "inbox"]), "T-2023");
    assert_eq!(later(&[FOR_AINO, "read", &heart]), "T-2023");
    let share = [
        FOR_AINO, "share", &heart, "--with", &doctor, "--until", "40d", "--why", "x", "--yes",
    ];
    assert_eq!(later(&share), "T-2023");
    let other = [
        "--as", &doctor, "share", &heart, "--with", "aino", "--until", "1d", "--why", "x", "--yes",
    ];
    assert_eq!(refused(&liisa, &other), "T-2020", "wrong subject");
}

#[test]
fn a_parent_reads_in_the_log_that_psychiatry_was_opened() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = start(folder.path()) else { return };
    let child = joined(&relay, "Elias Korhonen");
    let parent = joined(&relay, "Mika Korhonen");
    let gp = joined(&relay, "Dr Virtanen");
    let father = meet(&child, &parent, "elias");
    let doctor = meet(&child, &gp, "elias");
    let asthma = note(&child, "Peak flow 410", "lungs");
    let mood = note(&child, "Anxious at school", "psychiatry");
    // Until the birthday, in two scopes.
    child
        .run(&[
            "mandate",
            "give",
            &father,
            "--may",
            "read,revoke",
            "--scope",
            "lungs",
            "--scope",
            "allergies",
            "--until",
            "2099-03-14",
            "--yes",
        ])
        .ok();
    // One grant reaches beyond the mandate; its reason is nobody's but the child's.
    let share = [
        "share",
        &asthma,
        &mood,
        "--with",
        &doctor,
        "--until",
        "revoked",
        "--why",
        "panic attacks",
        "--yes",
    ];
    child.run(&share).ok();
    sync(&[&gp, &child, &parent]);
    gp.run(&["read", &asthma]).ok();
    gp.run(&["read", &mood]).ok();
    sync(&[&gp, &child, &parent, &child, &parent]);

    let whole = texts(&rows(&child, &["log"]));
    assert!(
        whole.contains("Dr Virtanen: lungs.txt") && whole.contains("Dr Virtanen: psychiatry.txt"),
        "{whole}"
    );
    let log = rows(&parent, &["--as=elias", "log"]);
    let cut = texts(&log);
    assert!(cut.contains("opened by Dr Virtanen: lungs.txt"), "{cut}");
    assert!(!cut.contains("psychiatry") && !cut.contains(&mood), "{cut}");
    assert!(
        log.iter().all(|line| line["document"] == asthma.as_str()),
        "{cut}"
    );
    let who = texts(&rows(&parent, &["--as=elias", "who"]));
    assert!(
        who.contains("lungs.txt") && !who.contains("psychiatry") && !who.contains(&mood),
        "{who}"
    );
    assert!(!who.contains("panic"), "what a wider grant is for: {who}");
    let inbox = texts(&rows(&parent, &["--as=elias", "inbox"]));
    assert!(inbox.contains(&asthma) && !inbox.contains(&mood), "{inbox}");
    // Nothing of it is anywhere in what the parent's program can show.
    for call in [
        vec!["inbox"],
        vec!["list"],
        vec!["log", "--all"],
        vec!["who"],
        vec!["sent"],
    ] {
        let shown = texts(&rows(&parent, &call));
        assert!(
            !shown.contains("psychiatry") && !shown.contains(&mood),
            "{call:?}: {shown}"
        );
    }
    let share = [
        "--as=elias",
        "share",
        &asthma,
        "--with",
        "elias",
        "--until",
        "1d",
        "--why",
        "x",
        "--yes",
    ];
    assert_eq!(refused(&parent, &share), "T-2021", "a power that was not given");

    // What the child granted himself is ended by a device of his: said at the call, done later.
    let revoke = parent.run(&[
        "--wait",
        "1s",
        "--as=elias",
        "revoke",
        "Dr Virtanen",
        "scope:lungs",
    ]);
    assert_eq!(revoke.code, 6, "{}", revoke.err);
    assert!(
        revoke.err.contains("when a device of theirs is next on"),
        "{}",
        revoke.err
    );
    assert_eq!(
        refused(
            &parent,
            &["--as=elias", "revoke", "Dr Virtanen", "scope:psychiatry"]
        ),
        "T-2022"
    );
    sync(&[&parent, &child, &gp, &child, &parent]);
    assert_eq!(
        gp.run(&["read", &asthma]).code,
        3,
        "ended by the child's own device"
    );
    gp.run(&["read", &mood]).ok();
    let who = rows(&parent, &["--as=elias", "who"]);
    assert!(who.iter().all(|g| g["state"] == "revoked"), "{who:?}");
}

#[test]
fn a_sleeping_mandate_opens_before_anybody_attests_what_it_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = start(folder.path()) else { return };
    let Family {
        aino,
        liisa,
        gp,
        daughter,
        ..
    } = family(&relay);
    let doctor = meet(&aino, &gp, "aino");
    let heart = note(&aino, "ECG: sinus rhythm", "heart");
    let give = [
        "mandate",
        "give",
        &daughter,
        "--may",
        "read,share",
        "--until",
        "10y",
        "--dormant-until-attested",
        "incapacity",
        "--yes",
    ];
    let given = aino.run(&give).ok();
    assert!(
        given.err.contains("sleeps until incapacity is attested") && given.err.contains("one must be on"),
        "{}",
        given.err
    );
    sync(&[&liisa, &aino]);
    assert_eq!(refused(&liisa, &[FOR_AINO, "inbox"]), "T-2025");
    assert_eq!(rows(&liisa, &["mandate", "list"])[0]["state"], "sleeps");
    assert!(rows(&liisa, &["inbox"]).is_empty(), "nothing was shown");
    // Somebody attests it whose word Aino does not take: nothing wakes.
    gp.run(&["attest", "give", "aino", "incapacity", "--until", "1y"])
        .ok();
    sync(&[&gp, &aino, &liisa]);
    assert_eq!(refused(&liisa, &[FOR_AINO, "inbox"]), "T-2025");
    // She does take her doctor's, and so does the daughter.
    aino.run(&["trust", "add", &doctor, "--for", "incapacity"]).ok();
    let theirs = rows(&liisa, &["contacts"]);
    let theirs = theirs.iter().find(|c| c["name"] == "Dr Virtanen").unwrap();
    liisa
        .run(&[
            "trust",
            "add",
            theirs["who"].as_str().unwrap(),
            "--for",
            "incapacity",
        ])
        .ok();
    sync(&[&aino, &liisa, &aino, &liisa]);
    let inbox = rows(&liisa, &[FOR_AINO, "inbox"]);
    assert_eq!(inbox.len(), 1, "{inbox:?}");
    assert_eq!(inbox[0]["id"], heart);
}

#[test]
fn a_courts_mandate_counts_although_nobody_trusts_the_court() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = start(folder.path()) else { return };
    let Family {
        aino,
        liisa,
        daughter,
        ..
    } = family(&relay);
    let court = joined(&relay, "District court");
    let at_aino = meet(&court, &aino, "court");
    let at_liisa = meet(&court, &liisa, "court");
    note(&aino, "ECG: sinus rhythm", "heart");
    court
        .run(&[
            "mandate", "give", &at_liisa, "--for", &at_aino, "--may", "read", "--until", "1y", "--yes",
        ])
        .ok();
    sync(&[&court, &aino, &liisa]);
    assert_eq!(refused(&liisa, &[FOR_AINO, "inbox"]), "T-7020");
    assert_eq!(rows(&aino, &["mandate", "list"])[0]["error"], "T-7020");
    assert!(rows(&liisa, &["inbox"]).is_empty());
    for home in [&aino, &liisa] {
        home.run(&["trust", "add", "court", "--for", "mandate"]).ok();
    }
    sync(&[&aino, &liisa, &aino, &liisa]);
    assert_eq!(rows(&liisa, &[FOR_AINO, "inbox"]).len(), 1);
    // Aino cannot end what the court gave; the court can, and everything closes.
    assert_eq!(refused(&aino, &["mandate", "end", &daughter]), "T-2029");
    court.run(&["mandate", "end", &at_liisa]).ok();
    sync(&[&aino, &liisa]);
    assert_eq!(refused(&liisa, &[FOR_AINO, "inbox"]), "T-2024");
}
