//! Entering the mailboxes that are followed.

use std::collections::HashSet;

use futures_util::stream::{self, StreamExt};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::limits::DEFAULT_CREDIT_BYTES;

use super::life::{Life, RightKey};
use crate::core::records::Via;
use crate::error::Result;
use crate::link::LinkError;
use crate::link::session::{REQUEST_QUEUE, Standing};

/// Mailboxes entered in one round, by as many proofs on their way together. Each sends at once what was
/// missed of it, up to the credit it is given: what comes is taken in before more of them are entered.
const AT_ONCE: usize = 64;

// They stand in line for places in the connection's queue, and nobody polls them while the answer to
// one is taken in: if there were not places for all, what that one asks for would wait for ever.
const _: () = assert!(AT_ONCE < REQUEST_QUEUE);

impl Life {
    /// Proves and follows mailboxes that are open and not followed at their present epoch; whether
    /// more of them are to be entered. Their proofs are on their way together: whoever comes on duty
    /// enters a ward of teams, and each by itself would cost the way to the relay and back.
    pub(super) async fn follow(&mut self, wanted: Vec<(MailboxId, Via, u64)>) -> Result<bool> {
        // A member's key of an epoch that is over is asked for by nobody any more.
        let keys: HashSet<RightKey> = wanted.iter().map(|(id, via, _)| Self::key(*id, via)).collect();
        self.refused
            .retain(|key, _| !matches!(key, RightKey::Member(_)) || keys.contains(key));
        let followed: HashSet<RightKey> = self.following.values().map(|(_, key)| *key).collect();
        let (mut entering, mut more) = (Vec::new(), false);
        for (mailbox, via, after) in wanted {
            let key = Self::key(mailbox, &via);
            if self.refused.contains_key(&key) || followed.contains(&key) {
                continue;
            }
            if entering.len() == AT_ONCE || self.is_crowded() {
                more = true;
                break;
            }
            match self.credential(mailbox, via).await? {
                Some(credential) => entering.push(((mailbox, key, after), credential)),
                None => self.not_followed(mailbox).await?,
            }
        }
        let session = self.session.clone();
        let mut answers = stream::iter(entering)
            .map(|(what, credential)| {
                let proved = session.prove(credential);
                async move { (what, proved.await) }
            })
            .buffered(AT_ONCE);
        while let Some(((mailbox, key, after), answer)) = answers.next().await {
            match answer {
                Ok(standing) => self.entered(mailbox, (key, after), standing).await?,
                Err(LinkError::Refused(refusal)) => {
                    self.refused.insert(key, refusal.code);
                    self.shared
                        .work(move |core| core.follow_refused(mailbox, &refusal))
                        .await?;
                    self.shared.news();
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(more)
    }

    async fn entered(
        &mut self,
        mailbox: MailboxId,
        (key, after): (RightKey, u64),
        standing: Standing,
    ) -> Result<()> {
        self.handles.insert(key, standing.handle);
        // A newer epoch's handle takes the older one's place.
        let old: Vec<u32> = self
            .following
            .iter()
            .filter(|(_, (m, _))| *m == mailbox)
            .map(|(handle, _)| *handle)
            .collect();
        for handle in old {
            if let Some((_, old_key)) = self.following.remove(&handle) {
                self.handles.remove(&old_key);
            }
            self.session.forget(handle).await?;
        }
        self.following.insert(standing.handle, (mailbox, key));
        let head = standing.head;
        let stands = self
            .shared
            .change(move |core| core.stands(mailbox, head, after))
            .await;
        let after = match stands {
            Ok(after) => after,
            // One mailbox whose history does not fit must not stop the others.
            Err(error) if error.code == ErrorCode::BrokenChain => {
                self.refused.insert(key, error.code);
                self.shared
                    .work(|core| {
                        core.index.last_failure = Some(ErrorCode::BrokenChain);
                        Ok(())
                    })
                    .await?;
                return self.not_followed(mailbox).await;
            }
            Err(error) => return Err(error),
        };
        Ok(self
            .session
            .follow(standing.handle, after, DEFAULT_CREDIT_BYTES)
            .await?)
    }

    /// There is nothing to wait for in a mailbox that cannot be followed.
    async fn not_followed(&mut self, mailbox: MailboxId) -> Result<()> {
        self.shared
            .work(move |core| {
                core.not_followed(mailbox);
                Ok(())
            })
            .await?;
        self.shared.news();
        Ok(())
    }
}
