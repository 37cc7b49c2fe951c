//! Deposits that came before their sender was known.
//!
//! Whoever takes an invitation may write at once, while the answer that makes it a contact
//! still lies in another mailbox: the two have no common order. What opens but names an
//! unknown sender is kept, little of it, and carried out when the acquaintance is made.

use serde::{Deserialize, Serialize};
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::ids::{IdentityId, MailboxId};

use crate::core::Ctx;
use crate::error::Result;
use crate::sync::events::is_local;

const EARLY: &[u8] = b"early";
/// Kept at most; the oldest gives way, so that nobody fills the vault by naming strangers.
const MOST: usize = 32;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Early {
    sender: IdentityId,
    mailbox: MailboxId,
    stamp: u64,
    payload: Bytes,
}

impl Ctx<'_, '_> {
    /// Keeps a deposit whose claimed sender is not known.
    pub(crate) fn keep_early(
        &mut self,
        sender: IdentityId,
        mailbox: MailboxId,
        payload: &[u8],
        stamp: u64,
    ) -> Result<()> {
        let mut kept: Vec<Early> = self.get(Table::Scratch, EARLY)?.unwrap_or_default();
        let payload = Bytes(payload.to_vec());
        kept.push(Early {
            sender,
            mailbox,
            stamp,
            payload,
        });
        if kept.len() > MOST {
            kept.remove(0);
        }
        self.put(Table::Scratch, EARLY, &kept)
    }

    /// Carries out what somebody sent before being known.
    pub(crate) fn take_early(&mut self, sender: &IdentityId) -> Result<()> {
        let kept: Vec<Early> = self.get(Table::Scratch, EARLY)?.unwrap_or_default();
        let (theirs, others): (Vec<_>, Vec<_>) = kept.into_iter().partition(|e| e.sender == *sender);
        if theirs.is_empty() {
            return Ok(());
        }
        self.put(Table::Scratch, EARLY, &others)?;
        for early in theirs {
            let held = self.held(&early.mailbox)?;
            match self.take_deposit(&held, &early.payload, early.stamp) {
                Err(error) if is_local(error.code) => return Err(error),
                // What a sender did wrong has no effect here, as in any other event.
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use telesphor_clinical::self_entry::MailboxUse;
    use telesphor_vault::Table;
    use telesphor_wire::mailbox::EventKind;

    use crate::contacts::packages::STOCK;
    use crate::core::records::{Acquaintance, Known};
    use crate::testing::{Paper, Told};

    #[test]
    fn a_welcome_that_overtakes_the_answer_to_an_invitation_is_not_lost() {
        let mut paper = Paper::new();
        let mut aino = paper.person("aino");
        let mut doctor = paper.person("doctor");
        let doctor_id = doctor.profile.identity;

        // Aino has not read the answer to her invitation yet.
        let told = paper.tell(&mut aino, &mut doctor, Told::OnlyTheSecond);
        paper.converse(&mut doctor, &told, false);

        // It overtakes: Aino reads it while the doctor is a stranger to her.
        let inbox = aino.profile.inbox.unwrap();
        paper.show(&mut aino, inbox).unwrap();
        let joined = |aino: &mut crate::core::Core| {
            aino.write(|ctx| ctx.mailboxes_of(MailboxUse::Conversation, Some(doctor_id)))
                .unwrap()
                .len()
        };
        assert_eq!(joined(&mut aino), 0, "nobody is let in on a stranger's word");

        // Then the answer comes.
        aino.write(|ctx| {
            ctx.learn_history(&doctor_id, &told.history)?;
            let (theirs, given) = (told.by_second.clone(), told.by_first.clone());
            ctx.add_contact(theirs, given, "doctor", Acquaintance::Settled, STOCK)
        })
        .unwrap();
        assert_eq!(
            joined(&mut aino),
            1,
            "the Welcome is taken up with the acquaintance"
        );
        let known: Known = aino
            .write(|ctx| ctx.get(Table::Contacts, &doctor_id.0))
            .unwrap()
            .unwrap();
        assert_eq!(known.conversations.len(), 1);

        // What the doctor has said there is read.
        let conversation = known.conversations[0];
        let before = crate::testing::cursor(&aino, conversation).seq;
        assert!(
            paper
                .events(conversation, before)
                .events
                .iter()
                .any(|e| e.header.kind == EventKind::MESSAGE)
        );
        paper.show(&mut aino, conversation).unwrap();
        assert!(
            aino.write(|ctx| ctx.get::<Vec<super::Early>>(Table::Scratch, super::EARLY))
                .unwrap()
                .unwrap()
                .is_empty()
        );
    }
}
