//! Large teams: what a change costs, and what is still said of it.
#![allow(clippy::unwrap_used)]

mod support;

use support::LONG;
use support::ward::{HOUR, Ward, now, turn, write};
use telesphor_agent::Turn;
use telesphor_agent::views::Seen;
use telesphor_wire::ids::MailboxId;

const DAY: [&str; 4] = ["Maria", "Olli", "Sanna", "Kim"];
const NIGHT: [&str; 4] = ["Pekka", "Riku", "Tiina", "Laine"];

fn nurses(names: &[&str]) -> Vec<Turn> {
    names.iter().map(|name| turn(name, "nurse")).collect()
}

/// Events of a team's mailbox and its epoch, as somebody sees them who has heard all.
async fn heard(ward: &Ward, who: &str, team: MailboxId) -> (u64, u64) {
    let all = ward.one(who).mailboxes().await.unwrap();
    let seen = all.iter().find(|m| m.id == team).unwrap();
    (seen.seq, seen.epoch)
}

async fn settle(ward: &Ward) {
    for agent in ward.staff.values() {
        agent.settle(LONG).await.unwrap();
    }
    ward.patient().settle(LONG).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_says_everything_by_itself_or_a_member_who_fetches_is_an_alarm() {
    let mut ward = Ward::open(&[&DAY[..], &NIGHT[..]].concat()).await;
    let ecg = write(ward.patient(), "ECG", "heart").await;
    ward.publish(nurses(&DAY)).await;
    let team = ward.share("nurse", &["heart"], Some(now() + 24 * HOUR)).await;
    ward.sit(team, &DAY).await;
    for name in DAY {
        ward.reads(name, ecg).await;
    }
    settle(&ward).await;

    // A new edition that lets nobody in or out changes nothing: access is lengthened by and by.
    let before = heard(&ward, "Maria", team).await;
    ward.publish(nurses(&DAY)).await;
    settle(&ward).await;
    assert_eq!(heard(&ward, "Maria", team).await, before);

    // Nine sit there when the shift has come: each says one thing more, and not three.
    let everybody = [&DAY[..], &NIGHT[..]].concat();
    ward.publish(nurses(&everybody)).await;
    ward.sit(team, &everybody).await;
    for name in NIGHT {
        ward.reads(name, ecg).await;
    }
    let log = ward.patient().log(100).await.unwrap();
    assert!(log.iter().all(|line| line.seen != Seen::Alarm), "{log:?}");
    settle(&ward).await;
    let after = heard(&ward, "Maria", team).await;
    let changes = after.1 - before.1;
    let said = after.0 - before.0;
    // With each change go its basis, and what is shown with its evidence of time.
    assert!(said <= 9 + 4 * changes + 1, "{said} events by {changes} changes");

    // Nothing of it was lost: the patient knows whose keys they are and who opened what.
    let log = ward.patient().log(100).await.unwrap();
    assert!(log.iter().all(|line| line.seen != Seen::Alarm), "{log:?}");
    for name in NIGHT {
        let opened = log.iter().any(|l| l.alias == name && l.what == "opened");
        assert!(opened, "{name} in {log:?}");
    }

    // Whoever goes is out, and had said all before.
    ward.publish(nurses(&NIGHT)).await;
    for name in DAY {
        ward.out(name, team).await;
    }
    ward.sit(team, &NIGHT).await;
    ward.patient().settle(LONG).await.unwrap();
    let log = ward.patient().log(200).await.unwrap();
    assert!(log.iter().all(|line| line.seen != Seen::Alarm), "{log:?}");
}
