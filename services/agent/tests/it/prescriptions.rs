//! Prescriptions through the real binaries: what is drawn, what is refused, and what is said.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::people;
use crate::relay;
use crate::rx;
use crate::scan;

use people::{one, sync};
use rx::{Scene, refused};

macro_rules! scene {
    ($folder:expr, $($name:literal),*) => {
        match Scene::set($folder, &[$($name),*]) {
            Some(scene) => scene,
            None => {
                eprintln!("not run: telesphor-relay is not built");
                return;
            }
        }
    };
}

/// Every file of a folder, read whole.
fn files(folder: &std::path::Path, into: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.is_file() {
            into.extend(std::fs::read(&path));
        }
    }
}

#[test]
fn more_is_handed_over_than_was_prescribed() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = scene!(folder.path(), "Corner pharmacy", "Station pharmacy");
    let rx = scene.prescribe(&["--amount", "30"]);

    // Everything but what is left is found with no network.
    scene.ticket(&rx, 0, "14");
    let offline = one(scene
        .pharmacy(0)
        .run(&["--json", "rx", "check", &rx, "--offline"]));
    assert_eq!(
        (offline["genuine"].as_bool(), &offline["remaining"]),
        (Some(true), &serde_json::Value::Null)
    );
    let words = scene.pharmacy(0).run(&["rx", "check", &rx, "--offline"]).ok().out;
    assert!(
        words.contains("licensed physician") && words.contains("Amoxicillin"),
        "{words}"
    );
    assert_eq!(scene.left(&rx, 0)["free"], 30);

    // Two pharmacies at the same moment: each gets its own, and together no more than there is.
    scene.ticket(&rx, 1, "20");
    let first = one(scene.reserve(&rx, 0, "14"));
    assert_eq!(
        (first["state"].as_str(), first["remaining"]["free"].as_u64()),
        (Some("reserved"), Some(16))
    );
    let second = scene.reserve(&rx, 1, "20");
    assert_eq!(refused(&second), (9, "T-3031".to_owned()));
    assert!(
        second.err.contains("16 capsules; 14 capsules set aside until"),
        "{}",
        second.err
    );
    let filled = one(scene.fill(&rx, 0, "14"));
    assert_eq!(
        (
            filled["state"].as_str(),
            filled["remaining"]["dispensed"].as_u64()
        ),
        (Some("handed-over"), Some(14))
    );

    // The same command again hands nothing over a second time.
    let again = scene.fill(&rx, 0, "14");
    assert_eq!(refused(&again), (3, "T-3042".to_owned()));
    assert!(again.err.contains("handed over at"), "{}", again.err);
    assert_eq!(scene.left(&rx, 1)["free"], 16);

    // The rest elsewhere, over a kill of the relay in between; then nothing is left.
    scene.ticket(&rx, 1, "16");
    one(scene.reserve(&rx, 1, "16"));
    scene.relay.stop();
    scene.relay.serve();
    let rest = one(scene.fill(&rx, 1, "16"));
    assert_eq!(
        (
            rest["remaining"]["free"].as_u64(),
            rest["remaining"]["dispensed"].as_u64()
        ),
        (Some(0), Some(30))
    );
    scene.ticket(&rx, 0, "1");
    assert_eq!(refused(&scene.fill(&rx, 0, "1")), (9, "T-3031".to_owned()));

    // The patient knows, with proofs; and the relay that counted it all knows nothing.
    sync(&[scene.pharmacy(0), scene.pharmacy(1), &scene.aino]);
    let told = scene.told(&scene.aino);
    assert!(
        told.contains("handed over 14 capsules") && told.contains("handed over 16 capsules"),
        "{told}"
    );
    scene.relay.stop();
    let walked = scene.relay.run(&["verify", "--json"]);
    let walked: serde_json::Value = serde_json::from_str(walked.trim()).unwrap();
    assert_eq!(
        (walked["ledger_entries"].as_u64(), walked["ledger_steps"].as_u64()),
        (Some(1), Some(4)),
        "{walked}"
    );
    let mut seen = Vec::new();
    files(&folder.path().join("relay"), &mut seen);
    let known = |command| scene.aino.run(&["--json", "--wait", "0s", command]).out;
    let known =
        scene.aino.run(&["--json", "--wait", "0s", "rx", "list"]).out + &known("contacts") + &known("inbox");
    for planted in [
        "Amoxicillin",
        "Virtanen",
        "Corner",
        "Station",
        "capsules",
        "three times",
    ] {
        let found = seen
            .iter()
            .any(|f| f.windows(planted.len()).any(|w| w == planted.as_bytes()));
        assert!(!found, "{planted} lies on the relay's disk");
        assert!(
            known.contains(planted),
            "{planted} was looked for and is nowhere: {known}"
        );
    }
}

