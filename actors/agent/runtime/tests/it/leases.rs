//! The end of what is shown is the relay's doing: with every phone switched off, and against a
//! program that honours nothing.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use support::{LONG, Relay, acquainted, create, passphrase, reopen};
use telesphor_agent::views::SentState;
use telesphor_agent::{Agent, Draft, Key, ShareRequest};
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::scope::{Scope, Scopes};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, MailboxId};

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

const HOUR: u64 = 3_600_000;

async fn write(agent: &Agent, title: &str) -> DocumentId {
    let mut draft = Draft::new(DocumentKind::Note, "text/plain", title, title.as_bytes().to_vec());
    draft.scopes = Scopes::from_iter(["heart".parse::<Scope>().unwrap()]);
    agent.add(vec![draft]).await.unwrap()[0].id
}

fn request(with: &str, documents: &[DocumentId], until: Option<u64>) -> ShareRequest {
    ShareRequest {
        with: with.into(),
        scopes: Scopes::none(),
        documents: documents.to_vec(),
        until,
        why: "follow-up".into(),
        although_unverified: true,
    }
}

async fn share(from: &Agent, with: &str, documents: &[DocumentId], until: Option<u64>) {
    let sent = from.share(request(with, documents, until)).await.unwrap();
    assert_eq!(sent.len(), documents.len());
    for one in sent {
        from.wait_sent(one.document, one.to, SentState::Delivered, LONG)
            .await
            .unwrap();
    }
}

/// The rooms this agent knows, oldest first as far as that matters.
async fn rooms(agent: &Agent) -> Vec<MailboxId> {
    let all = agent.mailboxes().await.unwrap();
    let rooms = all.into_iter().filter(|m| m.purpose == "shared");
    rooms.map(|m| m.id).collect()
}

/// Opens a profile without its program's own connection.
async fn offline(folder: &Path, name: &str) -> Agent {
    let key = Key::Passphrase(passphrase());
    Agent::open_with(&folder.join(name), key, false).await.unwrap()
}

