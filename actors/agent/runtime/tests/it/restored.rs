//! The relay is put back to an older copy of itself: what it had promised since is honoured again.
#![allow(clippy::unwrap_used)]

use crate::support;

use support::{LONG, Relay, acquainted, create, reopen};
use telesphor_agent::Draft;
use telesphor_agent::views::SentState;
use telesphor_clinical::header::DocumentKind;

fn note(text: &str) -> Draft {
    Draft::new(DocumentKind::Note, "text/plain", text, text.as_bytes().to_vec())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_of_the_lost_day_are_honoured_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&aino, &doctor).await;
    let first = doctor.send("aino", note("before the copy")).await.unwrap();
    doctor
        .wait_sent(first.document, first.to, SentState::Delivered, LONG)
        .await
        .unwrap();
    aino.settle(LONG).await.unwrap();
    doctor.settle(LONG).await.unwrap();
    let copy = folder.path().join("copy");
    relay.backup(&copy);

    // Durable and delivered, and about to be forgotten by the relay.
    let lost: Vec<_> = doctor
        .send_many("aino", (0..5).map(|n| note(&format!("lost {n}"))).collect())
        .await
        .unwrap();
    for one in &lost {
        doctor
            .wait_sent(one.document, one.to, SentState::Delivered, LONG)
            .await
            .unwrap();
    }
    relay.restore(&copy);
    doctor.connected(LONG).await.unwrap();
    let after = doctor.send("aino", note("after the copy")).await.unwrap();
    doctor
        .wait_sent(after.document, after.to, SentState::Delivered, LONG)
        .await
        .unwrap();
    doctor.settle(LONG).await.unwrap();
    aino.settle(LONG).await.unwrap();
    let titles: Vec<_> = aino
        .documents()
        .await
        .unwrap()
        .into_iter()
        .map(|d| d.title)
        .collect();
    assert_eq!(titles.len(), 7, "each once: {titles:?}");

    // The relay holds the lost day again, so somebody who reads it anew finds all of it.
    let conversation = doctor
        .mailboxes()
        .await
        .unwrap()
        .into_iter()
        .find(|m| m.purpose == "conversation")
        .unwrap();
    assert!(
        conversation.seq >= 9,
        "the log has them again: {}",
        conversation.seq
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_was_away_on_the_lost_day_cannot_open_what_was_offered_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&aino, &doctor).await;
    let first = doctor.send("aino", note("before the copy")).await.unwrap();
    doctor
        .wait_sent(first.document, first.to, SentState::Delivered, LONG)
        .await
        .unwrap();
    aino.settle(LONG).await.unwrap();
    aino.close().await;
    doctor.settle(LONG).await.unwrap();
    let copy = folder.path().join("copy");
    relay.backup(&copy);

    let notes = |day: &str, count: usize| (0..count).map(|n| note(&format!("{day} {n}"))).collect();
    for one in doctor.send_many("aino", notes("lost", 60)).await.unwrap() {
        doctor
            .wait_sent(one.document, one.to, SentState::Durable, LONG)
            .await
            .unwrap();
    }
    // These are on their way when the relay comes back as another.
    relay.kill();
    doctor.send_many("aino", notes("after", 40)).await.unwrap();
    relay.restore(&copy);
    doctor.settle(LONG).await.unwrap();

    let aino = reopen(folder.path(), "Aino").await;
    aino.settle(LONG).await.unwrap();
    let mut titles: Vec<_> = aino
        .documents()
        .await
        .unwrap()
        .into_iter()
        .map(|d| d.title)
        .collect();
    titles.sort();
    assert_eq!(titles.len(), 1 + 60 + 40, "{titles:?}");
}
