//! The access log: who fetched, as the relay notes it and the members can name it.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::time::{Duration, Instant};

use support::devices::{in_step, second};
use support::{LONG, Relay, acquainted, create, passphrase, reopen};
use telesphor_agent::views::{LogLine, Missing, Seen, SentState};
use telesphor_agent::{Agent, Draft, ShareRequest};
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::scope::{Scope, Scopes};
use telesphor_identity::endpoint::EndReason;
use telesphor_wire::ids::{DocumentId, MailboxId};

async fn shared(from: &Agent, with: &str, title: &str) -> DocumentId {
    let mut draft = Draft::new(DocumentKind::Note, "text/plain", title, title.as_bytes().to_vec());
    draft.scopes = Scopes::from_iter(["heart".parse::<Scope>().unwrap()]);
    let document = from.add(vec![draft]).await.unwrap()[0].id;
    let request = ShareRequest {
        with: with.into(),
        scopes: Scopes::none(),
        documents: vec![document],
        until: None,
        why: "follow-up".into(),
        although_unverified: true,
    };
    for one in from.share(request).await.unwrap() {
        from.wait_sent(one.document, one.to, SentState::Delivered, LONG)
            .await
            .unwrap();
    }
    document
}

async fn room(agent: &Agent) -> MailboxId {
    let all = agent.mailboxes().await.unwrap();
    all.iter().find(|m| m.purpose == "shared").unwrap().id
}

