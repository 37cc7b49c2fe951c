//! Care teams when something goes wrong: insiders, clocks that run out, races for one epoch.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::collections::HashSet;
use std::time::Instant;

use support::LONG;
use support::ward::{HOUR, Ward, now, reading, turn, write};
use telesphor_agent::{Mischief, TeamStand};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;

/// Waits until everybody named and the patient stand at the same place.
async fn one_place(ward: &Ward, team: MailboxId, names: &[&str]) -> TeamStand {
    let until = Instant::now() + LONG;
    loop {
        let mut stands = HashSet::new();
        let people = names.iter().map(|n| ward.one(n)).chain(&ward.aino);
        for agent in people {
            stands.insert(agent.team_stand(team).await.unwrap());
        }
        if stands.len() == 1 {
            return stands.into_iter().next().unwrap();
        }
        assert!(Instant::now() < until, "parted: {stands:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_insider_wedges_a_team_whose_owner_can_be_reached() {
    let mut ward = Ward::open(&["Mallory", "Olli", "Pekka", "Sanna"]).await;
    let ecg = write(ward.patient(), "ECG", "heart").await;
    let all = ["Mallory", "Olli", "Pekka"];
    ward.publish(all.iter().map(|n| turn(n, "nurse")).collect()).await;
    let olli = ward.ids["Olli"];
    let mischiefs = [
        Mischief::PutOut(olli),
        Mischief::Prolong(now() + 47 * 24 * HOUR),
        Mischief::WrongNextKey,
    ];
    for mischief in mischiefs {
        let end = Some(now() + 50 * 24 * HOUR);
        let team = ward.share("nurse", &["heart"], end).await;
        ward.sit(team, &all).await;
        ward.one("Mallory").mischief(team, mischief).await.unwrap();
        // It has no effect, and who did it is out for good, though the roster has him on duty.
        ward.sit(team, &["Olli", "Pekka"]).await;
        one_place(&ward, team, &["Olli", "Pekka"]).await;
        ward.out("Mallory", team).await;
        let scan = write(ward.patient(), "Scan", "heart").await;
        assert_eq!(ward.share("nurse", &["heart"], end).await, team);
        for name in ["Olli", "Pekka"] {
            ward.reads(name, scan).await;
        }
        assert!(reading(ward.one("Mallory"), scan).await.is_err(), "{mischief:?}");
        assert!(reading(ward.one("Mallory"), ecg).await.is_err());
        // The members lead it on without the patient.
        ward.patient_off().await;
        ward.publish(
            ["Mallory", "Pekka", "Sanna"]
                .iter()
                .map(|n| turn(n, "nurse"))
                .collect(),
        )
        .await;
        ward.sit(team, &["Pekka", "Sanna"]).await;
        ward.patient_on().await;
        ward.sit(team, &["Pekka", "Sanna"]).await;
        let ended = ward
            .patient()
            .revoke_team("hospital", "nurse", Default::default())
            .await;
        ended.unwrap();
        ward.out("Pekka", team).await;
        ward.publish(all.iter().map(|n| turn(n, "nurse")).collect()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_from_nobody_knows_whom_wedges_a_team() {
    let mut ward = Ward::open(&["Mallory", "Olli", "Pekka"]).await;
    let ecg = write(ward.patient(), "ECG", "heart").await;
    ward.publish(vec![turn("Mallory", "nurse"), turn("Olli", "nurse")])
        .await;
    let team = ward.share("nurse", &["heart"], Some(now() + 24 * HOUR)).await;
    ward.sit(team, &["Mallory", "Olli"]).await;
    let before = one_place(&ward, team, &["Mallory", "Olli"]).await;
    ward.one("Mallory")
        .mischief(team, Mischief::Garbage)
        .await
        .unwrap();
    let until = Instant::now() + LONG;
    loop {
        let after = one_place(&ward, team, &["Mallory", "Olli"]).await;
        if after.branch > before.branch {
            break;
        }
        assert!(Instant::now() < until, "the owner does not lead it back");
    }
    // Nobody can say who it was, so for an hour only the patient changes the team. She does.
    ward.publish(vec![
        turn("Mallory", "nurse"),
        turn("Olli", "nurse"),
        turn("Pekka", "nurse"),
    ])
    .await;
    ward.sit(team, &["Mallory", "Olli", "Pekka"]).await;
    ward.reads("Pekka", ecg).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_day_91_a_team_is_served_or_a_roster_that_ran_out_shuts_it_for_good() {
    let mut ward = Ward::open(&["Maria"]).await;
    let ecg = write(ward.patient(), "ECG", "heart").await;
    ward.publish(vec![turn("Maria", "nurse")]).await;
    // As short as this machine lets somebody read before it ends.
    let mut length = 4_000;
    let team = loop {
        let team = ward.share("nurse", &["heart"], Some(now() + length)).await;
        let maria = vec![ward.ids["Maria"]];
        let came = ward
            .patient()
            .wait_team(team, maria, std::time::Duration::from_millis(length))
            .await;
        if came.is_ok() && reading_soon(&ward, ecg).await {
            break team;
        }
        length *= 2;
    };
    ward.patient_off().await;
    ward.out("Maria", team).await;
    assert_eq!(reading(ward.one("Maria"), ecg).await, Err(ErrorCode::LeaseOver));
    assert_eq!(
        ward.one("Maria").door(team).await.unwrap_err().code,
        ErrorCode::LeaseOver
    );

    // Another team, and a roster that nobody renews: the relay serves its members no more...
    ward.patient_on().await;
    ward.publish_until(vec![turn("Maria", "nurse")], now() + 12_000)
        .await;
    let team = ward.share("nurse", &["heart"], Some(now() + 24 * HOUR)).await;
    ward.sit(team, &["Maria"]).await;
    ward.out("Maria", team).await;
    assert_eq!(
        ward.one("Maria").door(team).await.unwrap_err().code,
        ErrorCode::LeaseOver
    );
    // ... until the next edition: then she is let in again.
    ward.publish(vec![turn("Maria", "nurse")]).await;
    ward.sit(team, &["Maria"]).await;
    ward.reads("Maria", ecg).await;
}

async fn reading_soon(ward: &Ward, document: telesphor_wire::ids::DocumentId) -> bool {
    let until = Instant::now() + std::time::Duration::from_secs(2);
    while Instant::now() < until {
        if reading(ward.one("Maria"), document).await.is_ok() {
            return true;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    false
}

/// How many epochs are raced for; a long round sets more.
fn rounds() -> usize {
    let named = std::env::var("TELESPHOR_RACE_ROUNDS").ok();
    named.and_then(|n| n.parse().ok()).unwrap_or(6)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_at_once_part_the_members_or_lose_what_is_said_meanwhile() {
    let names = ["Maria", "Olli", "Pekka", "Riku", "Sanna"];
    let mut ward = Ward::open(&names).await;
    write(ward.patient(), "ECG", "heart").await;
    ward.publish(names.iter().map(|n| turn(n, "nurse")).collect())
        .await;
    let team = ward.share("nurse", &["heart"], Some(now() + 24 * HOUR)).await;
    ward.sit(team, &names).await;
    let mut at = one_place(&ward, team, &names).await;
    let mut said = Vec::new();
    for round in 0..rounds() {
        // All at once, and one of them says something in between.
        let races = names.iter().map(|n| ward.one(n).renew_in_team(team));
        for began in futures_of(races).await {
            began.unwrap();
        }
        let who = names[round % names.len()];
        let text = format!("round {round}");
        said.push((who, ward.write_note(who, team, &text).await));
        let until = Instant::now() + LONG;
        loop {
            let now = one_place(&ward, team, &names).await;
            if now.epoch > at.epoch {
                assert_eq!(now.branch, at.branch, "nobody had to lead anybody back");
                at = now;
                break;
            }
            assert!(Instant::now() < until, "stuck in epoch {}", at.epoch);
        }
    }
    for (who, note) in said {
        for name in names {
            if name != who {
                ward.reads(name, note).await;
            }
        }
    }
    for name in names {
        ward.one(name).settle(LONG).await.unwrap();
    }
    one_place(&ward, team, &names).await;
}

/// Runs them all at once.
async fn futures_of<T>(all: impl Iterator<Item = impl std::future::Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = all.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|cx| {
        waiting.retain_mut(|one| match one.as_mut().poll(cx) {
            std::task::Poll::Ready(value) => {
                done.push(value);
                false
            }
            std::task::Poll::Pending => true,
        });
        match waiting.is_empty() {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    done
}
