//! A reader who follows a mailbox at one relay, for as long as he is let, and goes on where he was when the
//! connection breaks.

use std::sync::Arc;
use std::time::Duration;

use telesphor_agent::link::{Credential, Push};
use telesphor_wire::limits::DEFAULT_CREDIT_BYTES;
use tokio::sync::watch;

use crate::tenant::{Mailbox, Tenant};

/// Between two attempts.
const RETRY: Duration = Duration::from_millis(50);

/// Follows at the relay of this place in the domain's record until the event is read that `until` names; gives
/// how many connections it took.
///
/// # Errors
/// The first event that did not come in its order: the number that was to come, and the one that came.
pub async fn follow(
    tenant: Arc<Tenant>,
    at: usize,
    mailbox: Mailbox,
    mut until: watch::Receiver<Option<u64>>,
) -> Result<u32, (u64, u64)> {
    let (mut read, mut connections) = (0u64, 0);
    let over = |until: &watch::Receiver<Option<u64>>, read| until.borrow().is_some_and(|last| read >= last);
    while !over(&until, read) {
        let Ok((session, mut pushes)) = tenant.session_with(at).await else {
            tokio::time::sleep(RETRY).await;
            continue;
        };
        let owner = Credential::owner(mailbox.id, mailbox.owner.clone());
        let Ok(standing) = session.prove(owner).await else {
            tokio::time::sleep(RETRY).await;
            continue;
        };
        let begun = session.follow(standing.handle, read, DEFAULT_CREDIT_BYTES).await;
        if begun.is_err() {
            continue;
        }
        connections += 1;
        while !over(&until, read) {
            let push = tokio::select! {
                push = pushes.recv() => push,
                _ = until.changed() => continue,
            };
            let Some(Push::Events(more)) = push else { break };
            let mut bytes = 0;
            for event in &more.events {
                if event.header.seq != read + 1 {
                    return Err((read + 1, event.header.seq));
                }
                read = event.header.seq;
                bytes += event.payload.as_ref().map_or(0, |p| p.len());
            }
            let credit = u32::try_from(bytes).unwrap_or(u32::MAX);
            if session.credit(standing.handle, credit).await.is_err() {
                break;
            }
        }
    }
    Ok(connections)
}
