//! Welcome letters between founding and the moment the mailbox is open at the relay.

use serde::{Deserialize, Serialize};
use telesphor_sealing::WelcomeLetter;
use telesphor_vault::Table;
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::sign::PublicKey;

use crate::core::Ctx;
use crate::error::Result;

/// A letter that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) letter: WelcomeLetter,
    pub(crate) to: IdentityId,
    /// The endpoint it is for, if it is one of this identity's own.
    pub(crate) endpoint: Option<PublicKey>,
}

fn name(mailbox: &MailboxId) -> Vec<u8> {
    [b"letter/", &mailbox.0[..]].concat()
}

impl Ctx<'_, '_> {
    pub(crate) fn keep_letter(&mut self, letter: WelcomeLetter, to: IdentityId) -> Result<()> {
        self.keep_letter_for(letter, to, None)
    }

    pub(crate) fn keep_letter_for(
        &mut self,
        letter: WelcomeLetter,
        to: IdentityId,
        endpoint: Option<PublicKey>,
    ) -> Result<()> {
        let waiting = Waiting { letter, to, endpoint };
        self.put(Table::Groups, &name(&waiting.letter.mailbox), &waiting)
    }

    pub(crate) fn take_letter(&mut self, mailbox: &MailboxId) -> Result<Option<Waiting>> {
        let waiting = self.get(Table::Groups, &name(mailbox))?;
        self.tx.delete(Table::Groups, &name(mailbox))?;
        Ok(waiting)
    }

    /// Whether the letter that waits is for an endpoint of this identity.
    pub(crate) fn letter_is_for_sibling(&self, mailbox: &MailboxId) -> Result<bool> {
        let waiting: Option<Waiting> = self.get(Table::Groups, &name(mailbox))?;
        Ok(waiting.is_some_and(|w| w.endpoint.is_some()))
    }
}
