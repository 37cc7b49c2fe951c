//! What was erased leaves the disk within a stated time, whoever is awake.
//!
//! Erasing hides a ciphertext at once and the database forgets it in its own time, which may be
//! never. Reclaiming turns every file over that could still hold it. When it was done last is
//! written down, so that a relay that is restarted every night still gets to it.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use telesphor_blobs::card::Use;

use super::Running;
use crate::clock;
use crate::files;

/// Runs until it is dropped. A round that is under way then goes on until the store is closed.
pub(crate) async fn tend(running: Arc<Running>) {
    let every = Duration::from_secs(running.settings.store.reclaim_every);
    loop {
        tokio::time::sleep(left(&running, every)).await;
        let upkeep = running.engine.upkeep();
        let now = clock::now_ms();
        let (blobs, engine) = (running.blobs.clone(), running.engine.clone());
        let done = tokio::task::spawn_blocking(move || {
            let over = |used: &Use| engine.blob_is_over(&used.mailbox, used.since).unwrap_or(false);
            upkeep.reclaim(now).is_ok() && blobs.sweep(now, over).is_ok()
        })
        .await;
        let done = matches!(done, Ok(true));
        running.metrics.reclaimed(done);
        if !done {
            // The disk that failed here fails the next write too, and that ends the process.
            tracing::error!(
                code = %telesphor_wire::error::ErrorCode::RelayIo,
                "erased ciphertext could not be removed from the disk; it is tried again"
            );
        }
        note(&running, now);
    }
}

/// How long until the next round is due.
fn left(running: &Running, every: Duration) -> Duration {
    let path = running.layout.reclaimed();
    let last = fs::read_to_string(path)
        .ok()
        .and_then(|text| text.trim().parse::<u64>().ok());
    let now = clock::now_ms();
    match last {
        // A clock that was set back must not put it off for longer than one round.
        Some(last) => every.saturating_sub(Duration::from_millis(now.saturating_sub(last))),
        None => {
            note(running, now);
            every
        }
    }
}

fn note(running: &Running, when: u64) {
    if files::replace(&running.layout.reclaimed(), when.to_string().as_bytes()).is_err() {
        tracing::warn!("it could not be written down when erased ciphertext was last removed");
    }
}
