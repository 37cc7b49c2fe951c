//! Attestations and views: what a board says reaches the patient, what is shared can be taken back.
#![allow(clippy::unwrap_used)]

use crate::support;

use support::{LONG, Relay, acquainted, create};
use telesphor_agent::views::{Revoked, SentState};
use telesphor_agent::{Asked, Draft, ShareRequest};
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::scope::{Scope, Scopes};
use telesphor_wire::error::ErrorCode;

fn scoped(title: &str, scope: &str) -> Draft {
    let mut draft = Draft::new(DocumentKind::Note, "text/plain", title, title.as_bytes().to_vec());
    draft.scopes = Scopes::from_iter([scope.parse::<Scope>().unwrap()]);
    draft
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_was_shared_is_seen_and_only_until_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&aino, &doctor).await;
    let heart: Scope = "heart".parse().unwrap();
    aino.add(vec![scoped("ECG", "heart"), scoped("Lithium", "psychiatry")])
        .await
        .unwrap();
    let request = ShareRequest {
        with: "doctor".into(),
        scopes: Scopes::from_iter([heart.clone()]),
        documents: Vec::new(),
        until: None,
        why: "follow-up".into(),
        although_unverified: false,
    };
    assert_eq!(
        aino.share(request.clone()).await.unwrap_err().code,
        ErrorCode::Unverified
    );
    aino.confirm_contact("doctor").await.unwrap();
    let plan = aino.plan_share(&request).await.unwrap();
    assert_eq!((plan.shown.len(), plan.outside.len()), (1, 1));
    let sent = aino.share(request).await.unwrap();
    assert_eq!(sent.len(), 1);
    aino.wait_sent(sent[0].document, sent[0].to, SentState::Delivered, LONG)
        .await
        .unwrap();
    let inbox = doctor.wait_inbox(1, LONG).await.unwrap();
    assert_eq!(inbox.len(), 1);
    assert_eq!(doctor.read(&inbox[0].id.to_string()).await.unwrap().body, b"ECG");
    aino.wait_sent(sent[0].document, sent[0].to, SentState::Opened, LONG)
        .await
        .unwrap();
    assert_eq!(aino.who().await.unwrap().len(), 1);

    assert_eq!(
        aino.revoke("doctor", Scopes::from_iter([heart]), Vec::new())
            .await
            .unwrap(),
        Revoked {
            grants: 1,
            documents: 1,
            opened: 1
        }
    );
    aino.settle(LONG).await.unwrap();
    doctor.settle(LONG).await.unwrap();
    assert!(doctor.read(&inbox[0].id.to_string()).await.is_err(), "taken back");
    assert!(aino.who().await.unwrap()[0].revoked.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_licence_counts_only_from_a_board_that_the_reader_trusts() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let board = create(folder.path(), "Board", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    acquainted(&board, &doctor).await;
    acquainted(&aino, &doctor).await;
    let until = telesphor_clinical::instant::Instant::end_of_day(2100, 1, 1, 0)
        .unwrap()
        .stamp();
    board
        .attest("doctor", "licensed-physician", "", until)
        .await
        .unwrap();
    let note = doctor.send("aino", scoped("Note", "heart")).await.unwrap();
    doctor
        .wait_sent(note.document, note.to, SentState::Delivered, LONG)
        .await
        .unwrap();
    board.settle(LONG).await.unwrap();
    doctor.settle(LONG).await.unwrap();
    aino.settle(LONG).await.unwrap();

    let asked = Asked {
        roles: vec!["licensed-physician".into()],
        ..Asked::default()
    };
    let id = note.document.to_string();
    assert_eq!(
        aino.verify(&id, asked.clone()).await.unwrap().failed,
        Some(ErrorCode::NotAttested)
    );
    let card = board.my_card().await.unwrap();
    aino.trust(&card, "Medical board", "licensed-physician")
        .await
        .unwrap();
    let verdict = aino.verify(&id, asked.clone()).await.unwrap();
    assert_eq!(verdict.failed, None, "{:?}", verdict.lines);
    assert!(aino.contact("doctor").await.unwrap().attested[0].trusted);

    // The file proves the same to somebody who was never told anything.
    let file = aino.tel_file(&id).await.unwrap();
    assert_eq!(
        board.verify_file(&file, Asked::default()).await.unwrap().failed,
        None
    );
}
