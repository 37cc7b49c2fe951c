//! What waits for another hospital, while one relay's clock is wrong.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use telesphor_chaos::cluster::Cluster;
use telesphor_chaos::exchange::{Asker, Hospital, at};
use telesphor_chaos::faults::wrong_clock;
use telesphor_chaos::relay::Relay;
use telesphor_wire::seal::SealingKey;

const MONTH_SECONDS: i64 = 30 * 24 * 3600;
const FIVE_DAYS_SECONDS: u64 = 5 * 24 * 3600;

/// Waits until a relay knows of so many requests for the one other hospital; gives what came back.
fn came_back(relay: &Relay, waiting: u64) -> u64 {
    let begun = std::time::Instant::now();
    loop {
        let text = relay.run(&["domain", "peers", "--json"]).unwrap();
        let peer = text
            .lines()
            .find_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
        let number = |name: &str| peer.as_ref().and_then(|p| p[name].as_u64()).unwrap_or(0);
        if number("waiting") + number("undelivered") >= waiting {
            return number("undelivered");
        }
        assert!(begun.elapsed().as_secs() < 60, "{text}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_a_month_ahead_gives_back_what_waits_for_another_hospital() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(&folder.path().join("a"), "hospital-a.example").unwrap();
    let mut away = Hospital::new(&folder.path().join("b"), "hospital-b.example", FIVE_DAYS_SECONDS).unwrap();
    away.relay.start().unwrap();
    let (_there, all) = at(&away.relay, 1).await.unwrap();
    let card = away.card().unwrap();
    for relay in &cluster.relays {
        relay.run(&["domain", "pin", &card.to_string_lossy()]).unwrap();
    }
    let mut asker = Asker::enrol(&cluster.relays[0]).await.unwrap();
    let anything = SealingKey::generate().public();
    let mut waiting = 0;
    // Which of them passes on is theirs to say, so each has its turn.
    for at in 0..3 {
        cluster.relays[at].kill().unwrap();
        cluster.relays[at]
            .start_under(&wrong_clock(MONTH_SECONDS).unwrap())
            .unwrap();
        cluster.until_following([at]).unwrap();
        for _ in 0..2 {
            asker.begin().await.unwrap();
            asker.send(&all[0], &anything, b"one".to_vec()).await.unwrap();
            waiting += 1;
            assert_eq!(came_back(&cluster.relays[at], waiting), 0, "relay {at}");
        }
        cluster.relays[at].kill().unwrap();
        cluster.relays[at].start().unwrap();
        cluster.until_following([at]).unwrap();
        asker.begin().await.unwrap();
    }
}
