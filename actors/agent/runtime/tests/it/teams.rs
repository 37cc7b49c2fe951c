//! Care teams through a real relay: who comes in by the roster, and who is out by it.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::collections::BTreeMap;

use support::LONG;
use support::ward::{HOUR, Ward, now, reading, turn, write};
use telesphor_agent::Turn;
use telesphor_agent::views::TeamState;
use telesphor_clinical::roster::RosterSource;
use telesphor_clinical::scope::Scopes;
use telesphor_wire::error::ErrorCode;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_shift_needs_the_patient() {
    let mut ward = Ward::open(&["Maria", "Pekka"]).await;
    let ecg = write(ward.patient(), "ECG", "heart").await;
    let diary = write(ward.patient(), "Diary", "psychiatry").await;
    ward.publish(vec![turn("Maria", "nurse")]).await;
    let team = ward.share("nurse", &["heart"], Some(now() + 24 * HOUR)).await;
    ward.sit(team, &["Maria"]).await;
    ward.reads("Maria", ecg).await;

    // From here on the phone is off: the overlap lets the next one in, and he lets her out.
    ward.patient_off().await;
    ward.publish(vec![turn("Maria", "nurse"), turn("Pekka", "nurse")])
        .await;
    ward.sit_without_patient(team, &["Maria", "Pekka"]).await;
    ward.reads("Pekka", ecg).await;
    ward.publish(vec![turn("Pekka", "nurse")]).await;
    ward.out("Maria", team).await;
    ward.sit_without_patient(team, &["Pekka"]).await;
    assert_eq!(reading(ward.one("Maria"), ecg).await, Err(ErrorCode::LeaseOver));
    for name in ["Maria", "Pekka"] {
        assert_eq!(reading(ward.one(name), diary).await, Err(ErrorCode::NotFound));
    }

    // She learns of it in words when she looks.
    ward.patient_on().await;
    ward.sit(team, &["Pekka"]).await;
    ward.patient().settle(LONG).await.unwrap();
    let log = ward.patient().log(100).await.unwrap();
    let lines: Vec<(&str, &str)> = log.iter().map(|l| (l.alias.as_str(), l.what)).collect();
    for line in [
        ("Maria", "came-on-duty"),
        ("Pekka", "came-on-duty"),
        ("Maria", "went-off-duty"),
        ("Maria", "opened"),
    ] {
        assert!(lines.contains(&line), "{line:?} is not in {lines:?}");
    }
    let who = ward.patient().who().await.unwrap();
    let seen: Vec<(&str, &str)> = who.iter().map(|g| (g.alias.as_str(), g.title.as_str())).collect();
    assert_eq!(seen, [("Pekka (nurse)", "ECG")]);

    // Discharge: the relay serves nobody, and everybody's program says so.
    let ended = ward
        .patient()
        .revoke_team("hospital", "nurse", Scopes::none())
        .await
        .unwrap();
    assert_eq!((ended.grants, ended.documents, ended.opened), (1, 1, 1));
    ward.out("Pekka", team).await;
    assert_eq!(reading(ward.one("Pekka"), ecg).await, Err(ErrorCode::LeaseOver));
    let over = ward.one("Pekka").door(team).await.unwrap_err();
    assert_eq!(over.code, ErrorCode::LeaseOver);
    let teams = ward.patient().teams().await.unwrap();
    assert_eq!(teams[0].state, TeamState::Over);
}

