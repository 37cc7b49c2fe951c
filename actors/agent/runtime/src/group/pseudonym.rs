//! Saying inside the group under which key this endpoint appears at the relay, once per epoch.

use telesphor_clinical::message::{GroupMessage, PseudonymAnnouncement};
use telesphor_sealing::{Seat, epoch_keys};
use telesphor_vault::{Records, Table};
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
        if let GroupMessage::Pseudonym(said) = &body {
            // What this endpoint says does not come back to it as a message of somebody.
            self.keep_pseudonym(mailbox, said)?;
            self.put(Table::Receipts, &names::was_in(mailbox, branch, epoch), &true)?;
        }
        if self.team(mailbox)?.is_some() {
            // Apart from what is owned and changed there, which must not wait behind it.
            return self.say_for_the_record(*mailbox, &body);
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
        self.keep_pseudonym(mailbox, said)
    }

    /// The first word counts: nobody can take over a pseudonym that another has announced.
    fn keep_pseudonym(&mut self, mailbox: &MailboxId, said: &PseudonymAnnouncement) -> Result<()> {
        self.has_spoken(mailbox, said)?;
        let name = names::pseudonym(mailbox, &said.pseudonym.0);
        match self.tx.contains(Table::Receipts, &name)? {
            true => Ok(()),
            false => self.put(Table::Receipts, &name, said),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use telesphor_wire::ids::IdentityId;
    use telesphor_wire::sign::SigningKey;

    use super::*;
    use crate::testing::Paper;

    #[test]
    fn a_pseudonym_is_taken_over_by_who_announces_it_later() {
        let mut core = Paper::new().person("aino");
        let own = core.profile.own.unwrap();
        let said = |identity| PseudonymAnnouncement {
            branch: 0,
            epoch: 0,
            identity,
            endpoint: SigningKey::generate().public(),
            pseudonym: SigningKey::from_seed(&telesphor_wire::hash::Secret::new([5; 32])).public(),
        };
        let (first, second) = (said(IdentityId([1; 32])), said(IdentityId([2; 32])));
        core.write(|ctx| {
            ctx.keep_pseudonym(&own, &first)?;
            ctx.keep_pseudonym(&own, &second)
        })
        .unwrap();
        let name = names::pseudonym(&own, &first.pseudonym.0);
        let kept: Option<PseudonymAnnouncement> =
            core.read().unwrap().get_value(Table::Receipts, &name).unwrap();
        assert_eq!(kept.unwrap().identity, first.identity);
    }
}
