//! Somebody collects her record from a hospital where she was treated before, with the real programs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::between;

use between::{NEVER, Pair, Person, acquaint, meet, sync, until};

#[test]
fn a_record_at_another_hospital_is_asked_for_in_vain() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::joined(folder.path(), NEVER);
    let former = Person::of(&pair.a.relay, folder.path(), "Dr Rautio");
    let colleague = Person::of(&pair.a.relay, folder.path(), "Dr Laine");
    let aino = Person::of(&pair.b.relay, folder.path(), "Aino Korhonen");
    acquaint(&aino, &former);
    let who = aino.run(&["contacts"]).one()["who"].as_str().unwrap().to_owned();
    // One was told her then; one was written about her and never was.
    former.send("aino", "Old ECG").ok();
    std::fs::write(former.path("about.txt"), "An observation, in full").unwrap();
    let beside = meet(&former, &colleague, "rautio");
    former
        .run(&[
            "send",
            &beside,
            "about.txt",
            "--title",
            "About her",
            "--about",
            "aino",
        ])
        .ok();
    sync(&[&former, &colleague, &aino]);

    // Asked while the line is cut: it waits, and is answered when somebody there says so.
    pair.line.cut();
    aino.run(&["--wait", "1s", "gather", "ask", &who, "--why", "moving"]);
    pair.line.join();
    until("it is asked", || {
        aino.run(&["--wait", "2s", "sync"]);
        let waiting = former.words(&["gather", "list"]).out;
        waiting
            .contains("asks for all about him: 2 documents")
            .then_some(())
    });
    former.run(&["gather", "answer", "aino"]).ok();
    let answered = until("all of it is here", || {
        former.run(&["--wait", "2s", "sync"]);
        let rows = aino.run(&["--wait", "2s", "gather", "list"]).rows();
        rows.into_iter().find(|row| row["here"].as_u64() == Some(2))
    });
    assert_eq!(answered["listed"].as_u64(), Some(2), "{answered}");
    let list = answered["answer"].as_str().unwrap();
    let check = aino.run(&["refer", "check", list]).one();
    let documents = check["documents"].as_array().unwrap();
    assert_eq!(documents.len(), 2, "{check}");
    assert!(documents.iter().all(|d| d["state"] == "genuine"), "{check}");
}
