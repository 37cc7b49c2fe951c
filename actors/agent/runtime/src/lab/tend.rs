//! The end of an order's mailbox: a correction may come weeks later, so it stays open for 90 days
//! after the last word, and is closed then.

use telesphor_vault::Table;
use telesphor_wire::command::OwnerAct;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;

use super::record::all_orders;
use crate::core::Ctx;
use crate::core::records::{Held, Job, MailboxState};
use crate::error::Result;
use crate::mailbox::tend::DAY_MS;

/// How long a mailbox outlives its order's end, milliseconds.
const OUTLIVES_MS: u64 = 90 * DAY_MS;

impl Ctx<'_, '_> {
    pub(crate) fn tend_orders(&mut self) -> Result<()> {
        for ordered in all_orders(self.tx)? {
            let over = !ordered.state.is_open() && ordered.changed.saturating_add(OUTLIVES_MS) < self.now;
            let held: Option<Held> = self.get(Table::Mailboxes, &ordered.mailbox.0)?;
            let Some(mut held) = held.filter(|h| over && h.state == MailboxState::Open) else {
                continue;
            };
            let close = OwnerAct::Close(Extensions::none());
            self.enqueue_act(held.id, close, Job::Nothing(true), None)?;
            held.state = MailboxState::Ended;
            self.put_held(&held)?;
        }
        Ok(())
    }
}

/// A code as somebody typed it.
pub(super) fn code(text: &str) -> Result<telesphor_clinical::lab::code::LabCode> {
    text.parse().map_err(|_| ErrorCode::LabCodeWrong.into())
}
