//! Care teams of people with several devices, and devices that are lost, through a real relay.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::time::{Duration, Instant};

use support::devices::{in_step, second};
use support::ward::{Ward, reading, scopes, turn, write};
use support::{LONG, passphrase, reopen};
use telesphor_agent::views::TeamState;
use telesphor_agent::{Agent, TeamRequest};
use telesphor_clinical::scope::Scopes;
use telesphor_identity::endpoint::EndReason;
use telesphor_wire::ids::{DocumentId, MailboxId};

/// Waits until something is so.
async fn soon<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let until = Instant::now() + LONG;
    while !is_so().await {
        assert!(Instant::now() < until, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn heart() -> TeamRequest {
    TeamRequest {
        organisation: "hospital".into(),
        role: "nurse".into(),
        scopes: scopes(&["heart"]),
        until: None,
        why: "operation".into(),
        although_unverified: true,
    }
}

async fn state(agent: &Agent, mailbox: MailboxId) -> Option<TeamState> {
    let teams = agent.teams().await.unwrap();
    teams.iter().find(|t| t.mailbox == mailbox).map(|t| t.state)
}

/// Those teams of somebody's that are not over.
async fn running(agent: &Agent) -> Vec<MailboxId> {
    let teams = agent.teams().await.unwrap();
    let on = teams.iter().filter(|t| t.state != TeamState::Over);
    on.map(|t| t.mailbox).collect()
}

async fn reads(agent: &Agent, document: DocumentId) {
    soon("it cannot be read", || async {
        reading(agent, document).await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_patients_phone_granted_cannot_be_run_or_ended_by_her_tablet() {
    let mut ward = Ward::open(&["Maria", "Pekka"]).await;
    let ecg = write(ward.patient(), "ECG", "heart").await;
    ward.publish(vec![turn("Maria", "nurse")]).await;
    let team = ward.share("nurse", &["heart"], None).await;
    ward.sit(team, &["Maria"]).await;
    ward.reads("Maria", ecg).await;

    // One that comes after the team was founded, and takes its seat.
    let tablet = second(ward.folder.path(), ward.patient(), "tablet").await;
    let maria = vec![ward.ids["Maria"]];
    tablet.wait_team(team, maria, LONG).await.unwrap();
    ward.patient_off().await;

    // What it adds is read; who looked is in its log; the shift changes.
    let echo = write(&tablet, "Echo", "heart").await;
    assert_eq!(tablet.share_team(heart()).await.unwrap().mailbox, team);
    ward.reads("Maria", echo).await;
    soon("the opening is not in its log", || async {
        let log = tablet.log(100).await.unwrap();
        log.iter()
            .any(|l| l.what == "opened" && l.document == Some(echo) && l.words.contains("Maria"))
    })
    .await;
    ward.publish(vec![turn("Maria", "nurse"), turn("Pekka", "nurse")])
        .await;
    ward.sit_without_patient(team, &["Maria", "Pekka"]).await;
    ward.reads("Pekka", echo).await;
    ward.reads("Pekka", ecg).await;

    // It ends it: nobody is served, and the phone finds it ended.
    let ended = tablet
        .revoke_team("hospital", "nurse", Scopes::none())
        .await
        .unwrap();
    assert_eq!((ended.grants, ended.documents), (1, 2));
    tablet.settle(LONG).await.unwrap();
    for name in ["Maria", "Pekka"] {
        ward.out(name, team).await;
        assert!(reading(ward.one(name), ecg).await.is_err(), "{name}");
    }
    ward.patient_on().await;
    soon("the phone does not know that it is over", || async {
        state(ward.patient(), team).await == Some(TeamState::Over)
    })
    .await;

    // What the phone grants from now on, a discharge ends with the phone off.
    let again = ward.patient().share_team(heart()).await.unwrap().mailbox;
    assert_ne!(again, team);
    let both = vec![ward.ids["Maria"], ward.ids["Pekka"]];
    tablet.wait_team(again, both, LONG).await.unwrap();
    ward.patient_off().await;
    ward.hospital.discharge("aino", None).await.unwrap();
    soon("the tablet does not end it", || async {
        state(&tablet, again).await == Some(TeamState::Over)
    })
    .await;
    for name in ["Maria", "Pekka"] {
        ward.out(name, again).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_phone_keeps_what_it_granted_or_the_patient_loses_it() {
    let mut ward = Ward::open(&["Maria"]).await;
    let ecg = write(ward.patient(), "ECG", "heart").await;
    ward.publish(vec![turn("Maria", "nurse")]).await;
    let team = ward.share("nurse", &["heart"], None).await;
    ward.sit(team, &["Maria"]).await;
    ward.reads("Maria", ecg).await;
    let tablet = second(ward.folder.path(), ward.patient(), "tablet").await;
    tablet
        .wait_team(team, vec![ward.ids["Maria"]], LONG)
        .await
        .unwrap();

    let thief = ward.patient().drill_keys().await.unwrap();
    ward.patient_off().await;
    tablet
        .remove_endpoint("this device", EndReason::Stolen, &passphrase(), LONG)
        .await
        .unwrap();
    in_step(&[&tablet, &ward.hospital, ward.one("Maria")]).await;
    for tried in thief.try_everything().await.unwrap() {
        assert!(tried.refused, "{} was let through", tried.what);
    }
    // Another team carries the same grant out, and Maria has found her way there.
    soon("there is no other team", || async {
        let teams = running(&tablet).await;
        teams.len() == 1 && teams[0] != team
    })
    .await;
    let next = running(&tablet).await[0];
    tablet
        .wait_team(next, vec![ward.ids["Maria"]], LONG)
        .await
        .unwrap();
    let echo = write(&tablet, "Echo", "heart").await;
    tablet.share_team(heart()).await.unwrap();
    for document in [ecg, echo] {
        ward.reads("Maria", document).await;
    }
    for cut in tablet.cut("this device").await.unwrap() {
        assert!(cut.done, "{cut:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_device_of_somebody_on_duty_is_served_on_in_a_team() {
    let mut ward = Ward::open(&["Maria", "Pekka"]).await;
    let ecg = write(ward.patient(), "ECG", "heart").await;
    ward.publish(vec![turn("Maria", "nurse"), turn("Pekka", "nurse")])
        .await;
    let team = ward.share("nurse", &["heart"], None).await;
    ward.sit(team, &["Maria", "Pekka"]).await;
    ward.reads("Maria", ecg).await;
    // Her badge learns where she is called to, and sits there too.
    let badge = second(ward.folder.path(), ward.one("Maria"), "badge").await;
    reads(&badge, ecg).await;
    soon("her badge has no seat", || async {
        state(&badge, team).await == Some(TeamState::Sitting)
    })
    .await;

    // The workstation is lost, and she says so with her badge.
    let thief = ward.one("Maria").drill_keys().await.unwrap();
    ward.staff.remove("Maria").unwrap().close().await;
    badge
        .remove_endpoint("this device", EndReason::Lost, &passphrase(), LONG)
        .await
        .unwrap();
    in_step(&[&badge, &ward.hospital, ward.patient(), ward.one("Pekka")]).await;
    soon("it sits there still", || async {
        let cut = badge.cut("this device").await.unwrap();
        cut.iter().all(|cut| cut.done)
    })
    .await;
    for tried in thief.try_everything().await.unwrap() {
        assert!(tried.refused, "{} was let through", tried.what);
    }

    // She reads on, by the device that is left; so does everybody else.
    let echo = write(ward.patient(), "Echo", "heart").await;
    ward.patient().share_team(heart()).await.unwrap();
    reads(&badge, echo).await;
    ward.reads("Pekka", echo).await;
    let seen = badge.cut("this device").await.unwrap();
    let places: Vec<&str> = seen.iter().map(|c| c.purpose).collect();
    for place in ["team", "own", "conversation", "keys"] {
        assert!(places.contains(&place), "{places:?}");
    }
    let lost = reopen(ward.folder.path(), "Maria").await;
    lost.connected(LONG).await.unwrap();
    assert!(reading(&lost, echo).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_phone_writes_on_in_the_rooms_that_it_opened() {
    let mut ward = Ward::open(&["Maria"]).await;
    let aino = ward.patient();
    let tablet = second(ward.folder.path(), aino, "tablet").await;
    // The hospital itself is shown something, in a room that the phone opens.
    let ecg = write(aino, "ECG", "heart").await;
    let request = telesphor_agent::ShareRequest {
        with: "hospital".into(),
        scopes: Scopes::none(),
        documents: vec![ecg],
        until: None,
        why: "second opinion".into(),
        although_unverified: true,
    };
    aino.share(request).await.unwrap();
    in_step(&[aino, &ward.hospital, &tablet]).await;
    reads(&ward.hospital, ecg).await;
    in_step(&[aino, &ward.hospital, &tablet]).await;
    let thief = aino.drill_keys().await.unwrap();
    ward.aino.take().unwrap().close().await;
    tablet
        .remove_endpoint("this device", EndReason::Stolen, &passphrase(), LONG)
        .await
        .unwrap();
    in_step(&[&tablet, &ward.hospital]).await;
    in_step(&[&tablet, &ward.hospital]).await;
    let tried = thief.try_everything().await.unwrap();
    assert!(tried.iter().any(|t| t.what.starts_with("shared: ")), "{tried:?}");
    for tried in tried {
        assert!(tried.refused, "{} was let through", tried.what);
    }
    for cut in tablet.cut("this device").await.unwrap() {
        assert!(cut.done, "{cut:?}");
    }
    // The hospital is shown it as before.
    reads(&ward.hospital, ecg).await;
    let who = tablet.who().await.unwrap();
    assert_eq!(who.iter().filter(|g| g.revoked.is_none()).count(), 1, "{who:?}");
}
