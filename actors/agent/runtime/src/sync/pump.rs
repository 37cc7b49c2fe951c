//! The task that keeps a connection alive, life after life.

use std::sync::Arc;
use std::time::Duration;

use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::Nonce;
use tokio::sync::watch;

use super::life::Life;
use crate::core::Shared;
use crate::error::{Error, Result};
use crate::link::backoff;

/// Connects, serves, and comes back after a pause that grows, until `stop` says so.
pub(crate) async fn run(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut attempt = 0u32;
    while !*stop.borrow() {
        let ended = tokio::select! {
            ended = live(&shared, &mut attempt) => ended,
            _ = stop.changed() => break,
        };
        let error = ended.err().unwrap_or(Error::of(ErrorCode::Unreachable));
        let code = error.code;
        let noted = shared
            .work(move |core| {
                core.index.connected = false;
                core.index.last_failure = Some(code);
                for slot in core.index.outbox.values_mut() {
                    (slot.in_flight, slot.overtaken) = (false, false);
                }
                Ok(core.index.stopped)
            })
            .await;
        shared.news();
        if !matches!(noted, Ok(None)) {
            break;
        }
        let pause = pause(attempt, &error);
        attempt = attempt.saturating_add(1);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.changed() => break,
        }
    }
}

fn pause(attempt: u32, error: &Error) -> Duration {
    let random = Nonce::random().0;
    let jitter = u64::from_be_bytes([
        random[0], random[1], random[2], random[3], random[4], random[5], random[6], random[7],
    ]);
    backoff::delay(attempt, error.retry_after_ms, jitter)
}

async fn live(shared: &Arc<Shared>, attempt: &mut u32) -> Result<()> {
    let mut life = Life::begin(shared.clone()).await?;
    // A relay that welcomed us is there: the next pause is short again.
    *attempt = 0;
    life.serve().await
}
