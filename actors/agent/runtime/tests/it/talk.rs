//! Two identities, one relay: from invitation to an opened document.
#![allow(clippy::unwrap_used)]

use crate::support;

use support::{LONG, Relay, acquainted, create, reopen};
use telesphor_agent::Draft;
use telesphor_agent::views::SentState;
use telesphor_clinical::header::DocumentKind;

fn note(text: &str) -> Draft {
    Draft::new(
        DocumentKind::Note,
        "text/markdown",
        text,
        text.as_bytes().to_vec(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_reaches_its_reader_and_the_sender_learns_it() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Dr Virtanen", &relay).await.agent;
    acquainted(&aino, &doctor).await;

    let sent = doctor
        .send("aino", note("Chest pain, no warning signs"))
        .await
        .unwrap();
    let durable = doctor
        .wait_sent(sent.document, sent.to, SentState::Durable, LONG)
        .await
        .unwrap();
    assert!(durable.durable.is_some());
    let inbox = aino.wait_inbox(1, LONG).await.unwrap();
    let read = aino.read(&inbox[0].id.to_string()).await.unwrap();
    assert_eq!(read.body, b"Chest pain, no warning signs");
    assert_eq!(read.verdict.failed, None);
    doctor
        .wait_sent(sent.document, sent.to, SentState::Opened, LONG)
        .await
        .unwrap();

    // The way back goes through the same conversation.
    let back = aino.send("dr-virtanen", note("Thank you")).await.unwrap();
    aino.wait_sent(back.document, back.to, SentState::Delivered, LONG)
        .await
        .unwrap();
    aino.settle(LONG).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_relay_and_agent_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Dr Virtanen", &relay).await.agent;
    acquainted(&aino, &doctor).await;
    let first = doctor.send("aino", note("before")).await.unwrap();
    doctor
        .wait_sent(first.document, first.to, SentState::Delivered, LONG)
        .await
        .unwrap();

    relay.kill();
    let drafts = (0..100).map(|n| note(&format!("note {n}"))).collect();
    let sent = doctor.send_many("aino", drafts).await.unwrap();
    drop(doctor);
    relay.serve();
    let doctor = reopen(folder.path(), "Dr Virtanen").await;
    for one in &sent[..10] {
        doctor
            .wait_sent(one.document, one.to, SentState::Durable, LONG)
            .await
            .unwrap();
    }
    relay.kill();
    relay.serve();
    for one in &sent {
        doctor
            .wait_sent(one.document, one.to, SentState::Delivered, LONG)
            .await
            .unwrap();
    }
    let mut came = aino.wait_inbox(101, LONG).await.unwrap();
    assert_eq!(came.len(), 101, "each note once");
    came.sort_by_key(|d| d.arrived);
    let titles: Vec<_> = aino
        .documents()
        .await
        .unwrap()
        .into_iter()
        .map(|d| d.title)
        .collect();
    let expected: Vec<_> = std::iter::once("before".to_owned())
        .chain((0..100).map(|n| format!("note {n}")))
        .collect();
    assert_eq!(titles, expected, "in the order in which they were sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_serves_one_taker_only() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Dr Virtanen", &relay).await.agent;
    let mallory = create(folder.path(), "Mallory", &relay).await.agent;
    let invitation = aino.invite("my GP", LONG * 60, LONG).await.unwrap();
    doctor.accept(&invitation.link, "", LONG).await.unwrap();
    aino.wait_taken(&invitation.link, LONG).await.unwrap();
    let refused = mallory
        .accept(&invitation.link, "", std::time::Duration::from_secs(5))
        .await
        .unwrap_err();
    assert_eq!(refused.code, telesphor_wire::error::ErrorCode::InviteUsed);
    assert!(mallory.contacts().await.unwrap().is_empty());
    assert_eq!(aino.contacts().await.unwrap().len(), 1);
}
