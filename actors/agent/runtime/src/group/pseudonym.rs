//! Saying inside the group under which key this endpoint appears at the relay, once per epoch.

use telesphor_clinical::message::{GroupMessage, PseudonymAnnouncement};
use telesphor_sealing::{Seat, epoch_keys};
use telesphor_vault::Table;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;

use super::rows::Rows;
use crate::core::records::{Job, Padding};
use crate::core::{Ctx, names};
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    /// Announces the pseudonym of the present epoch.
    pub(crate) fn announce(&mut self, mailbox: &MailboxId, branch: u32, epoch: u64) -> Result<()> {
        let keys = epoch_keys(&Rows(self.tx), *mailbox, branch, epoch)?.ok_or(Error::fault("epoch keys"))?;
        let body = GroupMessage::Pseudonym(PseudonymAnnouncement {
            branch,
            epoch,
            identity: self.me(),
            endpoint: self.keys.endpoint.public(),
            pseudonym: keys.pseudonym().public(),
        });
        if self.team(mailbox)?.is_some() {
            // Apart from what is owned and changed there, which must not wait behind it.
            self.say_in_team(*mailbox, &body)?;
            return Ok(());
        }
        self.say(*mailbox, &body, Padding::Message, Job::Nothing(true))?;
        Ok(())
    }

    /// Somebody announced himself: only for the endpoint that MLS says is speaking.
    pub(crate) fn announced(
        &mut self,
        mailbox: &MailboxId,
        from: &Seat,
        said: &PseudonymAnnouncement,
    ) -> Result<()> {
        if from.member.identity != said.identity || from.member.endpoint != said.endpoint {
            return Err(ErrorCode::BadDocument.into());
        }
        self.put(Table::Groups, &names::pseudonym(mailbox, &said.pseudonym.0), said)
    }
}
