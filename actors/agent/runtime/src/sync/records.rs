//! Reading who fetched: every mailbox of one's own, one page after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::limits::MAX_RECORDS_PER_PAGE;

use super::life::Life;
use crate::core::Shared;
use crate::error::Result;
use crate::link::{LinkError, Session};

/// Between two looks while nobody watches, and while somebody does.
const SELDOM: Duration = Duration::from_secs(60);
const OFTEN: Duration = Duration::from_secs(1);
/// Mailboxes asked about at once.
const AT_ONCE: usize = 32;

/// Pages of one mailbox read at one look.
const PAGES: usize = 64;

/// When the records were looked at on this connection.
#[derive(Debug, Default)]
pub(crate) struct Look {
    last: Option<Instant>,
    /// Up to which fence.
    fence: u64,
}

impl Life {
    /// Looks for new records if that is due, or if somebody waits for everything that is there;
    /// gives how long until the next look.
    pub(super) async fn records(&mut self, watched: bool, fence: u64) -> Result<Duration> {
        if !self.session.facts().records {
            return Ok(SELDOM);
        }
        let every = if watched { OFTEN } else { SELDOM };
        let passed = self.records.last.map(|last| last.elapsed());
        if let Some(left) = passed.and_then(|passed| every.checked_sub(passed))
            && fence <= self.records.fence
        {
            return Ok(left);
        }
        self.look().await?;
        self.records.last = Some(Instant::now());
        self.records.fence = fence;
        Ok(every)
    }

    async fn look(&mut self) -> Result<()> {
        let wanted = self.shared.work(|core| core.recorded_mailboxes()).await?;
        for some in wanted.chunks(AT_ONCE) {
            self.take_crowd().await?;
            let mut proved = Vec::new();
            for (mailbox, via, after) in some {
                match self.handle(*mailbox, via.clone()).await? {
                    Ok(handle) => proved.push((*mailbox, handle, *after)),
                    // Not the owner any more, or the relay has lost the mailbox.
                    Err(_) => refused(&self.shared, *mailbox).await?,
                }
            }
            let asking = proved
                .into_iter()
                .map(|of| pages(self.shared.clone(), self.session.clone(), of));
            let answers = join_all(asking).await;
            for result in answers {
                if let Some(mailbox) = result? {
                    self.forget_owner(mailbox);
                    refused(&self.shared, mailbox).await?;
                }
            }
        }
        Ok(())
    }
}

async fn refused(shared: &Arc<Shared>, mailbox: MailboxId) -> Result<()> {
    shared.work(move |core| core.records_refused(mailbox)).await
}

/// Everything after a number; gives the mailbox if the relay refused it.
async fn pages(
    shared: Arc<Shared>,
    session: Session,
    (mailbox, handle, after): (MailboxId, u32, u64),
) -> Result<Option<MailboxId>> {
    let most = u32::try_from(MAX_RECORDS_PER_PAGE).unwrap_or(u32::MAX);
    let mut next = Some(after);
    // What there is more is read at the next look: no relay keeps anybody here for ever.
    for _ in 0..PAGES {
        let Some(after) = next else { break };
        let page = match session.records(handle, after, most).await {
            Ok(page) => page,
            Err(LinkError::Refused(_)) => return Ok(Some(mailbox)),
            Err(error) => return Err(error.into()),
        };
        let new = !page.records.is_empty();
        next = shared.work(move |core| core.records_came(mailbox, &page)).await?;
        if new {
            shared.news();
        }
    }
    Ok(None)
}