#[test]
fn a_copied_prescription_or_somebody_elses_ticket_is_filled() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene!(folder.path(), "Corner pharmacy", "Station pharmacy");
    let rx = scene.prescribe(&["--amount", "30"]);
    let [one_home, other] = [scene.pharmacy(0), scene.pharmacy(1)];

    // A whole copy with all its proofs, but no ticket: genuine, and worth nothing.
    scene.ticket(&rx, 0, "30");
    one_home.run(&["read", &rx, "--tel", "copy.tel"]).ok();
    let genuine = one_home.run(&["verify", "copy.tel", "--offline"]).ok();
    assert!(
        genuine.out.contains("Dr Virtanen") || genuine.out.contains("genuine"),
        "{}",
        genuine.out
    );
    // The other pharmacy gets the prescription itself, with a ticket that is for another desk.
    let desk = one_home.run(&["rx", "desk"]).ok().out.trim().to_owned();
    scene
        .aino
        .run(&[
            "rx", "ticket", &rx, "--desk", &desk, "--amount", "10", "--output", "ten.rx",
        ])
        .ok();
    for home in [one_home, other] {
        std::fs::copy(scene.aino.path("ten.rx"), home.path("ten.rx")).unwrap();
    }
    let stolen = other.run(&["--json", "rx", "fill", "ten.rx", "--amount", "10", "--yes"]);
    assert_eq!(refused(&stolen), (4, "T-7001".to_owned()));
    let no_ticket = other.run(&["--json", "rx", "fill", &rx, "--amount", "10", "--yes"]);
    assert!([3, 5].contains(&no_ticket.code), "{}", no_ticket.err);
    // Whose desk it is for draws it, once, and not another amount.
    let more = one_home.run(&["--json", "rx", "fill", "ten.rx", "--amount", "11", "--yes"]);
    assert_eq!(refused(&more), (3, "T-3042".to_owned()));
    let drawn = one(one_home.run(&["--json", "rx", "fill", "ten.rx", "--amount", "10", "--yes"]));
    assert_eq!(drawn["state"], "handed-over");
    let replayed = one_home.run(&["--json", "rx", "fill", "ten.rx", "--amount", "10", "--yes"]);
    assert_eq!(refused(&replayed), (3, "T-3042".to_owned()));

    // A file that was changed on the way.
    let mut bytes = std::fs::read(other.path("ten.rx")).unwrap();
    let at = bytes.windows(11).position(|w| w == b"Amoxicillin").unwrap();
    bytes[at] ^= 1;
    std::fs::write(other.path("forged.rx"), bytes).unwrap();
    let forged = other.run(&["--json", "rx", "check", "forged.rx", "--offline"]);
    assert_eq!(forged.code, 4, "{}", forged.err);

    // The patient's own paper is as good as paper: who has it draws, also without being a contact.
    // Printed, it is scanned code by code.
    let sheet = ["--output", "paper.rx", "--sheet", "sheet.svg"];
    scene.aino.run(&[&["rx", "paper", &rx], &sheet[..]].concat()).ok();
    let printed = std::fs::read(scene.aino.path("paper.rx")).unwrap();
    let page = std::fs::read_to_string(scene.aino.path("sheet.svg")).unwrap();
    let mut lines = scan::page(&page);
    assert_eq!(
        lines,
        scanner(&printed),
        "a code says something else in a picture"
    );
    assert_eq!(file_of(&lines), printed);
    lines.reverse();
    std::fs::write(other.path("scanned.txt"), lines[..lines.len() - 1].join("\n")).unwrap();
    let part = other.run(&["--json", "rx", "fill", "scanned.txt", "--amount", "20", "--yes"]);
    assert_eq!(refused(&part), (2, "T-6012".to_owned()), "{}", part.err);
    assert!(part.err.contains("not scanned yet: 1"), "{}", part.err);
    std::fs::write(other.path("scanned.txt"), lines.join("\n")).unwrap();
    let paper = one(other.run(&["--json", "rx", "fill", "scanned.txt", "--amount", "20", "--yes"]));
    assert_eq!(paper["remaining"]["free"], 0);
}

