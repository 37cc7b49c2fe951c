//! What becomes of documents in care teams: discharged, corrected, taken back. The real binaries, a
//! real relay.
#![allow(clippy::unwrap_used)]

use crate::common;
use crate::desk;
use crate::people;
use crate::ward;

use common::Home;
use desk::{soon, turn};
use people::{joined, meet, one, sync};
use ward::{Ward, stands, states};

#[test]
fn a_discharge_needs_the_patient_or_loses_who_wrote_what() {
    let Some(ward) = Ward::open() else { return };
    let (hospital, aino) = (&ward.hospital, &ward.aino);
    let (maria, maria_there) = ward.staff("Maria Heikkinen");
    let (laine, laine_there) = ward.staff("Dr Laine");
    let turns = [turn(&maria_there, "nurse"), turn(&laine_there, "cardiologist")];
    ward.publish(&turns, &[]).ok();
    sync(&[aino, &maria, &laine]);
    let mut ids = Vec::new();
    for (text, scope) in [
        ("Sinus rhythm", "heart"),
        ("Nuts", "allergies"),
        ("Diary", "psychiatry"),
    ] {
        std::fs::write(aino.path("one.txt"), text).unwrap();
        let added = one(aino.run(&["--json", "add", "one.txt", "--scope", scope]));
        ids.push(added["id"].as_str().unwrap().to_owned());
    }

    // One grant, each role what it needs; a slip in one of them grants nothing.
    let share = |roles: &[&str]| {
        let end = [
            "--with",
            "hospital-a",
            "--until",
            "7d",
            "--why",
            "operation",
            "--yes",
        ];
        aino.run(&[&["--json", "share"], roles, &end[..]].concat())
    };
    let slip = share(&["nurse=heart,allergies", "cardiolog=heart"]);
    assert_eq!(slip.code, 5, "{}", slip.err);
    assert_eq!(share(&["nurse=heart", "scope:allergies"]).code, 2);
    assert!(states(aino).is_empty());
    let granted = share(&["nurse=heart,allergies", "cardiologist=heart"]).ok();
    assert_eq!(granted.json().len(), 2, "{}", granted.out);
    let all = [aino, hospital, &maria, &laine];
    stands(&all, &maria, "I sit there");
    stands(&all, &laine, "I sit there");
    for (home, id) in [(&maria, &ids[0]), (&maria, &ids[1]), (&laine, &ids[0])] {
        soon("what was granted does not come", || {
            sync(&all);
            (home.run(&["read", id]).code == 0).then_some(())
        });
    }
    assert_eq!(laine.run(&["read", &ids[1]]).code, 5);
    assert_eq!(maria.run(&["read", &ids[2]]).code, 5);
    std::fs::write(maria.path("note.txt"), "Wound is dry").unwrap();
    let note = one(maria.run(&["--json", "team", "write", "Aino", "note.txt"]))["id"].clone();
    let note = note.as_str().unwrap();
    soon("the patient does not get the note", || {
        sync(&[&maria, aino]);
        (aino.run(&["read", note]).code == 0).then_some(())
    });

    // From here on her phone is off.
    let ended = one(hospital.run(&[
        "--json",
        "team",
        "discharge",
        &ward.aino_there,
        "--why",
        "went home",
    ]));
    assert_eq!(
        (ended["ended"].as_u64(), ended["told"].as_u64()),
        (Some(2), Some(2))
    );
    let staff = [hospital, &maria, &laine];
    stands(&staff, &maria, "over");
    stands(&staff, &laine, "over");
    let gone = maria.run(&["--json", "read", &ids[0]]);
    assert_eq!(
        (gone.code, gone.error()["error"].as_str()),
        (3, Some("T-2003")),
        "{}",
        gone.err
    );
    assert_eq!(laine.run(&["read", &ids[0]]).code, 3);
    assert_eq!(hospital.run(&["team", "discharge", &ward.aino_there]).code, 5);

    // The hospital has the note and can prove who wrote it, without asking anybody.
    soon("the note does not come", || {
        sync(&[&maria, hospital]);
        (hospital.run(&["read", note]).code == 0).then_some(())
    });
    let proved = one(hospital.run(&["--json", "verify", note, "--offline"]));
    assert_eq!(proved["genuine"], true, "{proved}");
    assert!(proved.to_string().contains("Maria"), "{proved}");
    assert_eq!(
        hospital.run(&["read", &ids[0]]).code,
        5,
        "nothing of hers but the notes"
    );

    // She looks: what ended, and by whom. She keeps everything.
    soon("she does not learn of it", || {
        sync(&[aino]);
        (states(aino) == ["over", "over"]).then_some(())
    });
    let log = aino.run(&["log"]).ok().out;
    assert!(log.contains("discharged") && log.contains("went home"), "{log}");
    let team = aino.run(&["--json", "team", "list"]).ok().json();
    assert!(team.iter().all(|t| t["discharged"].is_string()), "{team:?}");
    for id in ids.iter().map(String::as_str).chain([note]) {
        aino.run(&["read", id]).ok();
    }
    assert_eq!(
        aino.run(&["revoke", "@hospital-a"]).code,
        5,
        "nothing is left to end"
    );
}

