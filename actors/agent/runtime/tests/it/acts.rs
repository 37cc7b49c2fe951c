//! What people do with a document after it was sent, through a real relay: accept it, correct
//! it, take it back.
#![allow(clippy::unwrap_used)]

use crate::support;

use support::devices::{in_step, second};
use support::{LONG, Relay, acquainted, create};
use telesphor_agent::views::{Awaited, DocumentView, SentState, SentView, StandingView};
use telesphor_agent::{Agent, Asked, Correction, Draft, RetractRequest, ShareRequest};
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::retraction::RetractionReason;
use telesphor_clinical::scope::Scopes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::DocumentId;

fn note(text: &str) -> Draft {
    Draft::new(DocumentKind::Note, "text/plain", text, text.as_bytes().to_vec())
}

fn corrected(text: &str) -> Correction {
    Correction {
        format: "text/plain".into(),
        title: Some(text.into()),
        body: text.as_bytes().to_vec(),
        urgent: false,
        acknowledge_by: None,
    }
}

fn back(what: &DocumentId, reason: RetractionReason) -> RetractRequest {
    RetractRequest {
        what: what.to_string(),
        reason,
        words: None,
        belongs_to: None,
    }
}

async fn send(from: &Agent, to: &str, draft: Draft) -> SentView {
    let sent = from.send(to, draft).await.unwrap();
    from.wait_sent(sent.document, sent.to, SentState::Delivered, LONG)
        .await
        .unwrap()
}

async fn seen(by: &Agent, id: &DocumentId) -> DocumentView {
    by.document(&id.to_string()).await.unwrap()
}

async fn sent(by: &Agent, id: &DocumentId) -> Vec<SentView> {
    let all = by.sent().await.unwrap().into_iter();
    all.filter(|s| s.document == *id).collect()
}

