//! A phone is lost with the vault open: the kit brings the identity back on a new one, and the
//! old one is shut out.
#![allow(clippy::unwrap_used)]

use crate::support;

use support::{LONG, Relay, acquainted, create, passphrase};
use telesphor_agent::views::SentState;
use telesphor_agent::{Agent, Draft, NewProfile, ShareRequest};
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::scope::Scopes;
use telesphor_vault::PassphraseCost;

fn note(text: &str) -> Draft {
    Draft::new(DocumentKind::Note, "text/plain", text, text.as_bytes().to_vec())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_phone_hears_nothing_more_once_the_kit_was_used() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let made = create(folder.path(), "Aino", &relay).await;
    let (stolen, kit) = (made.agent, made.kit);
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&stolen, &doctor).await;
    stolen.add(vec![note("Allergy: penicillin")]).await.unwrap();
    let before = doctor.send("aino", note("Before")).await.unwrap();
    doctor
        .wait_sent(before.document, before.to, SentState::Delivered, LONG)
        .await
        .unwrap();
    stolen.settle(LONG).await.unwrap();
    stolen.back_up(LONG).await.unwrap();

    let phone = folder.path().join("new-phone");
    std::fs::create_dir(&phone).unwrap();
    let new = NewProfile {
        cost: PassphraseCost::least(),
        endpoint: "new phone".into(),
        ..NewProfile::person("Aino")
    };
    let aino = Agent::recover(&phone, &passphrase(), new, kit, LONG)
        .await
        .unwrap();
    aino.settle(LONG).await.unwrap();
    let titles: Vec<_> = aino
        .documents()
        .await
        .unwrap()
        .into_iter()
        .map(|d| d.title)
        .collect();
    assert_eq!(titles, ["Allergy: penicillin", "Before"]);
    assert_eq!(aino.contacts().await.unwrap().len(), 1);
    let endpoints = aino.endpoints().await.unwrap();
    assert_eq!(endpoints.iter().filter(|e| e.removed.is_none()).count(), 1);

    doctor.settle(LONG).await.unwrap();
    let after = doctor.send("aino", note("After")).await.unwrap();
    doctor
        .wait_sent(after.document, after.to, SentState::Delivered, LONG)
        .await
        .unwrap();
    let inbox = aino.inbox().await.unwrap();
    assert!(inbox.iter().any(|d| d.title == "After"));
    assert!(!stolen.inbox().await.unwrap().iter().any(|d| d.title == "After"));
    // The way back works too, under the new keys.
    let back = aino.send("doctor", note("I have a new phone")).await.unwrap();
    aino.wait_sent(back.document, back.to, SentState::Delivered, LONG)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_lost_phone_showed_cannot_be_taken_back_by_whoever_has_the_kit() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let made = create(folder.path(), "Aino", &relay).await;
    let (lost, kit) = (made.agent, made.kit);
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&lost, &doctor).await;
    lost.add(vec![note("Ecg"), note("Lab")]).await.unwrap();
    let own = lost.documents().await.unwrap();
    let request = ShareRequest {
        with: "doctor".into(),
        scopes: Scopes::none(),
        documents: own.iter().map(|d| d.id).collect(),
        until: None,
        why: "follow-up".into(),
        although_unverified: true,
    };
    lost.share(request).await.unwrap();
    lost.settle(LONG).await.unwrap();
    doctor.settle(LONG).await.unwrap();
    lost.settle(LONG).await.unwrap();
    lost.back_up(LONG).await.unwrap();
    lost.close().await;

    let phone = folder.path().join("new-phone");
    std::fs::create_dir(&phone).unwrap();
    let new = NewProfile {
        cost: PassphraseCost::least(),
        endpoint: "new phone".into(),
        ..NewProfile::person("Aino")
    };
    let aino = Agent::recover(&phone, &passphrase(), new, kit, LONG)
        .await
        .unwrap();
    // First one of the two: what is left is granted anew, and the doctor hears of both.
    for document in own.iter().map(|d| d.id) {
        let taken = aino
            .revoke("doctor", Scopes::none(), vec![document])
            .await
            .unwrap();
        assert_eq!(taken.documents, 1);
        aino.settle(LONG).await.unwrap();
        doctor.settle(LONG).await.unwrap();
        assert!(!doctor.wait_ended(document, LONG).await.unwrap().agreed);
    }
    let shown = aino.who().await.unwrap();
    assert!(shown.iter().all(|g| g.revoked.is_some()), "{shown:?}");
}
