//! A member with a changed program, against a real relay: what he does is bounded, put down to him
//! and healed.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use crate::support;

use std::time::{Duration, Instant};

use support::LONG;
use support::ward::{HOUR, Ward, now, reading, turn, write};
use telesphor_agent::views::Seen;
use telesphor_agent::{Mischief, Turn};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;

/// Waits until everybody named and the patient stand at the same place.
async fn one_place(ward: &Ward, team: MailboxId, names: &[&str]) {
    let until = Instant::now() + LONG;
    loop {
        let mut stands = std::collections::HashSet::new();
        for agent in names.iter().map(|n| ward.one(n)).chain(&ward.aino) {
            stands.insert(agent.team_stand(team).await.unwrap());
        }
        if stands.len() == 1 {
            return;
        }
        assert!(Instant::now() < until, "parted: {stands:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// After it the honest ones are together without the insider, know what happened, and go on.
async fn healed(ward: &Ward, team: MailboxId, mischief: Mischief, honest: &[&str]) {
    let begun = Instant::now();
    ward.one("Mallory").mischief(team, mischief).await.unwrap();
    ward.sit(team, honest).await;
    one_place(ward, team, honest).await;
    let note = ward.write_note(honest[0], team, "going on").await;
    for name in &honest[1..] {
        ward.reads(name, note).await;
    }
    println!("{mischief:?}: healed and heard again after {:?}", begun.elapsed());
    for agent in honest.iter().map(|n| ward.one(n)).chain(&ward.aino) {
        let found = agent.check().await.unwrap();
        assert!(
            found.iter().any(|f| f.code == ErrorCode::VoidCommit),
            "{mischief:?}: {found:?}"
        );
    }
    ward.out("Mallory", team).await;
    let log = ward.patient().log(200).await.unwrap();
    let named = log.iter().find(|l| l.what == "put-out" && l.alias == "Mallory");
    assert!(
        named.is_some_and(|l| l.seen == Seen::Alarm),
        "{mischief:?}: {log:#?}"
    );
    assert!(reading(ward.one("Mallory"), note).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_insiders_change_goes_unnamed_or_lets_somebody_in_or_wedges_the_team() {
    let mut ward = Ward::open(&["Mallory", "Olli", "Pekka", "Kim"]).await;
    write(ward.patient(), "ECG", "heart").await;
    let tomorrow = Turn {
        from: now() + 20 * HOUR,
        until: now() + 28 * HOUR,
        ..turn("Kim", "nurse")
    };
    let all = ["Mallory", "Olli", "Pekka"];
    let turns = || {
        let now: Vec<Turn> = all.iter().map(|n| turn(n, "nurse")).collect();
        [now, vec![tomorrow.clone()]].concat()
    };
    let (olli, kim) = (ward.ids["Olli"], ward.ids["Kim"]);
    let end = now() + 50 * 24 * HOUR;
    for (n, mischief) in [
        Mischief::LetIn(kim),
        Mischief::PutOut(olli),
        Mischief::Prolong(now() + 47 * 24 * HOUR),
        Mischief::WrongNextKey,
    ]
    .into_iter()
    .enumerate()
    {
        ward.publish(turns()).await;
        // A team of its own for each: another end.
        let team = ward.share("nurse", &["heart"], Some(end + n as u64)).await;
        ward.sit(team, &all).await;
        if matches!(mischief, Mischief::LetIn(_)) {
            asked(&ward, team).await;
        }
        healed(&ward, team, mischief, &["Olli", "Pekka"]).await;
        let seat = ward.one("Kim").teams().await.unwrap();
        assert!(
            seat.iter()
                .all(|t| t.state != telesphor_agent::views::TeamState::Sitting)
        );
        let ended = ward
            .patient()
            .revoke_team("hospital", "nurse", Default::default());
        ended.await.unwrap();
        ward.out("Pekka", team).await;
    }
}

/// Waits until the request of somebody who comes tomorrow has reached the insider.
async fn asked(ward: &Ward, team: MailboxId) {
    let kim = ward.ids["Kim"];
    let until = Instant::now() + LONG;
    while !ward.one("Mallory").asked_for(team).await.unwrap().contains(&kim) {
        assert!(Instant::now() < until, "the request does not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replayed_message_is_heard_twice_or_stops_a_reader() {
    let mut ward = Ward::open(&["Mallory", "Olli"]).await;
    write(ward.patient(), "ECG", "heart").await;
    ward.publish(vec![turn("Mallory", "nurse"), turn("Olli", "nurse")])
        .await;
    let team = ward.share("nurse", &["heart"], Some(now() + 24 * HOUR)).await;
    ward.sit(team, &["Mallory", "Olli"]).await;
    let first = ward.note("Mallory", team, "once").await;
    // All that there is to tell of it is told: that it was written, and that both have opened it.
    ward.reads("Olli", first).await;
    for agent in [ward.one("Mallory"), ward.one("Olli"), ward.patient()] {
        agent.settle(LONG).await.unwrap();
    }
    let before = (
        ward.patient().log(500).await.unwrap(),
        position(&ward, team).await,
    );
    for _ in 0..3 {
        ward.one("Mallory")
            .mischief(team, Mischief::Replay)
            .await
            .unwrap();
    }
    let note = ward.note("Olli", team, "still heard").await;
    ward.reads("Olli", first).await;
    one_place(&ward, team, &["Mallory", "Olli"]).await;
    assert!(
        position(&ward, team).await >= before.1 + 4,
        "the replays did reach the mailbox"
    );
    let log = ward.patient().log(500).await.unwrap();
    let told =
        |log: &[telesphor_agent::views::LogLine]| log.iter().filter(|l| l.document == Some(first)).count();
    assert_eq!(told(&log), told(&before.0), "nothing is told of it again");
    assert_eq!(
        reading(ward.patient(), note).await.as_deref(),
        Ok(&b"still heard"[..])
    );
}

/// How far the patient has read a team's mailbox.
async fn position(ward: &Ward, team: MailboxId) -> u64 {
    let all = ward.patient().mailboxes().await.unwrap();
    all.iter().find(|m| m.id == team).unwrap().seq
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_of_two_things_at_once_is_heard_differently_by_two() {
    let mut ward = Ward::open(&["Mallory", "Olli", "Pekka"]).await;
    write(ward.patient(), "ECG", "heart").await;
    let all = ["Mallory", "Olli", "Pekka"];
    ward.publish(all.iter().map(|n| turn(n, "nurse")).collect()).await;
    let team = ward.share("nurse", &["heart"], Some(now() + 24 * HOUR)).await;
    ward.sit(team, &all).await;
    let one = write(ward.one("Mallory"), "give it", "social").await;
    let other = write(ward.one("Mallory"), "do not give it", "social").await;
    ward.one("Mallory").settle(LONG).await.unwrap();
    ward.one("Mallory")
        .mischief(team, Mischief::TwoAtOnce(one, other))
        .await
        .unwrap();
    // Both stand in one order, and a key opens once: everybody hears the first, nobody the other.
    for name in ["Olli", "Pekka"] {
        ward.reads(name, one).await;
    }
    let note = ward.note("Olli", team, "going on").await;
    ward.reads("Pekka", note).await;
    for agent in [ward.one("Olli"), ward.one("Pekka"), ward.patient()] {
        agent.settle(LONG).await.unwrap();
        assert_eq!(reading(agent, one).await.as_deref(), Ok(&b"give it"[..]));
        assert_eq!(reading(agent, other).await, Err(ErrorCode::NotFound));
    }
    one_place(&ward, team, &all).await;
}