#[test]
fn a_correction_stops_where_a_document_was_passed_on_or_shown_to_a_team() {
    let Some(ward) = Ward::open() else { return };
    let (hospital, aino) = (&ward.hospital, &ward.aino);
    let (maria, maria_there) = ward.staff("Maria Heikkinen");
    let gp = joined(&ward.relay, "Dr Virtanen");
    meet(aino, &gp, "aino");
    let helmi = joined(&ward.relay, "Helmi Korhonen");
    let helmi_there = meet(aino, &helmi, "aino");
    ward.publish(&[turn(&maria_there, "nurse")], &[]).ok();
    std::fs::write(gp.path("old.txt"), "Bisoprolol 50 mg").unwrap();
    let sent = gp.run(&["--json", "send", "aino", "old.txt", "--scope", "heart"]);
    let sent = one(sent)["id"].as_str().unwrap().to_owned();
    sync(&[aino, &maria]);
    aino.run(&["send", &helmi_there, &sent]).ok();
    std::fs::write(aino.path("mine.txt"), "Pulse 72").unwrap();
    let mine = one(aino.run(&["--json", "add", "mine.txt", "--scope", "heart"]))["id"].clone();
    let mine = mine.as_str().unwrap().to_owned();
    aino.run(&[
        "share",
        "scope:heart",
        "--with",
        "nurse@hospital-a",
        "--until",
        "7d",
        "--why",
        "operation",
        "--yes",
    ])
    .ok();
    let all = [aino, hospital, &maria];
    soon("the nurse does not get it", || {
        sync(&all);
        (maria.run(&["read", &mine]).code == 0).then_some(())
    });
    // The proof of its time has followed it, too.
    for (home, id) in [(&maria, &mine), (&helmi, &sent)] {
        soon("nothing proves when it was signed", || {
            sync(&[&gp, aino, hospital, home]);
            let verdict = home.run(&["--json", "verify", id, "--offline"]);
            verdict.out.contains("proved by").then_some(())
        });
    }

    // The doctor corrects his, and does not know Helmi; Aino corrects hers.
    let amend = |home: &Home, id: &str, text: &str| {
        std::fs::write(home.path("new.txt"), text).unwrap();
        one(home.run(&["--json", "amend", id, "new.txt"]))["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let standing = |home: &Home, id: &str| {
        let rows = home.run(&["--json", "inbox"]).ok().json();
        rows.into_iter()
            .find(|r| r["id"] == id)
            .map(|r| r["standing"].clone())
    };
    let corrected = [
        (&helmi, &gp, &sent, amend(&gp, &sent, "Bisoprolol 5 mg")),
        (&maria, aino, &mine, amend(aino, &mine, "Pulse 27")),
    ];
    for (home, author, old, new) in &corrected {
        soon("the correction does not come", || {
            sync(&[&gp, aino, hospital, home]);
            (home.run(&["read", new]).code == 0).then_some(())
        });
        assert_eq!(standing(home, old).unwrap(), "replaced");
        author.run(&["retract", new, "--why", "error", "--yes"]).ok();
        soon("it can still be read", || {
            sync(&[&gp, aino, hospital, home]);
            let read = home.run(&["--json", "read", new]);
            (read.code == 3 && read.error()["error"] == "T-6041").then_some(())
        });
    }

    // A nurse's own note in the team: corrected there for everybody, and listed who had it.
    std::fs::write(maria.path("note.txt"), "Left knee").unwrap();
    let note = one(maria.run(&["--json", "team", "write", "Aino", "note.txt"]))["id"].clone();
    let note = note.as_str().unwrap();
    soon("the patient does not get the note", || {
        sync(&[&maria, aino]);
        (aino.run(&["read", note]).code == 0).then_some(())
    });
    std::fs::write(maria.path("note.txt"), "Right knee").unwrap();
    maria.run(&["amend", note, "note.txt"]).ok();
    soon("the note is not corrected", || {
        sync(&[&maria, aino]);
        (standing(aino, note)? == "replaced").then_some(())
    });
    let back = maria
        .run(&["--json", "retract", note, "--why", "error", "--yes"])
        .ok();
    assert!(back.json().iter().any(|r| r["told"] == true), "{}", back.out);
    soon("the note is not taken back", || {
        sync(&[&maria, aino]);
        (standing(aino, note)? == "taken-back").then_some(())
    });
}
