//! Care teams at the command line: a ward's day, and what is refused. The real binaries, a real relay.
#![allow(clippy::unwrap_used)]

use crate::clock;
use crate::common;
use crate::desk;
use crate::people;
use crate::ward;

use clock::Clock;
use common::{Ran, ran};
use desk::{soon, turn, turn_of};
use people::{joined, meet, one, sync};
use serde_json::Value;
use ward::{Ward, stands, states};

#[test]
fn a_wards_day_at_the_command_line_lets_somebody_see_more_or_less_than_the_patient_granted() {
    let Some(ward) = Ward::open() else { return };
    let (hospital, aino) = (&ward.hospital, &ward.aino);
    let (maria, maria_there) = ward.staff("Maria Heikkinen");
    let (pekka, pekka_there) = ward.staff("Pekka Niemi");
    let (kim, kim_there) = ward.staff("Kim Virta");
    let none = aino.run(&["team", "list"]).ok();
    assert!(
        none.out.is_empty() && none.err.contains("no team"),
        "{}",
        none.err
    );

    // The roster: published, shown to whoever knows the hospital, and a file again.
    let published = ward.publish(&[turn(&maria_there, "nurse")], &[]).ok();
    assert!(
        published.err.contains("edition 1: 1 turns in all"),
        "{}",
        published.err
    );
    sync(&[aino, &maria]);
    let shown = one(aino.run(&["--json", "team", "roster", "show"]));
    assert_eq!(
        (
            shown["name"].as_str(),
            shown["role"].as_str(),
            shown["place"].as_str(),
            shown["source"].as_str()
        ),
        (
            Some("Maria Heikkinen"),
            Some("nurse"),
            Some("ward-4b"),
            Some("shift")
        )
    );
    let file = hospital.run(&["team", "roster", "export", "ward-4b"]).ok().out;
    std::fs::write(hospital.path("again.toml"), &file).unwrap();
    assert!(file.contains(&format!("person = \"{maria_there}\"")), "{file}");
    hospital.run(&["team", "roster", "publish", "again.toml"]).ok();
    assert_eq!(
        hospital.run(&["team", "roster", "export", "ward-4b"]).ok().out,
        file
    );

    // The grant: who it means is said before.
    std::fs::write(aino.path("ecg.txt"), "Sinus rhythm").unwrap();
    std::fs::write(aino.path("diary.txt"), "Not for them").unwrap();
    let ecg = one(aino.run(&["--json", "add", "ecg.txt", "--scope", "heart"]))["id"].clone();
    let ecg = ecg.as_str().unwrap();
    let diary = one(aino.run(&["--json", "add", "diary.txt", "--scope", "psychiatry"]))["id"].clone();
    let diary = diary.as_str().unwrap();
    let share = [
        "share",
        "scope:heart",
        "--with",
        "nurse@hospital-a",
        "--until",
        "7d",
        "--why",
        "operation",
        "--yes",
    ];
    let granted = aino.run(&share).ok();
    assert!(
        granted
            .err
            .contains("On duty as nurse at Hospital A now: Maria Heikkinen.")
            && granted.err.contains("Not: psychiatry (1)."),
        "{}",
        granted.err
    );
    let all = [aino, hospital, &maria];
    stands(&all, &maria, "I sit there");
    soon("she cannot read it", || {
        sync(&all);
        (maria.run(&["read", ecg]).code == 0).then_some(())
    });
    assert_eq!(maria.run(&["read", diary]).code, 5);
    let team = maria.run(&["team", "show", "Aino"]).ok();
    assert!(
        team.err.contains("Aino Korhonen: heart for nurse at Hospital A") && team.out.contains("patient"),
        "{}\n{}",
        team.err,
        team.out
    );
    std::fs::write(maria.path("note.txt"), "Slept well").unwrap();
    let note = one(maria.run(&["--json", "team", "write", "Aino", "note.txt"]))["id"].clone();
    let note = note.as_str().unwrap();
    soon("the patient does not get the note", || {
        sync(&[&maria, aino]);
        (aino.run(&["read", note]).code == 0).then_some(())
    });
    let nobody = maria.run(&["--json", "team", "write", "Helmi", "note.txt"]);
    assert_eq!(nobody.code, 5, "{}", nobody.err);

    // The change of shift, and an agency nurse whom somebody has approved. Aino's phone is off.
    let agency = format!(
        "{}source = \"agency\"\napproved-by = \"{pekka_there}\"\n",
        turn(&kim_there, "nurse")
    );
    ward.publish(
        &[
            turn(&maria_there, "nurse"),
            turn(&pekka_there, "nurse"),
            agency.clone(),
        ],
        &[],
    )
    .ok();
    let all = [hospital, &maria, &pekka, &kim];
    stands(&all, &pekka, "I sit there");
    stands(&all, &kim, "I sit there");
    ward.publish(&[turn(&pekka_there, "nurse"), agency], &[]).ok();
    stands(&[hospital, &pekka, &kim, &maria], &maria, "I am called there");
    let over = maria.run(&["--json", "read", ecg]);
    assert_eq!(
        (over.code, over.error()["error"].as_str()),
        (3, Some("T-2003")),
        "{}",
        over.err
    );
    let plan = pekka.run(&["--json", "team", "roster", "show"]).ok().json();
    let kims = plan.iter().find(|r| r["name"] == "Kim Virta").unwrap();
    assert_eq!(
        (kims["source"].as_str(), kims["approved_by"].is_string()),
        (Some("agency"), true)
    );
    for home in [&pekka, &kim] {
        soon("what is shown does not come", || {
            sync(&all);
            (home.run(&["read", ecg]).code == 0).then_some(())
        });
    }
    // Her own note stays hers.
    assert_eq!(maria.run(&["read", note]).ok().out.trim(), "Slept well");

    // Aino looks: who came and went, who sits there, who can see what.
    sync(&[aino]);
    let log = aino.run(&["log"]).ok().out;
    for words in [
        "Maria Heikkinen let out by Pekka Niemi",
        "Kim Virta let in by Maria Heikkinen",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
    let show = aino.run(&["--json", "team", "show", "Aino"]).ok().json();
    let names: Vec<&str> = show.iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let who: Vec<Value> = aino.run(&["--json", "who"]).ok().json();
    assert!(
        who.iter()
            .any(|g| g["who"].as_str().unwrap_or_default().contains("Pekka")),
        "{who:?}"
    );

    // The end, by her word: nobody is served, and it cannot be ended twice.
    let ended = one(aino.run(&["--json", "revoke", "nurse@hospital-a"]));
    assert_eq!(ended["ended"], 1);
    stands(&[aino, hospital, &pekka], &pekka, "over");
    assert_eq!(aino.run(&["revoke", "nurse@hospital-a"]).code, 5);
    assert_eq!(pekka.run(&["read", ecg]).code, 3);
    assert_eq!(states(aino), ["over"]);
}

#[test]
fn a_bad_roster_is_published_or_refused_in_words_that_do_not_help() {
    let Some(ward) = Ward::open() else { return };
    let (hospital, aino) = (&ward.hospital, &ward.aino);
    let (_maria, maria) = ward.staff("Maria Heikkinen");
    let refused = |ran: Ran, code: i32, words: &str| {
        assert_eq!(ran.code, code, "{}\n{}", ran.out, ran.err);
        let said = ran.error()["words"].as_str().unwrap().to_owned();
        assert!(said.contains(words), "{said}");
    };
    let none = aino.run(&["team", "roster", "show"]).ok();
    assert!(none.err.contains("no roster is known here"), "{}", none.err);
    let missing = hospital.run(&["--json", "team", "roster", "publish", "nowhere.toml"]);
    assert_eq!(missing.code, 8, "{}", missing.err);
    assert_eq!(hospital.run(&["team", "roster", "export", "ward-4b"]).code, 5);

    refused(ward.publish(&["[[turn]\n".into()], &[]), 2, "line 2: ");
    refused(
        ward.publish(&["colour = \"red\"\n".into()], &[]),
        2,
        "line 2: unknown field `colour`",
    );
    let twice = [turn(&maria, "nurse"), turn_of(&maria, "nurse", 60, 7200)];
    refused(ward.publish(&twice, &[]), 2, "two turns as nurse overlap");
    refused(
        ward.publish(&[turn_of(&maria, "nurse", 7200, 60)], &[]),
        2,
        "ends before it begins",
    );
    refused(
        ward.publish(&[turn_of(&maria, "nurse", -7200, -60)], &[]),
        2,
        "every turn in it is over",
    );
    refused(
        ward.publish(&[turn("nobody-here", "nurse")], &[]),
        5,
        "nobody-here is no contact",
    );
    refused(
        ward.publish(&[turn(&maria, "nurse")], &["--good", "2020-01-01"]),
        2,
        "in the past",
    );
    let local = turn(&maria, "nurse").replace('Z', "");
    refused(ward.publish(&[local], &[]), 2, "offset");
    let source = format!("{}source = \"friend\"\n", turn(&maria, "nurse"));
    refused(
        ward.publish(&[source], &[]),
        2,
        "source is one of shift, consult, cover, agency",
    );
    // Nothing of all that was made an edition.
    assert!(
        aino.run(&["--json", "team", "roster", "show"])
            .ok()
            .out
            .is_empty()
    );

    // A machine whose clock is days off must not say who is on duty.
    if let Some(clock) = Clock::build(ward.folder.path()) {
        let text = format!(
            "place = \"ward-4b\"\n{}",
            turn_of(&maria, "nurse", 0, 9 * 24 * 3600)
        );
        std::fs::write(hospital.path("ward.toml"), text).unwrap();
        let call = ["--json", "team", "roster", "publish", "ward.toml"];
        let ahead = clock.ahead(3 * 24 * 3600);
        refused(
            ran(hospital.command(&call).envs(ahead).output().unwrap()),
            8,
            "clock",
        );
    }

    // An old turn beside one to come is left out, and named.
    let both = [turn_of(&maria, "nurse", -9000, -7200), turn(&maria, "nurse")];
    let good = ward.publish(&both, &[]).ok();
    assert!(
        good.err.contains("left out, because over") && good.err.contains("edition 1: 1 turns"),
        "{}",
        good.err
    );
    sync(&[aino]);

    // Grants: to a role that is there, at an organisation that is known, of scopes, with something in them.
    std::fs::write(aino.path("ecg.txt"), "Sinus rhythm").unwrap();
    aino.run(&["add", "ecg.txt", "--scope", "heart"]).ok();
    let share = |what: &str, with: &str, until: &str| {
        aino.run(&[
            "--json", "share", what, "--with", with, "--until", until, "--why", "x", "--yes",
        ])
    };
    refused(
        share("scope:heart", "nurze@hospital-a", "7d"),
        5,
        "there are: nurse",
    );
    refused(share("scope:heart", "nurse@nowhere", "7d"), 5, "nowhere");
    refused(
        share("scope:knee", "nurse@hospital-a", "7d"),
        5,
        "no document to share",
    );
    refused(share("3f9c", "nurse@hospital-a", "7d"), 2, "scope:NAME");
    refused(
        share("scope:heart", "nurse@hospital-a", "2020-01-01"),
        2,
        "in the past",
    );
    refused(aino.run(&["--json", "team", "show", "nobody"]), 5, "");
    refused(aino.run(&["--json", "revoke", "nurse@hospital-a"]), 5, "");

    // Somebody else's roster says nothing of the hospital's roles.
    let mallory = joined(&ward.relay, "Mallory");
    let her = meet(&mallory, aino, "mallory");
    let me = one(mallory.run(&["--json", "identity", "show"]))["id"]
        .as_str()
        .unwrap()
        .to_owned();
    std::fs::write(
        mallory.path("mine.toml"),
        format!("place = \"ward-4b\"\n{}", turn(&me, "nurse")),
    )
    .unwrap();
    refused(
        mallory.run(&["--json", "team", "roster", "publish", "mine.toml"]),
        5,
        "is no contact",
    );
    std::fs::write(
        mallory.path("mine.toml"),
        format!("place = \"ward-4b\"\n{}", turn(&her, "nurse")),
    )
    .unwrap();
    mallory.run(&["team", "roster", "publish", "mine.toml"]).ok();
    sync(&[aino]);
    let rows = aino.run(&["--json", "team", "roster", "show"]).ok().json();
    let of = |at: &str| rows.iter().filter(|r| r["at"] == at).count();
    assert_eq!((of("Hospital A"), of("Mallory")), (1, 1), "{rows:?}");
}
