//! A crash or a failing disk at chosen system calls of a fixed script: a sample. All of them:
//! `make crash-points`.

#![allow(clippy::unwrap_used)] // a test that cannot set up should stop

use telesphor_chaos::points::{Fault, Kind, Point, Stream, Struck, strike};
use telesphor_chaos::relay::binary;

async fn strike_at(point: Point) -> Struck {
    let folder = tempfile::tempdir().unwrap();
    let relay = binary("TELESPHOR_RELAY_BIN", "telesphor-relay").unwrap();
    let struck = strike(folder.path(), &relay, &point).await.unwrap_or_else(|e| {
        let log = std::fs::read_to_string(folder.path().join("relay.log")).unwrap_or_default();
        panic!("{point}: {e}\n{log}")
    });
    assert!(struck.holds(), "{point}: {struck:?}");
    struck
}

/// Walks the points until the script ends untouched, `step` apart; gives how many ended the relay.
async fn walk(stream: Stream, kind: Kind, fault: Fault, step: usize, most: u32) -> u32 {
    let mut ended = 0;
    for nth in (1..most).step_by(step) {
        let struck = strike_at(Point {
            stream,
            kind,
            fault,
            nth,
        })
        .await;
        if !struck.reached {
            break;
        }
        // A disk that fails a backup ends the backup alone.
        assert!(
            struck.ended || struck.all_answered,
            "a relay that goes on after its disk failed: {struck:?}"
        );
        ended += u32::from(struck.ended);
    }
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_event_lost_by_a_crash_at_an_fsync() {
    // Twelve deposits, four at a time: three groups at least, and as many syncs, by the writer or
    // behind it, as it happens.
    let here = walk(Stream::Writer, Kind::Sync, Fault::Kill, 1, 30).await;
    let behind = walk(Stream::Syncer, Kind::Sync, Fault::Kill, 1, 30).await;
    assert!(here + behind > 2, "{here}, {behind}");
    assert!(walk(Stream::Start, Kind::Sync, Fault::Kill, 6, 60).await > 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_event_lost_by_a_crash_at_a_write() {
    assert!(walk(Stream::Writer, Kind::Write, Fault::Kill, 2, 60).await > 1);
    assert!(walk(Stream::Start, Kind::Write, Fault::Kill, 23, 400).await > 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_event_lost_by_a_crash_at_a_rename() {
    assert!(walk(Stream::Start, Kind::Name, Fault::Kill, 1, 8).await > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_goes_on_after_a_failed_fsync() {
    // Ended by itself: nothing is acknowledged after it.
    let here = walk(Stream::Writer, Kind::Sync, Fault::InputOutput, 1, 4).await;
    let behind = walk(Stream::Syncer, Kind::Sync, Fault::InputOutput, 1, 4).await;
    assert!(here + behind > 1, "{here}, {behind}");
    assert!(walk(Stream::Start, Kind::Sync, Fault::InputOutput, 5, 12).await > 1);
}