/// The first line of the log that fits, as soon as there is one.
async fn line(agent: &Agent, within: Duration, fits: impl Fn(&LogLine) -> bool) -> LogLine {
    let until = Instant::now() + within;
    loop {
        let log = agent.log(1_000).await.unwrap();
        if let Some(line) = log.iter().find(|l| fits(l)) {
            return line.clone();
        }
        assert!(Instant::now() < until, "no such line in {log:#?}");
        agent.changed(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_with_stolen_room_keys_is_not_in_the_owners_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Dr Virtanen", &relay).await.agent;
    acquainted(&aino, &doctor).await;
    let ecg = shared(&aino, "dr-virtanen", "ECG").await;
    let me = doctor.me().await.unwrap().id;
    doctor.read(&ecg.to_string()).await.unwrap();
    doctor.settle(LONG).await.unwrap();
    aino.watch_log().await.unwrap();

    // What an honest program did, in words, and nothing else.
    let fetched = line(&aino, LONG, |l| {
        l.what == "fetched" && l.who == Some(me) && l.document == Some(ecg)
    })
    .await;
    assert_eq!(fetched.words, "fetched by Dr Virtanen's device: ECG");
    let opened = line(&aino, LONG, |l| l.what == "opened").await;
    assert_eq!(opened.words, "opened by Dr Virtanen: ECG");
    aino.settle(LONG).await.unwrap();
    let calm = aino.log(1_000).await.unwrap();
    assert!(calm.iter().all(|l| l.seen != Seen::Alarm), "{calm:#?}");
    assert!(calm.iter().any(|l| l.seen == Seen::Own));
    let check = aino.log_check().await.unwrap();
    assert_eq!(check.missing, [], "complete, no gap");
    assert!(check.mailboxes >= 3 && check.others == 0, "{check:?}");
    // The room is not the doctor's: his log says that it cannot tell.
    assert!(doctor.log_check().await.unwrap().others >= 1);

    // A program that holds the room's key and names nobody.
    let room = room(&doctor).await;
    let mut thief = doctor.unannounced_door(room).await.unwrap();
    assert!(!thief.read(0).await.unwrap().is_empty());
    let began = Instant::now();
    let alarm = line(&aino, Duration::from_secs(5), |l| l.seen == Seen::Alarm).await;
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(alarm.words, "fetched by A KEY THAT NOBODY ANNOUNCED: ECG");
    assert_eq!(
        (alarm.who, alarm.what, alarm.document),
        (None, "fetched-by-nobody-known", Some(ecg))
    );

    // A hard stop takes nothing that was written, and is told.
    let before = aino.log(1_000).await.unwrap().len();
    relay.kill();
    relay.serve();
    aino.settle(LONG).await.unwrap();
    let check = aino.log_check().await.unwrap();
    assert!(
        matches!(check.missing.as_slice(), [Missing::Torn(at)] if *at > 0),
        "{check:?}"
    );
    assert!(aino.log(1_000).await.unwrap().len() >= before);
    let mut thief = doctor.unannounced_door(room).await.unwrap();
    assert!(!thief.read(0).await.unwrap().is_empty());
    let fresh = |l: &LogLine| l.seen == Seen::Alarm && l.at > alarm.at;
    line(&aino, LONG, fresh).await;

    // The log is the vault's: it is there without the relay, each line once.
    let lines = aino.log(1_000).await.unwrap();
    aino.close().await;
    relay.kill();
    let aino = reopen(folder.path(), "Aino").await;
    let again = aino.log(1_000).await.unwrap();
    assert_eq!(again.len(), lines.len());
    let alarms = again.iter().filter(|l| l.seen == Seen::Alarm).count();
    assert_eq!(alarms, 2, "{again:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_devices_keys_fetch_without_an_alarm_where_there_are_two_devices() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let phone = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Dr Virtanen", &relay).await.agent;
    let tablet = second(folder.path(), &phone, "tablet").await;
    // Something comes into the inbox.
    acquainted(&phone, &doctor).await;
    in_step(&[&phone, &tablet, &doctor]).await;
    phone.watch_log().await.unwrap();
    tablet.watch_log().await.unwrap();

    // What the tablet's own program did goes by its name, in the mailbox too whose key both have.
    let place = |l: &LogLine, place: &str| l.device == "tablet" && l.words.contains(place);
    for mailbox in ["your inbox", "your devices' mailbox"] {
        let own = line(&phone, LONG, |l| place(l, mailbox)).await;
        assert!(
            own.seen == Seen::Own && own.words.starts_with("fetched by your device \"tablet\":"),
            "{own:?}"
        );
    }
    let calm = phone.log(1_000).await.unwrap();
    assert!(calm.iter().all(|l| l.seen != Seen::Alarm), "{calm:#?}");

    // Its keys in another program.
    let all = tablet.mailboxes().await.unwrap();
    let of = |purpose: &str| all.iter().find(|m| m.purpose == purpose).unwrap().id;
    for (mut thief, said) in [
        (
            tablet.owner_door(of("inbox")).await.unwrap(),
            "SOMEBODY ELSE WITH YOUR OWNER'S KEY",
        ),
        (
            tablet.door(of("own")).await.unwrap(),
            "A PROGRAM THAT HAS THE KEY OF YOUR DEVICE \"tablet\" AND IS NOT ITS OWN",
        ),
    ] {
        assert!(!thief.read(0).await.unwrap().is_empty());
        let began = Instant::now();
        let alarm = line(&phone, LONG, |l| l.words.contains(said)).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!((alarm.seen, alarm.who), (Seen::Alarm, None));
    }
    // The tablet itself knows that it was none of its own connections.
    let at_tablet = line(&tablet, LONG, |l| l.words.contains("HAS THIS DEVICE'S KEYS")).await;
    assert_eq!(at_tablet.seen, Seen::Alarm);

    // Lost, removed, and switched on again.
    tablet.close().await;
    phone
        .remove_endpoint("tablet", EndReason::Lost, &passphrase(), LONG)
        .await
        .unwrap();
    let back = reopen(folder.path(), "tablet").await;
    let came = line(&phone, LONG, |l| l.words.contains("WHICH YOU REMOVED")).await;
    assert_eq!((came.seen, came.device.as_str()), (Seen::Alarm, "tablet"));
    back.close().await;
}