/// The file that the lines of a sheet make, by the words of RFC 9285.
fn file_of(lines: &[String]) -> Vec<u8> {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    let mut file = Vec::new();
    for line in lines {
        let data = line.splitn(5, '/').last().unwrap().strip_suffix('/').unwrap();
        for group in data.as_bytes().chunks(3) {
            let digit = |c: &u8| ALPHABET.iter().position(|known| known == c).unwrap();
            let value = group.iter().rev().fold(0, |n, c| n * 45 + digit(c));
            let bytes = u16::try_from(value).unwrap().to_be_bytes();
            file.extend_from_slice(&bytes[3 - group.len()..]);
        }
    }
    file
}

#[test]
fn a_printed_code_says_something_else_to_a_scanner_than_the_program_does() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = relay::Relay::start(folder.path()) else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let [aino, gp] = ["Aino Korhonen", "Dr Virtanen"].map(|name| people::joined(&relay, name));
    let shown = one(aino.run(&["--json", "identity", "show", "--qr-file", "me.png"]));
    let read = scan::png(&std::fs::read(aino.path("me.png")).unwrap());
    assert_eq!(read.len(), 1);
    let id = shown["id"].as_str().unwrap();
    assert!(
        read[0].starts_with("telesphor:") && read[0].contains(id),
        "{read:?}"
    );
    // An invitation that came off paper is accepted.
    let invited = one(aino.run(&[
        "--json",
        "invite",
        "--for",
        "Dr Virtanen",
        "--qr-file",
        "invitation.svg",
    ]));
    let page = std::fs::read_to_string(aino.path("invitation.svg")).unwrap();
    assert_eq!(scan::page(&page), [invited["link"].as_str().unwrap()]);
    let accepted = one(gp.run(&["--json", "accept", &scan::page(&page)[0]]));
    assert_eq!(
        accepted["words"].as_array().map(Vec::is_empty),
        Some(false),
        "{accepted}"
    );
}

/// What a scanner writes that reads every code of a sheet: made here anew, by the format's own words.
fn scanner(file: &[u8]) -> Vec<String> {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    let mark = telesphor_clinical::sums::sha256(file)[..8].to_ascii_uppercase();
    let of = file.len().div_ceil(1000);
    let base45 = |bytes: &[u8]| -> String {
        let pairs = bytes.chunks(2).flat_map(|pair| {
            let value = pair.iter().fold(0, |n, byte| n * 256 + usize::from(*byte));
            [value % 45, value / 45 % 45, value / 2025][..pair.len() + 1].to_vec()
        });
        pairs.map(|digit| char::from(ALPHABET[digit])).collect()
    };
    let pieces = file.chunks(1000).zip(1..);
    pieces
        .map(|(piece, n)| format!("TELRX1/{mark}/{n}/{of}/{}/", base45(piece)))
        .collect()
}