fn show(with: &str, document: DocumentId) -> ShareRequest {
    ShareRequest {
        with: with.into(),
        scopes: Scopes::none(),
        documents: vec![document],
        until: None,
        why: "follow-up".into(),
        although_unverified: true,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_urgent_result_that_was_taken_on_one_device_is_still_open_on_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let phone = create(folder.path(), "Nurse", &relay).await.agent;
    let lab = create(folder.path(), "Lab", &relay).await.agent;
    acquainted(&phone, &lab).await;
    let tablet = second(folder.path(), &phone, "tablet").await;
    in_step(&[&phone, &tablet, &lab]).await;
    let mut draft = note("Potassium 7.1");
    draft.urgent = true;
    let result = send(&lab, "nurse", draft).await;
    let routine = send(&lab, "nurse", note("Cholesterol")).await;
    in_step(&[&phone, &tablet, &lab]).await;
    let inbox = tablet.inbox().await.unwrap();
    assert_eq!(inbox[0].id, result.document, "urgent stands first");
    assert_eq!(inbox[0].awaited, Awaited::Until(None));
    assert_eq!(inbox[1].awaited, Awaited::Nobody);

    phone
        .acknowledge(&result.document.to_string(), Some("off-duty".into()))
        .await
        .unwrap();
    in_step(&[&phone, &lab, &tablet]).await;
    assert_eq!(seen(&tablet, &result.document).await.awaited, Awaited::Declined);
    let at_lab = sent(&lab, &result.document).await.remove(0);
    assert_eq!(
        (at_lab.state, at_lab.awaited),
        (SentState::Declined, Awaited::Declined)
    );
    assert_eq!(at_lab.answer.unwrap().words, "off-duty");

    // The other device takes it after all: the last word counts everywhere.
    tablet
        .acknowledge(&result.document.to_string(), None)
        .await
        .unwrap();
    in_step(&[&tablet, &lab, &phone]).await;
    for device in [&phone, &tablet] {
        assert_eq!(seen(device, &result.document).await.awaited, Awaited::Accepted);
    }
    let at_lab = sent(&lab, &result.document).await.remove(0);
    assert_eq!(
        (at_lab.state, at_lab.awaited),
        (SentState::Taken, Awaited::Accepted)
    );
    // Reading it later takes nothing back.
    phone.read(&result.document.to_string()).await.unwrap();
    in_step(&[&phone, &lab]).await;
    let at_lab = sent(&lab, &result.document).await.remove(0);
    assert!(at_lab.opened.is_some() && at_lab.state == SentState::Taken);

    let own = lab.acknowledge(&routine.document.to_string(), None).await;
    assert_eq!(own.unwrap_err().code, ErrorCode::NothingToAccept);
    // A device that comes later knows it as well.
    let laptop = second(folder.path(), &phone, "laptop").await;
    assert_eq!(seen(&laptop, &result.document).await.awaited, Awaited::Accepted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrected_document_leaves_the_old_one_standing_as_if_current() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    let surgeon = create(folder.path(), "Surgeon", &relay).await.agent;
    acquainted(&doctor, &aino).await;
    acquainted(&doctor, &surgeon).await;
    let old = send(&doctor, "aino", note("10 mg")).await.document;
    doctor.share(show("surgeon", old)).await.unwrap();
    in_step(&[&doctor, &surgeon, &aino]).await;
    let id = old.to_string();
    aino.read(&id).await.unwrap();

    assert_eq!(
        aino.amend(&id, corrected("mine now")).await.unwrap_err().code,
        ErrorCode::NotAuthor
    );
    let new = doctor.amend(&id, corrected("1 mg")).await.unwrap();
    assert_eq!((new.to.len(), new.left.len()), (2, 0));
    in_step(&[&doctor, &aino, &surgeon]).await;
    for reader in [&aino, &surgeon, &doctor] {
        let current = reader.read(&new.document.to_string()).await.unwrap();
        assert_eq!(current.body, b"1 mg");
        assert_eq!(current.view.corrects, [old]);
        // The old one is there, genuine, and says by what it was replaced.
        let opened = reader.read(&id).await.unwrap();
        assert!(matches!(&opened.view.standing, StandingView::Replaced(r) if r.by == new.document));
        assert_eq!(opened.verdict.failed, None);
        let replaced = format!("REPLACED by {}", new.document);
        assert!(
            opened.verdict.lines.contains(&replaced),
            "{:?}",
            opened.verdict.lines
        );
    }
    // Only the newest can be corrected or given further.
    assert_eq!(
        doctor.amend(&id, corrected("2 mg")).await.unwrap_err().code,
        ErrorCode::Replaced
    );
    assert_eq!(
        doctor.give("surgeon", vec![old]).await.unwrap_err().code,
        ErrorCode::Replaced
    );
    assert_eq!(
        doctor.share(show("surgeon", old)).await.unwrap_err().code,
        ErrorCode::Replaced
    );
    let third = doctor
        .amend(&new.document.to_string(), corrected("1.5 mg"))
        .await
        .unwrap();
    in_step(&[&doctor, &aino, &surgeon]).await;
    assert!(matches!(seen(&aino, &old).await.standing, StandingView::Replaced(r) if r.by == third.document));
    // What the surgeon was shown of it ends with the share, as the first one did.
    doctor
        .revoke("surgeon", Scopes::none(), Vec::new())
        .await
        .unwrap();
    in_step(&[&doctor, &surgeon]).await;
    let over = surgeon.read(&third.document.to_string()).await.unwrap_err();
    assert_eq!(over.code, ErrorCode::LeaseOver);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_back_can_be_opened_where_it_was_given_shown_passed_on_or_on_a_second_device() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    let surgeon = create(folder.path(), "Surgeon", &relay).await.agent;
    let gp = create(folder.path(), "Gp", &relay).await.agent;
    acquainted(&doctor, &aino).await;
    acquainted(&doctor, &surgeon).await;
    acquainted(&aino, &gp).await;
    let tablet = second(folder.path(), &aino, "tablet").await;
    let first = send(&doctor, "aino", note("HIV positive")).await.document;
    let second = doctor
        .amend(&first.to_string(), corrected("HIV positive, confirmed"))
        .await
        .unwrap()
        .document;
    doctor.share(show("surgeon", second)).await.unwrap();
    in_step(&[&doctor, &aino, &tablet, &surgeon]).await;
    aino.read(&first.to_string()).await.unwrap();
    aino.give("gp", vec![second]).await.unwrap();
    in_step(&[&aino, &gp, &doctor, &tablet, &surgeon]).await;
    let file = aino.tel_file(&second.to_string()).await.unwrap();

    let foreign = aino.retract(back(&second, RetractionReason::Error)).await;
    assert_eq!(foreign.unwrap_err().code, ErrorCode::NotAuthor);
    let done = doctor
        .retract(RetractRequest {
            words: Some("two tubes were swapped".into()),
            ..back(&second, RetractionReason::Error)
        })
        .await
        .unwrap();
    assert_eq!(done.documents, 2, "every version of it");
    assert!(done.had.iter().all(|h| h.told && !h.stopped), "{:?}", done.had);
    let opened: Vec<&str> = done
        .had
        .iter()
        .filter(|h| h.opened.is_some())
        .map(|h| h.alias.as_str())
        .collect();
    assert_eq!(opened, ["aino"]);
    in_step(&[&doctor, &aino, &tablet, &surgeon, &gp]).await;
    in_step(&[&aino, &gp]).await;

    for (reader, id) in [
        (&aino, first),
        (&aino, second),
        (&tablet, first),
        (&tablet, second),
        (&surgeon, second),
        (&gp, second),
    ] {
        let refused = reader.read(&id.to_string()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Retracted);
        let view = seen(reader, &id).await;
        assert_eq!(view.title, "(taken back)");
        let StandingView::Retracted(said) = view.standing else {
            panic!("{:?}", view.standing)
        };
        assert_eq!((said.by, said.reason.as_str()), (done.retractions[0], "error"));
        assert!(said.words.ends_with("two tubes were swapped"), "{}", said.words);
        let word = seen(reader, &done.retractions[0]).await;
        assert!(word.urgent && word.direction != telesphor_agent::views::Direction::Shared);
    }
    // Whoever kept a file of it is told as well, offline, if the retraction is known.
    let verdict = aino.verify_file(&file, Asked::default()).await.unwrap();
    assert!(matches!(verdict.standing, StandingView::Retracted(_)));
    assert_eq!(verdict.failed, None, "it stays genuine");
    for refused in [
        aino.give("gp", vec![second]).await.unwrap_err(),
        aino.tel_file(&second.to_string()).await.unwrap_err(),
        aino.acknowledge(&second.to_string(), None).await.unwrap_err(),
        doctor
            .retract(back(&first, RetractionReason::Error))
            .await
            .unwrap_err(),
    ] {
        assert_eq!(refused.code, ErrorCode::Retracted);
    }
    // Its author may look at it still, to send it where it belongs.
    assert!(doctor.read(&second.to_string()).await.is_ok());
    assert!(
        doctor
            .who()
            .await
            .unwrap()
            .iter()
            .all(|g| g.given || g.revoked.is_some())
    );
    // A device that comes later is not shown it either.
    let laptop = support::devices::second(folder.path(), &aino, "laptop").await;
    assert_eq!(
        laptop.read(&second.to_string()).await.unwrap_err().code,
        ErrorCode::Retracted
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_on_the_wrong_patient_tells_one_side_only_or_names_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let helmi = create(folder.path(), "Helmi", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&doctor, &aino).await;
    acquainted(&doctor, &helmi).await;
    in_step(&[&doctor, &aino, &helmi]).await;
    let mut draft = note("Biopsy result");
    draft.subject = Some(aino.me().await.unwrap().id);
    let wrong = send(&doctor, "aino", draft.clone()).await.document;
    aino.read(&wrong.to_string()).await.unwrap();
    in_step(&[&doctor, &aino]).await;
    let done = doctor
        .retract(RetractRequest {
            belongs_to: Some("helmi".into()),
            ..back(&wrong, RetractionReason::WrongPatient)
        })
        .await
        .unwrap();
    assert_eq!(done.notified, ["aino", "helmi"]);
    in_step(&[&doctor, &aino, &helmi]).await;
    let about = |agent: &DocumentView| agent.title.clone();
    let helmis: Vec<String> = helmi.inbox().await.unwrap().iter().map(about).collect();
    assert_eq!(helmis, ["About you, in somebody else's name"]);
    let ainos = aino.inbox().await.unwrap();
    assert_eq!(ainos.len(), 3, "{ainos:?}");
    let (her, his) = (helmi.me().await.unwrap().id, aino.me().await.unwrap().id);
    for (reader, other, name) in [(&aino, her, "Helmi"), (&helmi, his, "Aino")] {
        for document in reader.inbox().await.unwrap() {
            assert_ne!(document.subject, Some(other));
            if document.id == wrong {
                continue;
            }
            let body = reader.read(&document.id.to_string()).await.unwrap().body;
            assert!(!String::from_utf8_lossy(&body).contains(name));
        }
    }

    // One that had not left yet does not leave any more, and nobody need be told.
    relay.kill();
    while doctor.status().await.unwrap().connected {
        tokio::task::yield_now().await;
    }
    let late = doctor.send("aino", note("Also wrong")).await.unwrap().document;
    let done = doctor
        .retract(back(&late, RetractionReason::WrongPatient))
        .await
        .unwrap();
    assert!(done.had[0].stopped && !done.had[0].told, "{:?}", done.had);
    relay.serve();
    in_step(&[&doctor, &aino]).await;
    assert_eq!(
        aino.inbox().await.unwrap().len(),
        3,
        "neither it nor a word about it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_other_device_sent_and_showed_is_not_corrected_or_taken_back_from_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let phone = create(folder.path(), "Doctor", &relay).await.agent;
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let surgeon = create(folder.path(), "Surgeon", &relay).await.agent;
    acquainted(&phone, &aino).await;
    acquainted(&phone, &surgeon).await;
    let tablet = second(folder.path(), &phone, "tablet").await;
    in_step(&[&phone, &tablet, &aino, &surgeon]).await;
    let given = send(&phone, "aino", note("10 mg")).await.document;
    phone.add(vec![note("Ecg")]).await.unwrap();
    let all = phone.documents().await.unwrap();
    let shown = all.iter().find(|d| d.title == "Ecg").unwrap().id;
    phone.share(show("surgeon", shown)).await.unwrap();
    in_step(&[&phone, &tablet, &aino, &surgeon]).await;
    surgeon
        .acknowledge(&shown.to_string(), Some("not mine".into()))
        .await
        .unwrap();
    in_step(&[&surgeon, &phone, &tablet]).await;
    let at_tablet = sent(&tablet, &shown).await.remove(0);
    assert_eq!(at_tablet.answer.unwrap().words, "not mine");

    let new = tablet.amend(&given.to_string(), corrected("1 mg")).await.unwrap();
    assert_eq!(new.to.len(), 1, "who has it is known on both devices");
    tablet
        .retract(back(&shown, RetractionReason::Error))
        .await
        .unwrap();
    in_step(&[&tablet, &phone, &aino, &surgeon]).await;
    in_step(&[&tablet, &phone, &surgeon]).await;
    assert!(matches!(
        seen(&aino, &given).await.standing,
        StandingView::Replaced(_)
    ));
    let refused = surgeon.read(&shown.to_string()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Retracted);
    for device in [&phone, &tablet] {
        assert!(matches!(
            seen(device, &given).await.standing,
            StandingView::Replaced(_)
        ));
        assert!(matches!(
            seen(device, &shown).await.standing,
            StandingView::Retracted(_)
        ));
        let who = device.who().await.unwrap();
        let theirs = who.iter().filter(|g| g.document == shown);
        assert!(theirs.clone().count() > 0 && theirs.clone().all(|g| g.revoked.is_some()));
    }
}