/// Two shifts of three, an agency nurse for one night, a consult: after every step everybody can
/// open exactly what was granted to him, and the relay serves exactly those who sit there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_opens_or_fetches_more_or_less_than_was_granted() {
    let day = ["Maria", "Olli", "Sanna"];
    let night = ["Pekka", "Riku", "Tiina"];
    let everybody = [&day[..], &night[..], &["Kim", "Laine"][..]].concat();
    let mut ward = Ward::open(&everybody).await;
    let mut documents = BTreeMap::new();
    for (title, scope) in [
        ("ECG", "heart"),
        ("Knee", "musculoskeletal"),
        ("Diary", "psychiatry"),
    ] {
        documents.insert(title, write(ward.patient(), title, scope).await);
    }
    let nurses = |names: &[&str]| names.iter().map(|n| turn(n, "nurse")).collect::<Vec<_>>();

    // 1: the day's nurses see the knee; the consult sees the heart, and neither the other's.
    let mut turns = nurses(&day);
    ward.publish(turns.clone()).await;
    let knee = ward
        .share("nurse", &["musculoskeletal"], Some(now() + 24 * HOUR))
        .await;
    ward.sit(knee, &day).await;
    let see = |names: &[&'static str]| names.iter().map(|n| (*n, "Knee")).collect::<Vec<_>>();
    ward.matrix(&documents, &see(&day)).await;

    let consult = Turn {
        source: RosterSource::Consult,
        approved_by: Some("maria".into()),
        ..turn("Laine", "cardiologist")
    };
    turns.push(consult.clone());
    ward.publish(turns.clone()).await;
    let heart = ward
        .share("cardiologist", &["heart"], Some(now() + 12 * HOUR))
        .await;
    ward.sit(heart, &["Laine"]).await;
    let with_consult = |names: &[&'static str]| [see(names), vec![("Laine", "ECG")]].concat();
    ward.matrix(&documents, &with_consult(&day)).await;

    // 2: the change of shift, with the phone off. Both are there for a while.
    ward.patient_off().await;
    let both = [&day[..], &night[..]].concat();
    ward.publish([nurses(&both), vec![consult.clone()]].concat())
        .await;
    ward.sit_without_patient(knee, &both).await;
    ward.matrix(&documents, &with_consult(&both)).await;
    ward.publish([nurses(&night), vec![consult.clone()]].concat())
        .await;
    for name in day {
        ward.out(name, knee).await;
    }
    ward.sit_without_patient(knee, &night).await;
    ward.matrix(&documents, &with_consult(&night)).await;

    // 3: an agency nurse, until a moment that nobody has to wait for at a desk.
    let mut kim = turn("Kim", "nurse");
    kim.source = RosterSource::Agency;
    kim.until = now() + 20_000;
    ward.publish([nurses(&night), vec![consult.clone(), kim]].concat())
        .await;
    let with_kim = [&night[..], &["Kim"]].concat();
    ward.sit_without_patient(knee, &with_kim).await;
    ward.reads("Kim", documents["Knee"]).await;
    let stand = ward.one("Kim").team_stand(knee).await.unwrap();
    ward.out("Kim", knee).await;
    ward.sit_without_patient(knee, &night).await;
    ward.matrix(&documents, &with_consult(&night)).await;

    // What is written now he can neither fetch nor open: with his old state and the whole disk.
    ward.patient_on().await;
    ward.sit(knee, &night).await;
    documents.insert("Scan", write(ward.patient(), "Scan", "musculoskeletal").await);
    let again = ward.patient().teams().await.unwrap();
    let until = again.iter().find(|t| t.mailbox == knee).unwrap().until;
    assert_eq!(
        ward.share("nurse", &["musculoskeletal"], until).await,
        knee,
        "the same end, the same team"
    );
    for name in night {
        ward.reads(name, documents["Scan"]).await;
    }
    for name in ["Kim", "Maria"] {
        let mut door = ward.one(name).door(knee).await.unwrap();
        assert!(door.deposit().await.is_err(), "{name} still writes there");
        let mut events = door.read(0).await.unwrap();
        while let Ok(more) = door.pushed().await {
            events.extend(more);
        }
        let last = events
            .iter()
            .map(|e| (e.header.branch, e.header.epoch))
            .max()
            .unwrap();
        assert!(
            last <= (stand.branch, stand.epoch),
            "{name} is served {last:?}, {stand:?}"
        );
    }
    let mut disk = ward.patient().owner_door(knee).await.unwrap();
    let events = disk.all(0).await.unwrap();
    let later: Vec<_> = events
        .into_iter()
        .filter(|e| (e.header.branch, e.header.epoch) > (stand.branch, stand.epoch))
        .map(|e| (knee, e))
        .collect();
    assert!(later.len() > 3, "there is something to try the old keys on");
    for name in ["Kim", "Maria", "Laine"] {
        assert_eq!(ward.one(name).try_keys(later.clone()).await.unwrap(), 0, "{name}");
    }

    // 4: discharge. Nobody is served; a note stays its author's own.
    let note = ward.note("Pekka", knee, "Slept well").await;
    ward.patient()
        .revoke_team("hospital", "", Scopes::none())
        .await
        .unwrap();
    for name in night {
        ward.out(name, knee).await;
    }
    ward.out("Laine", heart).await;
    ward.matrix(&documents, &[]).await;
    assert_eq!(
        reading(ward.one("Pekka"), note).await.as_deref(),
        Ok(&b"Slept well"[..])
    );
    assert_eq!(
        reading(ward.patient(), note).await.as_deref(),
        Ok(&b"Slept well"[..])
    );
    // Its author is no contact of hers: nothing waits for ever to be told to him.
    ward.patient().settle(LONG).await.unwrap();
    for (name, team) in [("Pekka", knee), ("Riku", knee), ("Laine", heart)] {
        assert_eq!(
            ward.one(name).door(team).await.unwrap_err().code,
            ErrorCode::LeaseOver
        );
    }
}