#[test]
fn a_pharmacy_that_reserves_and_dies_or_a_cancelled_prescription_is_filled() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene!(folder.path(), "Corner pharmacy", "Station pharmacy");
    let rx = scene.prescribe(&["--amount", "30"]);
    scene.ticket(&rx, 0, "30");
    scene.ticket(&rx, 1, "10");
    one(scene.reserve(&rx, 0, "30"));
    let waits = scene.fill(&rx, 1, "10");
    assert_eq!(refused(&waits), (9, "T-3031".to_owned()));
    assert!(
        waits.err.contains("0 capsules; 30 capsules set aside until"),
        "{}",
        waits.err
    );
    // It did not collect: what was set aside goes back, what was handed over does not.
    one(scene.pharmacy(0).run(&["--json", "rx", "return", &rx]));
    one(scene.fill(&rx, 1, "10"));
    let back = scene.pharmacy(1).run(&["--json", "rx", "return", &rx]);
    assert_eq!(refused(&back), (3, "T-3037".to_owned()));
    scene
        .pharmacy(1)
        .run(&["rx", "return", &rx, "--came-back", "Unopened."])
        .ok();

    // Cancelled while a pharmacy has the rest on its counter.
    scene.ticket(&rx, 0, "20");
    one(scene.reserve(&rx, 0, "20"));
    let foreign = scene.aino.run(&["--json", "rx", "cancel", &rx, "--yes"]);
    assert_eq!(refused(&foreign).0, 3, "only its author: {}", foreign.err);
    let ended = scene.doctor.run(&["--plain", "rx", "cancel", &rx, "--yes"]).ok();
    assert!(
        ended
            .out
            .contains("10 capsules had been handed over already; a pharmacy had set 20 capsules aside"),
        "{}",
        ended.out
    );
    let late = scene.fill(&rx, 0, "20");
    assert_eq!(refused(&late), (3, "T-3030".to_owned()));
    sync(&[&scene.doctor, &scene.aino, scene.pharmacy(0), scene.pharmacy(1)]);
    for who in [&scene.aino, scene.pharmacy(0), scene.pharmacy(1)] {
        assert!(
            scene.told(who).contains("cancelled by the prescriber"),
            "{}",
            scene.told(who)
        );
    }
    let check = scene.pharmacy(1).run(&["rx", "check", &rx]);
    assert_eq!(check.code, 3, "{}", check.out);
    assert!(check.out.contains("CANCELLED by the prescriber"), "{}", check.out);
    let inbox = scene.doctor.run(&["inbox"]).ok().out;
    assert!(inbox.contains("Came back"), "{inbox}");
}

#[test]
fn a_prescription_by_somebody_without_a_licence_is_filled() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene!(folder.path(), "Corner pharmacy");
    let good = scene.prescribe(&["--amount", "30"]);
    scene.ticket(&good, 0, "5");
    one(scene.fill(&good, 0, "5"));

    // A friend writes one: genuine, and worth nothing.
    let friend = people::joined(&scene.relay, "Mallory");
    people::meet(&scene.aino, &friend, "aino");
    let said = [
        "--json",
        "--wait",
        "4s",
        "rx",
        "write",
        "aino",
        "--medicine",
        "Oxycodone",
        "--dosage",
        "as you like",
        "--unit",
        "tablets",
        "--amount",
        "99",
    ];
    let mut written = friend.run(&said);
    for _ in 0..8 {
        if written.code != 6 {
            break;
        }
        sync(&[&scene.aino]);
        written = friend.run(&said);
    }
    let bad = one(written)["id"].as_str().unwrap().to_owned();
    sync(&[&friend, &scene.aino]);
    scene.ticket(&bad, 0, "99");
    let refusal = scene.fill(&bad, 0, "99");
    assert_eq!(refused(&refusal), (4, "T-7005".to_owned()));

    // The licence is withdrawn after signing: as of now nothing more is filled on what has no
    // proof of an earlier time, and words say what is proved of what has.
    scene.board.run(&["attest", "withdraw", &scene.licence]).ok();
    sync(&[&scene.board, &scene.doctor, &scene.aino, scene.pharmacy(0)]);
    scene.ticket(&good, 0, "6");
    let after = scene.pharmacy(0).run(&["rx", "check", &good, "--offline"]);
    assert!(
        after.code == 4 || after.out.contains("signed before that ended"),
        "{} {}",
        after.code,
        after.out
    );
}
