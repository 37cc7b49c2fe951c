//! A licence ends, and what was signed under it before stays genuine: proved by the relay's
//! receipt over a stamp, checked by somebody who is offline.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::common;
use crate::people;
use crate::relay;

use common::Home;
use people::{joined, meet, one, sync};
use relay::Relay;
use telesphor_identity::bundle::Bundle;

/// Writes a changed copy of a proof file.
fn changed(home: &Home, from: &str, to: &str, change: impl FnOnce(&mut Bundle)) {
    let mut bundle = Bundle::from_file(&std::fs::read(home.path(from)).unwrap()).unwrap();
    change(&mut bundle);
    std::fs::write(home.path(to), bundle.to_file()).unwrap();
}

fn verdict(home: &Home, what: &str) -> (i32, String) {
    let ran = home.run(&["verify", what, "--offline", "--role", "licensed-physician"]);
    (ran.code, format!("{}{}", ran.out, ran.err))
}

#[test]
fn what_was_stamped_before_a_licence_ended_stays_genuine_and_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = Relay::start(folder.path()) else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let [aino, gp, board] =
        ["Aino Korhonen", "Dr Virtanen", "Medical board"].map(|name| joined(&relay, name));
    meet(&aino, &gp, "aino");
    let doctor = meet(&board, &gp, "board");
    let given = one(board.run(&[
        "--json",
        "attest",
        "give",
        &doctor,
        "licensed-physician",
        "--detail",
        "4711",
        "--until",
        "1y",
    ]));
    board.run(&["identity", "show", "--card", "board.card"]).ok();
    std::fs::copy(board.path("board.card"), aino.path("board.card")).unwrap();
    aino.run(&["trust", "add", "board.card", "--for", "licensed-physician"])
        .ok();
    sync(&[&board, &gp, &aino]);

    // Two notes, each with the proof of its time beside it when `send` returns.
    let mut ids = Vec::new();
    for words in ["Chest pain, no warning signs", "Review in four weeks"] {
        std::fs::write(gp.path("note.txt"), words).unwrap();
        let sent = one(gp.run(&["--json", "send", "aino", "note.txt"]));
        ids.push(sent["id"].as_str().unwrap().to_owned());
    }
    sync(&[&gp, &aino]);
    for (id, file) in ids.iter().zip(["one.tel", "two.tel"]) {
        let read = aino.run(&["read", id, "--tel", file]).ok();
        assert!(
            read.err.contains("proved by domain hospital-a.example"),
            "{}",
            read.err
        );
    }
    let (code, words) = verdict(&aino, &ids[0]);
    assert_eq!(code, 0, "{words}");
    let own = gp.run(&["verify", &ids[0], "--offline"]).ok();
    assert!(
        own.out.contains("proved by domain"),
        "the author's own copy says so too: {}",
        own.out
    );

    let second = Bundle::from_file(&std::fs::read(aino.path("two.tel")).unwrap()).unwrap();
    changed(&aino, "one.tel", "unstamped.tel", |b| b.evidence.clear());
    changed(&aino, "one.tel", "other.tel", |b| b.evidence = second.evidence);
    changed(&aino, "one.tel", "elsewhere.tel", |b| {
        b.evidence[0].domain = "hospital-b.example".parse().unwrap();
    });
    changed(&aino, "one.tel", "forged.tel", |b| {
        b.evidence[0].receipt.head.stamp -= 86_400_000
    });
    let (code, words) = verdict(&aino, "unstamped.tel");
    assert_eq!(code, 0, "while the licence holds no proof is needed: {words}");
    assert!(words.contains("no proof that it was signed before"), "{words}");

    // The licence ends. The board knows nobody but the doctor, whose agent passes the word on.
    board
        .run(&["attest", "withdraw", given["id"].as_str().unwrap()])
        .ok();
    sync(&[&board, &gp, &aino]);
    for genuine in [ids[0].as_str(), "one.tel"] {
        let (code, words) = verdict(&aino, genuine);
        assert_eq!(code, 0, "{genuine}: {words}");
        assert!(
            words.contains("signed before that ended on")
                && words.contains("proved by domain hospital-a.example"),
            "{genuine}: {words}"
        );
    }
    for (file, why) in [
        ("unstamped.tel", "withdrawn"),
        ("other.tel", "withdrawn"),
        ("elsewhere.tel", "withdrawn"),
        ("forged.tel", "withdrawn"),
    ] {
        let (code, words) = verdict(&aino, file);
        assert_eq!(code, 4, "{file}: {words}");
        assert!(words.contains(why), "{file}: {words}");
    }

    // The export carries it: another program, another day, no network.
    aino.run(&["export", "mine"]).ok();
    let files: Vec<_> = std::fs::read_dir(aino.path("mine/documents")).unwrap().collect();
    assert_eq!(files.len(), 2);
    for file in files {
        let bundle = Bundle::from_file(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        assert_eq!(bundle.evidence.len(), 1);
    }
}

#[test]
fn a_note_that_was_signed_while_the_relay_was_away_is_stamped_later_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut relay) = Relay::start(folder.path()) else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let (aino, gp) = people::acquainted(&relay);
    relay.stop();
    std::fs::write(gp.path("note.txt"), "written on a plane").unwrap();
    let sent = gp.run(&["--json", "--wait", "0s", "send", "aino", "note.txt"]);
    let id = sent.json()[0]["id"].as_str().unwrap().to_owned();
    let before = gp.run(&["verify", &id, "--offline"]).ok();
    assert!(
        before.out.contains("no proof that it was signed before"),
        "{}",
        before.out
    );
    relay.serve();
    sync(&[&gp, &aino]);
    for home in [&gp, &aino] {
        let after = home.run(&["verify", &id, "--offline"]).ok();
        assert!(
            after.out.contains("proved by domain hospital-a.example"),
            "{}",
            after.out
        );
    }
}
