//! Several devices of one identity, through a real relay: let in, both read, one removed.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::time::Duration;

use support::devices::{HOUR, device, in_step, second};
use support::{LONG, Relay, acquainted, create, passphrase};
use telesphor_agent::views::SentState;
use telesphor_agent::{Agent, Draft, Passphrase, ShareRequest};
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::scope::Scopes;
use telesphor_identity::endpoint::EndReason;
use telesphor_wire::error::ErrorCode;

fn note(text: &str) -> Draft {
    Draft::new(DocumentKind::Note, "text/plain", text, text.as_bytes().to_vec())
}

async fn titles(agent: &Agent) -> Vec<String> {
    let mut all: Vec<_> = agent
        .documents()
        .await
        .unwrap()
        .into_iter()
        .map(|d| d.title)
        .collect();
    all.sort();
    all
}

async fn delivered(from: &Agent, to: &str, text: &str) {
    let sent = from.send(to, note(text)).await.unwrap();
    from.wait_sent(sent.document, sent.to, SentState::Delivered, LONG)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_device_shows_what_the_old_one_does_and_hears_what_comes() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let phone = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&phone, &doctor).await;
    phone.add(vec![note("Allergy: penicillin")]).await.unwrap();
    delivered(&doctor, "aino", "Before").await;
    delivered(&phone, "doctor", "Answer").await;
    let shared = phone.documents().await.unwrap()[0].id;
    phone.confirm_contact("doctor").await.unwrap();
    phone
        .share(ShareRequest {
            with: "doctor".into(),
            scopes: Scopes::none(),
            documents: vec![shared],
            until: None,
            why: "follow-up".into(),
            although_unverified: true,
        })
        .await
        .unwrap();
    in_step(&[&phone, &doctor]).await;

    let tablet = second(folder.path(), &phone, "tablet").await;
    assert_eq!(titles(&tablet).await, titles(&phone).await);
    let contacts = tablet.contacts().await.unwrap();
    assert_eq!(contacts, phone.contacts().await.unwrap());
    let who = tablet.who().await.unwrap();
    assert_eq!(who, phone.who().await.unwrap());
    assert!(who.iter().any(|g| g.why == "follow-up"));

    // What comes reaches both, from both a word goes out, and each learns what the other did.
    in_step(&[&phone, &doctor, &tablet]).await;
    delivered(&doctor, "aino", "After").await;
    in_step(&[&phone, &tablet]).await;
    for agent in [&phone, &tablet] {
        assert!(titles(agent).await.contains(&"After".to_owned()));
    }
    delivered(&tablet, "doctor", "From the tablet").await;
    in_step(&[&phone, &doctor]).await;
    assert!(titles(&doctor).await.contains(&"From the tablet".to_owned()));
    assert!(titles(&phone).await.contains(&"From the tablet".to_owned()));
    assert!(
        phone
            .sent()
            .await
            .unwrap()
            .iter()
            .any(|s| s.title == "From the tablet")
    );

    let devices = tablet.endpoints().await.unwrap();
    assert_eq!(devices.len(), 2);
    assert!(devices.iter().any(|d| d.here && d.label == "tablet"));
    assert!(devices.iter().any(|d| !d.here && d.heard.is_some()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_phone_with_the_vault_open_is_refused_by_the_relay_once_the_other_removed_it() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let stolen = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&stolen, &doctor).await;
    delivered(&doctor, "aino", "Before").await;
    let tablet = second(folder.path(), &stolen, "tablet").await;
    in_step(&[&stolen, &doctor, &tablet]).await;

    let here = tablet
        .remove_endpoint("tablet", EndReason::Lost, &passphrase(), LONG)
        .await
        .unwrap_err();
    assert_eq!(here.code, ErrorCode::ThisEndpoint);
    let wrong = Passphrase::new("a guess".to_owned());
    let guess = tablet
        .remove_endpoint("this device", EndReason::Stolen, &wrong, LONG)
        .await
        .unwrap_err();
    assert_eq!(guess.code, ErrorCode::WrongIdentityPassphrase);

    // The thief's copy goes no further: its keys are tried against the relay as they were.
    let thief = stolen.drill_keys().await.unwrap();
    stolen.close().await;
    tablet
        .remove_endpoint("this device", EndReason::Stolen, &passphrase(), LONG)
        .await
        .unwrap();
    in_step(&[&tablet, &doctor]).await;
    for tried in thief.try_everything().await.unwrap() {
        assert!(tried.refused, "{} was let through", tried.what);
    }

    delivered(&doctor, "aino", "After").await;
    assert!(titles(&tablet).await.contains(&"After".to_owned()));
    delivered(&tablet, "doctor", "I have only the tablet now").await;
    let devices = tablet.endpoints().await.unwrap();
    assert_eq!(devices.iter().filter(|d| d.removed.is_none()).count(), 1);
    assert_eq!(
        tablet.back_up(LONG).await.unwrap_err().code,
        ErrorCode::NewKitDue,
        "the thief knows the backup's key"
    );

    // An honest device that comes back says so instead of failing in riddles.
    let back = support::reopen(folder.path(), "Aino").await;
    back.connected(LONG).await.unwrap();
    assert!(!titles(&back).await.contains(&"After".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_devices_that_act_at_once_end_alike() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let phone = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    let nurse = create(folder.path(), "Nurse", &relay).await.agent;
    let tablet = second(folder.path(), &phone, "tablet").await;
    // Each makes a contact of its own at the same time: two lists of depositors, one mailbox.
    tokio::join!(acquainted(&phone, &doctor), acquainted(&tablet, &nurse));
    in_step(&[&phone, &tablet, &doctor, &nurse]).await;
    // Each says something about the same contact at the same time.
    let (a, b) = tokio::join!(phone.confirm_contact("doctor"), tablet.confirm_contact("doctor"));
    a.unwrap();
    b.unwrap();
    let (a, b) = tokio::join!(phone.add(vec![note("One")]), tablet.add(vec![note("Two")]));
    a.unwrap();
    b.unwrap();
    in_step(&[&phone, &tablet, &doctor, &nurse]).await;
    assert_eq!(phone.contacts().await.unwrap(), tablet.contacts().await.unwrap());
    assert_eq!(phone.contacts().await.unwrap().len(), 2);
    assert_eq!(titles(&phone).await, titles(&tablet).await);
    for (from, text) in [
        (&doctor, "To both, from the doctor"),
        (&nurse, "To both, from the nurse"),
    ] {
        delivered(from, "aino", text).await;
        in_step(&[&phone, &tablet]).await;
        for agent in [&phone, &tablet] {
            assert!(titles(agent).await.contains(&text.to_owned()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_was_switched_off_while_it_waited_goes_on_with_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let phone = create(folder.path(), "Aino", &relay).await.agent;
    let link = phone.offer_endpoint(&passphrase(), HOUR, LONG).await.unwrap();
    let place = folder.path().join("tablet");
    std::fs::create_dir(&place).unwrap();
    let (told, mut hear) = tokio::sync::mpsc::unbounded_channel();
    let waiting = tokio::spawn({
        let (place, link) = (place.clone(), link.clone());
        async move {
            let show = move |w: &[String]| told.send(w.to_vec()).unwrap();
            Agent::join_endpoint(&place, &passphrase(), device("tablet"), &link, LONG, show).await
        }
    });
    let words = hear.recv().await.unwrap();
    waiting.abort();
    let _ = waiting.await;
    let unready = Agent::open(&place, &passphrase()).await.unwrap_err();
    assert_eq!(unready.code, ErrorCode::NotLetIn);

    // Let in while it is off; it finds its way when it comes back.
    let asked = phone.endpoint_asked(&link, LONG).await.unwrap();
    assert_eq!(asked.words, words);
    phone.admit_endpoint(&link, &passphrase(), LONG).await.unwrap();
    phone.settle(LONG).await.unwrap();
    let tablet = Agent::join_endpoint(&place, &passphrase(), device("tablet"), &link, LONG, |w| {
        assert_eq!(w, words);
    })
    .await
    .unwrap();
    tablet.ready(LONG).await.unwrap();
    assert_eq!(tablet.endpoints().await.unwrap().len(), 2);
    let again = folder.path().join("third");
    std::fs::create_dir(&again).unwrap();
    let used = Agent::join_endpoint(
        &again,
        &passphrase(),
        device("third"),
        &link,
        Duration::from_secs(2),
        |_| {},
    )
    .await
    .unwrap_err();
    assert!(
        matches!(used.code, ErrorCode::NotLetIn | ErrorCode::InviteUsed),
        "a link lets one device in: {used}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_rotation_the_old_kit_opens_nothing_and_the_new_one_everything() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let made = create(folder.path(), "Aino", &relay).await;
    let (aino, old) = (made.agent, made.kit);
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&aino, &doctor).await;
    aino.add(vec![note("Allergy: penicillin")]).await.unwrap();
    aino.back_up(LONG).await.unwrap();
    let new = aino.next_kit(&old).await.unwrap();
    aino.rotate(&old, &new, &passphrase(), LONG).await.unwrap();
    assert_eq!(
        aino.next_kit(&old).await.unwrap_err().code,
        ErrorCode::KitReplaced
    );
    aino.ready(LONG).await.unwrap();
    aino.back_up(LONG).await.unwrap();
    // Contacts follow: what is signed under the new history is taken.
    in_step(&[&aino, &doctor]).await;
    delivered(&aino, "doctor", "After the rotation").await;
    drop(aino);

    let place = folder.path().join("lost");
    std::fs::create_dir(&place).unwrap();
    let refused = Agent::recover(&place, &passphrase(), device("thief"), old, LONG)
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::KitReplaced);
    let place = folder.path().join("found");
    std::fs::create_dir(&place).unwrap();
    let back = Agent::recover(&place, &passphrase(), device("new phone"), new, LONG)
        .await
        .unwrap();
    back.settle(LONG).await.unwrap();
    assert!(titles(&back).await.contains(&"Allergy: penicillin".to_owned()));
    doctor.settle(LONG).await.unwrap();
    delivered(&back, "doctor", "I am back").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_phone_shows_cannot_be_taken_back_from_the_tablet() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let phone = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&phone, &doctor).await;
    phone
        .add(["Early", "Ecg", "Lab"].map(note).to_vec())
        .await
        .unwrap();
    let id = |all: &[telesphor_agent::views::DocumentView], title: &str| {
        all.iter().find(|d| d.title == title).unwrap().id
    };
    let own = phone.documents().await.unwrap();
    let (early, ecg, lab) = (id(&own, "Early"), id(&own, "Ecg"), id(&own, "Lab"));
    let show = |documents: Vec<telesphor_wire::ids::DocumentId>, why: &str| ShareRequest {
        with: "doctor".into(),
        scopes: Scopes::none(),
        documents,
        until: None,
        why: why.into(),
        although_unverified: true,
    };
    // One before the tablet is let in, two after.
    phone.share(show(vec![early], "before")).await.unwrap();
    in_step(&[&phone, &doctor]).await;
    let tablet = second(folder.path(), &phone, "tablet").await;
    phone.share(show(vec![ecg, lab], "after")).await.unwrap();
    in_step(&[&phone, &doctor]).await;
    doctor.settle(LONG).await.unwrap();
    doctor.read(&ecg.to_string()).await.unwrap();
    in_step(&[&phone, &doctor, &tablet]).await;
    assert_eq!(tablet.who().await.unwrap(), phone.who().await.unwrap());

    // Two of three: each is erased where it stands, the third is shown on.
    phone.close().await;
    let taken = tablet
        .revoke("doctor", Scopes::none(), vec![early, ecg])
        .await
        .unwrap();
    assert_eq!(
        (taken.documents, taken.opened),
        (2, 1),
        "it knows what was opened"
    );
    in_step(&[&tablet, &doctor]).await;
    for gone in [early, ecg] {
        assert!(!doctor.wait_ended(gone, LONG).await.unwrap().agreed);
    }
    assert_eq!(doctor.ended(&lab.to_string()).await.unwrap(), None);

    // The last one: the room is over, and the phone does not put anything into it any more.
    tablet.revoke("doctor", Scopes::none(), Vec::new()).await.unwrap();
    in_step(&[&tablet, &doctor]).await;
    assert!(!doctor.wait_ended(lab, LONG).await.unwrap().agreed);
    let phone = support::reopen(folder.path(), "Aino").await;
    in_step(&[&phone, &tablet]).await;
    assert!(phone.who().await.unwrap().iter().all(|g| g.revoked.is_some()));
    phone.share(show(vec![lab], "again")).await.unwrap();
    in_step(&[&phone, &doctor, &tablet]).await;
    assert_eq!(doctor.ended(&lab.to_string()).await.unwrap(), None);
    assert_eq!(doctor.read(&lab.to_string()).await.unwrap().body, b"Lab");
    let shown = tablet.who().await.unwrap();
    assert_eq!(shown.iter().filter(|g| g.revoked.is_none()).count(), 1);
}
