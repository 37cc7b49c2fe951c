//! A fence: what was durable before somebody asked for it is known to be there.

use futures_util::future::join_all;

use super::life::Life;
use crate::error::Result;
use crate::link::LinkError;
use crate::link::session::REQUEST_QUEUE;

/// Heads that are asked for together.
const AT_ONCE: usize = 64;

// Nobody takes their answers while they are asked for: there must be places for all.
const _: () = assert!(AT_ONCE < REQUEST_QUEUE);

impl Life {
    /// Looks every head up anew if somebody asked for it: what was durable before the asking is
    /// then known to be there, and has been read once the cursors have come up to it.
    pub(super) async fn fence(&mut self, wanted: u64) -> Result<()> {
        let all = self.shared.work(|core| Ok(core.wanted())).await?;
        for some in all.chunks(AT_ONCE) {
            self.take_crowd().await?;
            let mut asked = Vec::new();
            for (mailbox, via, _) in some {
                // Nothing of it can be read on this connection, so nothing of it is waited for.
                if self.refused.contains_key(&Self::key(*mailbox, via)) {
                    continue;
                }
                if let Some(credential) = self.credential(*mailbox, via.clone()).await? {
                    let session = self.session.clone();
                    asked.push(async move { (*mailbox, session.prove(credential).await) });
                }
            }
            let mut heads = Vec::new();
            for (mailbox, answer) in join_all(asked).await {
                let standing = match answer {
                    Ok(standing) => standing,
                    Err(LinkError::Refused(_)) => continue,
                    Err(error) => return Err(error.into()),
                };
                self.session.forget(standing.handle).await?;
                heads.extend(standing.head.map(|head| (mailbox, head.seq)));
            }
            self.shared
                .work(move |core| {
                    for (mailbox, head) in heads {
                        if let Some(followed) = core.index.followed.get_mut(&mailbox) {
                            followed.head = followed.head.max(Some(head));
                        }
                    }
                    Ok(())
                })
                .await?;
        }
        self.shared
            .work(move |core| {
                core.index.fence_reached = wanted;
                Ok(())
            })
            .await?;
        self.shared.news();
        Ok(())
    }
}