async fn reads(agent: &Agent, document: DocumentId) -> Result<Vec<u8>, ErrorCode> {
    let read = agent.read(&document.to_string()).await;
    read.map(|opened| opened.body).map_err(|error| error.code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_day_91_the_cardiologist_is_served_although_nobody_is_there_to_stop_him() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let heart = create(folder.path(), "Cardiologist", &relay).await.agent;
    let gp = create(folder.path(), "GP", &relay).await.agent;
    acquainted(&aino, &heart).await;
    acquainted(&aino, &gp).await;
    let ecg = write(&aino, "ECG").await;
    share(&aino, "gp", &[ecg], None).await;
    // As short as this machine lets a reader read before it ends.
    let mut length = 2_000;
    loop {
        let until = now() + length;
        let sent = aino
            .share(request("cardiologist", &[ecg], Some(until)))
            .await
            .unwrap();
        let came = aino
            .wait_sent(sent[0].document, sent[0].to, SentState::Delivered, LONG)
            .await;
        if came.is_ok() && reads(&heart, ecg).await.as_deref() == Ok(b"ECG") {
            break;
        }
        length *= 2;
    }
    let mine = rooms(&heart).await;
    let theirs = rooms(&gp).await;
    let mut doors = Vec::new();
    for room in &mine {
        // Rooms of tries that were too short are over already.
        doors.extend(heart.door(*room).await.ok());
    }
    aino.close().await;

    // Nobody acts. The relay's word reaches the reader's program, and it says it in words.
    let end = heart.wait_ended(ecg, LONG).await.unwrap();
    assert!(end.agreed && end.opened && end.by == "Aino", "{end:?}");
    assert_eq!(reads(&heart, ecg).await, Err(ErrorCode::LeaseOver));
    // Nor does the relay serve a program that goes on asking, by an old right or a new one.
    for door in &mut doors {
        assert_eq!(door.read(0).await.unwrap_err().code, ErrorCode::LeaseOver);
        assert_eq!(door.deposit().await.unwrap_err().code, ErrorCode::LeaseOver);
    }
    for room in &mine {
        assert_eq!(heart.door(*room).await.unwrap_err().code, ErrorCode::LeaseOver);
    }
    assert!(
        heart.settle(LONG).await.is_ok(),
        "an ended room leaves nothing to wait for"
    );

    assert_eq!(reads(&gp, ecg).await.as_deref(), Ok(&b"ECG"[..]));
    let mut door = gp.door(theirs[0]).await.unwrap();
    assert!(
        !door.read(1).await.unwrap().is_empty(),
        "the GP's room has another end"
    );

    // The owner's right goes on: what was said before the end is still read.
    let aino = reopen(folder.path(), "Aino").await;
    aino.settle(LONG).await.unwrap();
    let who = aino.who().await.unwrap();
    let line = who
        .iter()
        .find(|g| g.alias == "cardiologist" && g.revoked.is_none());
    assert!(line.is_some_and(|g| g.opened.is_some() && g.until.is_some_and(|u| u < now())));

    // An end that has passed is no obstacle to a new one.
    share(&aino, "cardiologist", &[ecg], Some(now() + HOUR)).await;
    assert_eq!(reads(&heart, ecg).await.as_deref(), Ok(&b"ECG"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_revoked_is_served_to_a_program_that_was_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&aino, &doctor).await;
    let (ecg, note) = (write(&aino, "ECG").await, write(&aino, "Note").await);
    share(&aino, "doctor", &[ecg, note], None).await;
    assert_eq!(reads(&doctor, ecg).await.as_deref(), Ok(&b"ECG"[..]));
    doctor.settle(LONG).await.unwrap();
    aino.settle(LONG).await.unwrap();
    doctor.close().await;
    let doctor = offline(folder.path(), "Doctor").await;
    let room = rooms(&doctor).await[0];
    let bodies = |events: Vec<telesphor_wire::mailbox::Event>| {
        events.iter().filter(|event| event.payload.is_some()).count()
    };
    let before = bodies(doctor.door(room).await.unwrap().read(1).await.unwrap());

    // One of two: its ciphertext goes from the room, which stays.
    let revoked = aino.revoke("doctor", Scopes::none(), vec![note]).await.unwrap();
    assert_eq!((revoked.documents, revoked.opened), (1, 0));
    aino.settle(LONG).await.unwrap();
    let mut door = doctor.door(room).await.unwrap();
    let mut events = door.read(1).await.unwrap();
    let told = 3; // the grant for the rest, the end of the old one, the erasure itself
    while events.len() < before + told {
        events.extend(door.pushed().await.unwrap());
    }
    assert_eq!(bodies(events), before + told - 1, "one ciphertext is gone");

    // The rest: the room ends, at once and for every key.
    let revoked = aino.revoke("doctor", Scopes::none(), Vec::new()).await.unwrap();
    assert_eq!((revoked.documents, revoked.opened), (1, 1));
    let code = loop {
        // What was pushed before the end is nobody's fault.
        match door.pushed().await {
            Ok(_) => {}
            Err(error) => break error.code,
        }
    };
    assert_eq!(code, ErrorCode::LeaseOver, "a push stops at that moment");
    aino.settle(LONG).await.unwrap();
    assert_eq!(doctor.door(room).await.unwrap_err().code, ErrorCode::LeaseOver);
    doctor.close().await;

    let doctor = reopen(folder.path(), "Doctor").await;
    let end = doctor.wait_ended(ecg, LONG).await.unwrap();
    assert!(!end.agreed && end.opened && end.by == "Aino", "{end:?}");
    assert_eq!(reads(&doctor, note).await, Err(ErrorCode::LeaseOver));
    assert!(aino.who().await.unwrap().iter().all(|g| g.revoked.is_some()));

    // Shared again, it comes again: into a room of its own.
    share(&aino, "doctor", &[ecg], None).await;
    assert_eq!(reads(&doctor, ecg).await.as_deref(), Ok(&b"ECG"[..]));
    assert_eq!(doctor.ended(&ecg.to_string()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_end_leaves_the_old_one_in_force_or_takes_the_document_away() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&aino, &doctor).await;
    let (ecg, note) = (write(&aino, "ECG").await, write(&aino, "Note").await);
    let first = now() + HOUR;
    share(&aino, "doctor", &[ecg], Some(first)).await;
    share(&aino, "doctor", &[note], Some(first)).await;
    assert_eq!(rooms(&doctor).await.len(), 1, "one end, one room");
    assert_eq!(reads(&doctor, ecg).await.as_deref(), Ok(&b"ECG"[..]));

    for (turn, until) in [(1, first + HOUR), (2, first - HOUR / 2)] {
        let before = rooms(&doctor).await;
        share(&aino, "doctor", &[ecg, note], Some(until)).await;
        aino.settle(LONG).await.unwrap();
        doctor.settle(LONG).await.unwrap();
        assert_eq!(rooms(&doctor).await.len(), 1 + turn);
        for old in before {
            assert_eq!(doctor.door(old).await.unwrap_err().code, ErrorCode::LeaseOver);
        }
        let who = aino.who().await.unwrap();
        assert_eq!(who.len(), 2, "one line a document: {who:?}");
        assert!(who.iter().all(|g| g.until == Some(until) && g.revoked.is_none()));
        let opened = who.iter().filter(|g| g.opened.is_some()).count();
        assert_eq!(opened, 1, "what was opened stays known");
        for document in [ecg, note] {
            let shown = doctor.document(&document.to_string()).await.unwrap();
            assert_eq!(shown.until, Some(until));
        }
        assert_eq!(reads(&doctor, ecg).await.as_deref(), Ok(&b"ECG"[..]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_that_was_interrupted_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let mut relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&aino, &doctor).await;
    let mut documents = Vec::new();
    for n in 0..6 {
        documents.push(write(&aino, &format!("Note {n}")).await);
    }
    aino.settle(LONG).await.unwrap();
    let until = Some(now() + HOUR);
    aino.share(request("doctor", &documents, until)).await.unwrap();
    // Each time a little further: gone when something more has left the outbox.
    let mut agent = aino;
    let mut left = agent.status().await.unwrap().outbox;
    for round in 0..5 {
        let deadline = std::time::Instant::now() + LONG;
        loop {
            let outbox = agent.status().await.unwrap().outbox;
            if outbox != left || outbox == 0 || std::time::Instant::now() > deadline {
                left = outbox;
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(agent);
        if round == 2 {
            relay.kill();
            relay.serve();
        }
        agent = reopen(folder.path(), "Aino").await;
        // The same command again changes nothing.
        agent.share(request("doctor", &documents, until)).await.unwrap();
    }
    agent.settle(LONG).await.unwrap();
    assert_eq!(doctor.wait_inbox(6, LONG).await.unwrap().len(), 6);
    doctor.settle(LONG).await.unwrap();
    agent.settle(LONG).await.unwrap();
    assert!(
        agent
            .sent()
            .await
            .unwrap()
            .iter()
            .all(|s| s.state >= SentState::Delivered)
    );
    let log = agent.log(100).await.unwrap();
    assert_eq!(
        log.iter().filter(|l| l.what == "delivered").count(),
        6,
        "each once"
    );
    assert_eq!(rooms(&doctor).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_left_too_few_key_packages_or_comes_late_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&aino, &doctor).await;
    doctor.settle(LONG).await.unwrap();
    doctor.close().await;
    // More ends than the stock of packages: the last one serves for all that follow.
    let mut documents = Vec::new();
    for n in 0..7 {
        let document = write(&aino, &format!("Note {n}")).await;
        let until = Some(now() + HOUR + n);
        aino.share(request("doctor", &[document], until)).await.unwrap();
        documents.push(document);
    }
    let late = write(&aino, "Late").await;
    let until = now() + 1_500;
    aino.share(request("doctor", &[late], Some(until))).await.unwrap();
    let _ = aino.settle(LONG).await;
    let unknown = aino.share(request("nobody", &[late], None)).await.unwrap_err();
    assert_eq!(unknown.code, ErrorCode::NotFound);
    // The short one is over for the relay before its reader comes.
    let room = aino.mailboxes().await.unwrap().into_iter();
    let rooms_of_aino: Vec<MailboxId> = room.filter(|m| m.purpose == "shared").map(|m| m.id).collect();
    assert_eq!(rooms_of_aino.len(), 8);
    let deadline = std::time::Instant::now() + LONG;
    loop {
        let mut refused = 0;
        for room in &rooms_of_aino {
            refused += usize::from(
                aino.door(*room)
                    .await
                    .is_err_and(|e| e.code == ErrorCode::LeaseOver),
            );
        }
        if refused == 1 {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "the relay never ended it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let doctor = reopen(folder.path(), "Doctor").await;
    let inbox = doctor.wait_inbox(7, LONG).await.unwrap();
    assert!(
        inbox.iter().all(|d| d.id != late),
        "its time was over before he came"
    );
    doctor.settle(LONG).await.unwrap();
    assert_eq!(reads(&doctor, documents[6]).await.as_deref(), Ok(&b"Note 6"[..]));

    // He declines one: said in its room, and known to the owner.
    let declined = documents[0].to_string();
    doctor
        .acknowledge(&declined, Some("off duty".into()))
        .await
        .unwrap();
    doctor.settle(LONG).await.unwrap();
    aino.settle(LONG).await.unwrap();
    let sent = aino.sent().await.unwrap();
    let line = sent.iter().find(|s| s.document == documents[0]).unwrap();
    assert_eq!(line.state, SentState::Declined);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admission_that_was_used_up_cannot_be_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let before = aino.vouchers().await.unwrap();
    let link = relay.admit();
    let after = aino.admit(&link, LONG).await.unwrap();
    assert!(after > before, "{before} {after}");
    let again = aino.admit(&link, LONG).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::AdmissionInvalid, "a link is good once");
    assert_eq!(aino.vouchers().await.unwrap(), after);
    // Still itself: a link that was refused takes nothing away.
    aino.settle(LONG).await.unwrap();
    let other = tempfile::tempdir().unwrap();
    let elsewhere = Relay::start(other.path());
    let wrong = aino.admit(&elsewhere.admit(), LONG).await.unwrap_err();
    assert_eq!(wrong.code, ErrorCode::WrongRelay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_documents_shared_at_once_only_the_first_few_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&aino, &doctor).await;
    let mut many = Vec::new();
    for n in 0..100 {
        many.push(write(&aino, &format!("Result {n}")).await);
    }
    share(&aino, "doctor", &many, None).await;
    aino.settle(LONG).await.unwrap();
    doctor.settle(LONG).await.unwrap();
    assert_eq!(doctor.inbox().await.unwrap().len(), many.len());
    let sent = aino.sent().await.unwrap();
    assert_eq!(sent.len(), many.len());
}
