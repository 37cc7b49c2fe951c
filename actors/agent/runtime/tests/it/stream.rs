//! A machine, its patient, and somebody who was let in: values arrive signed, in order, and
//! only while the machine is attached.
#![allow(clippy::unwrap_used)]

use crate::support;

use support::{LONG, Relay, acquainted, create};
use telesphor_agent::Measured;
use telesphor_agent::views::Live;

fn values(start: u64) -> Measured {
    Measured {
        what: "heart-rate".into(),
        unit: "/min".into(),
        start,
        period_ms: 1000,
        values: vec![Some(71.0), None, Some(72.5)],
        simulated: true,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_detached_monitor_does_not_write_into_its_last_patients_stream() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let monitor = create(folder.path(), "Monitor", &relay).await.agent;
    acquainted(&aino, &monitor).await;
    aino.pair("monitor").await.unwrap();
    aino.settle(LONG).await.unwrap();
    monitor.settle(LONG).await.unwrap();
    aino.attach("monitor", "me").await.unwrap();
    aino.settle(LONG).await.unwrap();
    let mut live = aino.follow("me").await.unwrap();
    monitor.settle(LONG).await.unwrap();
    monitor.stream(values(1_000)).await.unwrap();
    let me = aino.me().await.unwrap().id;
    let Some(Live::Samples(first)) = live.recv().await else {
        unreachable!("values must come")
    };
    assert_eq!(first.patient, Some(me));
    assert_eq!(first.values, vec![Some(71.0), None, Some(72.5)]);

    aino.detach("monitor").await.unwrap();
    aino.settle(LONG).await.unwrap();
    monitor.settle(LONG).await.unwrap();
    monitor.stream(values(9_000)).await.unwrap();
    loop {
        match live.recv().await.unwrap() {
            Live::Samples(later) => {
                assert_eq!(later.start, 9_000);
                assert_eq!(
                    later.patient, None,
                    "whose it is was not said, and must not be guessed"
                );
                break;
            }
            Live::Stale { .. } => {}
            Live::Ended => unreachable!("the stream goes on, unassigned"),
        }
    }
}
