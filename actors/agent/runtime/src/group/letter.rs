//! Welcome letters between founding and the moment the mailbox is open at the relay.

use serde::{Deserialize, Serialize};
use telesphor_sealing::WelcomeLetter;
use telesphor_vault::Table;
use telesphor_wire::ids::{IdentityId, MailboxId};

use crate::core::Ctx;
use crate::error::Result;

/// A letter that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) letter: WelcomeLetter,
    pub(crate) to: IdentityId,
}

fn name(mailbox: &MailboxId) -> Vec<u8> {
    [b"letter/", &mailbox.0[..]].concat()
}

impl Ctx<'_, '_> {
    pub(crate) fn keep_letter(&mut self, letter: WelcomeLetter, to: IdentityId) -> Result<()> {
        let waiting = Waiting { letter, to };
        self.put(Table::Groups, &name(&waiting.letter.mailbox), &waiting)
    }

    pub(crate) fn take_letter(&mut self, mailbox: &MailboxId) -> Result<Option<Waiting>> {
        let waiting = self.get(Table::Groups, &name(mailbox))?;
        self.tx.delete(Table::Groups, &name(mailbox))?;
        Ok(waiting)
    }
}
