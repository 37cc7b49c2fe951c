//! How much is asked for before what came is taken in. The connection's own task waits for nobody: if
//! nobody reads what the relay sends, the connection ends and is begun anew. Whoever follows more
//! mailboxes than there is room for, and asked for all of them at once, would begin anew for ever.

use super::life::Life;
use crate::error::Result;
use crate::link::session::PUSH_QUEUE;

/// So many pushes that nobody has read are a crowd. What is left of the room is for what is under way.
const CROWD: usize = PUSH_QUEUE / 4;
/// Calls on their way at once: each may come back as an event of a mailbox that is followed.
pub(super) const CALLS: usize = PUSH_QUEUE / 2;

impl Life {
    /// Whether what came should be taken in before more is asked for.
    pub(super) fn is_crowded(&self) -> bool {
        self.pushes.len() >= CROWD
    }

    /// Takes in what came, if it is a crowd: within work that asks the relay many things one after
    /// another, while others go on writing.
    pub(super) async fn take_crowd(&mut self) -> Result<()> {
        while self.is_crowded() {
            let Ok(push) = self.pushes.try_recv() else {
                break;
            };
            self.all_pushed(push).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use telesphor_clinical::self_entry::MailboxUse;
    use telesphor_wire::ids::MailboxId;
    use telesphor_wire::mailbox::MailboxKind;

    use super::*;
    use crate::core::Shared;
    use crate::core::records::{Held, MailboxState, OwnerKeys};
    use crate::link::{Pin, paper};
    use crate::testing::Paper;

    /// More than a connection has room for, each with several frames.
    const MAILBOXES: usize = 2 * PUSH_QUEUE;
    const FRAMES: usize = 6;

    #[tokio::test]
    async fn whoever_follows_many_mailboxes_is_thrown_out_again_and_again() {
        let mut on_paper = Paper::new();
        let mut core = on_paper.person("hospital");
        let domain = core.profile.domain().clone();
        let pin: Pin = core.profile.pins().remove(0);
        let ids: Vec<MailboxId> = (0..MAILBOXES)
            .map(|n| {
                let mut id = [7; 32];
                id[..8].copy_from_slice(&(n as u64).to_be_bytes());
                MailboxId(id)
            })
            .collect();
        core.write(|ctx| {
            for id in &ids {
                let owner = OwnerKeys::generate();
                let held = Held {
                    id: *id,
                    domain: domain.clone(),
                    kind: MailboxKind::Personal,
                    used: MailboxUse::Orders,
                    state: MailboxState::Open,
                    owner_key: owner.key().public(),
                    owner: Some(owner),
                    entered: 0,
                    genesis: telesphor_wire::hash::Digest([0; 32]),
                    branch: 0,
                    epoch: 0,
                    with: None,
                    deposit_keys: Vec::new(),
                    lease: u64::MAX,
                    name: String::new(),
                };
                ctx.put_held(&held)?;
            }
            Ok(())
        })
        .unwrap();
        // Of the person's own mailboxes this relay shows another history: they are not followed.
        let (session, pushes, relay) = paper::relay(MAILBOXES, FRAMES);
        let mut life = Life::on(Shared::new(core), pin, session, pushes);
        tokio::select! {
            ended = life.serve() => panic!("thrown out: {ended:?}"),
            all = relay => assert!(all.unwrap(), "no room was left for what was asked for"),
        }
    }
}
