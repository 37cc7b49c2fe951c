//! A crash or a failing disk at chosen system calls of a fixed script.

#![allow(clippy::unwrap_used)] // a test that cannot set up should stop

use telesphor_chaos::injected::{Fault, Point, Struck, strike};

async fn strike_at(calls: &'static str, nth: u32, fault: Fault) -> Struck {
    let folder = tempfile::tempdir().unwrap();
    let point = Point { calls, nth, fault };
    let struck = strike(folder.path(), &point)
        .await
        .unwrap_or_else(|e| panic!("{point:?}: {e}"));
    assert!(struck.verdict.holds(), "{point:?}: {struck:?}");
    assert!(struck.disk_verified, "{point:?}: {struck:?}");
    struck
}

/// Walks the points until the script ends untouched, `step` apart. Every point: the campaign's business.
async fn walk(calls: &'static str, fault: Fault, step: usize, most: u32) -> u32 {
    let mut reached = 0;
    for nth in (1..most).step_by(step) {
        if !strike_at(calls, nth, fault).await.reached {
            break;
        }
        reached += 1;
    }
    reached
}

// Calls are counted in each thread by itself, so the numbers are smaller than one might think.
const SYNC: &str = "fdatasync,fsync";
const WRITE: &str = "write,pwrite64,writev,pwritev";
const RENAME: &str = "rename,renameat,renameat2";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_event_lost_by_a_crash_at_an_fsync() {
    assert!(walk(SYNC, Fault::Kill, 3, 60).await > 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_event_lost_by_a_crash_at_a_write() {
    assert!(walk(WRITE, Fault::Kill, 9, 400).await > 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_event_lost_by_a_crash_at_a_rename() {
    assert!(walk(RENAME, Fault::Kill, 1, 8).await > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_goes_on_after_a_failed_fsync() {
    // Reached means that the process has ended by itself: nothing is acknowledged after it.
    assert!(walk(SYNC, Fault::InputOutput, 4, 40).await > 1);
}
