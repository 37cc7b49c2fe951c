//! Letting home drop what it needs not keep any more of the outbox.

use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::command::OwnerAct;

use super::record::{OUT, Out};
use crate::core::records::{Entry, Held, Job, MailboxState, Via};
use crate::core::{Ctx, names};
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    /// Acknowledges what was read before the oldest request that has no answer yet: home passes on
    /// only what still lies there.
    pub(crate) fn tend_out(&mut self) -> Result<()> {
        let Some(mut out) = self.get::<Out>(Table::Settings, OUT)? else {
            return Ok(());
        };
        let held: Option<Held> = self.get(Table::Mailboxes, &out.mailbox.0)?;
        if held.is_none_or(|held| held.state != MailboxState::Open) {
            return Ok(());
        }
        let mut upto = self.cursor(&out.mailbox)?.seq;
        for (seq, bytes) in self.tx.range(Table::Outbox, names::OUTBOX, 0, usize::MAX)? {
            let entry: Entry = canonical::decode(&bytes).map_err(|_| Error::fault("outbox"))?;
            match entry.via {
                Via::Passed(_) => {
                    let lies = self.away(seq)?.and_then(|away| away.lies);
                    upto = upto.min(lies.map_or(0, |lies| lies.saturating_sub(1)));
                }
                // Perhaps there already, and its receipt on the way.
                Via::Owner(mailbox) if mailbox == out.mailbox => return Ok(()),
                _ => {}
            }
        }
        if upto <= out.acknowledged {
            return Ok(());
        }
        out.acknowledged = upto;
        self.put(Table::Settings, OUT, &out)?;
        self.enqueue_act(out.mailbox, OwnerAct::Acknowledge(upto), Job::Nothing(true), None)?;
        Ok(())
    }
}
