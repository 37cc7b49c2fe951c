//! What went wrong in a group, noted for `check`.

use telesphor_vault::{Records, Table};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;

use crate::core::Ctx;
use crate::core::records::Held;
use crate::error::Result;

impl Ctx<'_, '_> {
    /// A void commit, or this endpoint cannot follow.
    pub(crate) fn note_trouble(&mut self, held: &Held, code: ErrorCode) -> Result<()> {
        let now = self.now;
        self.put(Table::Groups, &name(&held.id), &(code, now))
    }

    /// The group has moved on and this endpoint with it.
    pub(crate) fn trouble_over(&mut self, held: &Held) -> Result<()> {
        let noted = trouble(self.tx, &held.id)?;
        if noted.is_some_and(|(code, _)| code == ErrorCode::CannotFollow) {
            self.tx.delete(Table::Groups, &name(&held.id))?;
        }
        Ok(())
    }

    /// Somebody could be let in again.
    pub(crate) fn room_again(&mut self, held: &Held) -> Result<()> {
        let noted = trouble(self.tx, &held.id)?;
        if noted.is_some_and(|(code, _)| code == ErrorCode::TeamFull) {
            self.tx.delete(Table::Groups, &name(&held.id))?;
        }
        Ok(())
    }

    /// Whether a group cannot be followed any more.
    pub(crate) fn is_lost(&self, mailbox: &MailboxId) -> Result<bool> {
        let noted = trouble(self.tx, mailbox)?;
        Ok(noted.is_some_and(|(code, _)| code == ErrorCode::CannotFollow))
    }

    /// A member saw another history of this mailbox than was shown here.
    pub(crate) fn note_split(&mut self, held: &Held) -> Result<()> {
        self.note_trouble(held, ErrorCode::BrokenChain)
    }
}

fn name(mailbox: &MailboxId) -> Vec<u8> {
    [b"trouble/", &mailbox.0[..]].concat()
}

/// What was noted about a mailbox last, and when.
pub(crate) fn trouble(records: &impl Records, mailbox: &MailboxId) -> Result<Option<(ErrorCode, u64)>> {
    Ok(records.get_value(Table::Groups, &name(mailbox))?)
}
