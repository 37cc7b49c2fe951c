//! The end of what a contact showed: as agreed, or earlier on the contact's word.
//!
//! The relay's refusal is what ends it. What is done here is the honest program's part: the
//! document goes from this vault, key first, and the reader is told when and why.

use serde::{Deserialize, Serialize};
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_vault::{Records, Table};
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};

use crate::core::records::MailboxState;
use crate::core::{Ctx, Profile, names};
use crate::documents::keep::{Kept, Way};
use crate::documents::show::People;
use crate::error::Result;
use crate::views::EndView;

/// How far the relay's clock may be from what its greeting said without making an agreed end
/// look like an early one, milliseconds.
const SLACK_MS: u64 = 2_000;

/// That a document is shown no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Over {
    at: u64,
    agreed: bool,
}

fn name(document: &DocumentId) -> Vec<u8> {
    [b"over/", &document.0[..]].concat()
}

impl Ctx<'_, '_> {
    /// The right to read a mailbox is over for good. If it was a contact's room, so is what was
    /// shown in it and nowhere else.
    pub(crate) fn access_over(&mut self, mailbox: &MailboxId, relay_now: u64) -> Result<()> {
        let mut held = self.held(mailbox)?;
        if held.state == MailboxState::Ended {
            return Ok(());
        }
        held.state = MailboxState::Ended;
        self.put_held(&held)?;
        if held.used == MailboxUse::Team {
            return self.team_over(&held, relay_now);
        }
        let (MailboxUse::Shared, None, Some(by)) = (held.used, &held.owner, held.with) else {
            return Ok(());
        };
        let agreed = held.lease <= relay_now.saturating_add(SLACK_MS);
        let at = held.lease.min(relay_now);
        let documents = self.forget_room(&by, mailbox)?;
        self.end_showing(&by, &documents, at, agreed)
    }

    /// Ends the showing of documents that no other grant of the contact covers, nor a team of
    /// which it is the patient.
    pub(crate) fn end_showing(
        &mut self,
        by: &IdentityId,
        documents: &[DocumentId],
        at: u64,
        agreed: bool,
    ) -> Result<()> {
        let mut gone = Vec::new();
        for id in documents {
            let Some(mut kept) = self.kept(id)? else { continue };
            if kept.way != Way::Shared || kept.from != Some(*by) || self.tx.body(id)?.is_none() {
                continue;
            }
            let shown = match (self.grant_for(by, id)?, self.team_shows(by, id)?) {
                (None, Some((team, until))) => {
                    self.put(Table::Receipts, &names::came_in(id), &team)?;
                    Some(until)
                }
                (until, _) => until,
            };
            match shown {
                Some(until) => kept.until = until,
                None => {
                    // Over here too, though the relay's clock may be ahead of this one.
                    kept.until = Some(at.min(self.now));
                    self.put(Table::Grants, &name(id), &Over { at, agreed })?;
                    gone.push(*id);
                }
            }
            self.put_kept(&kept)?;
        }
        for id in gone.clone() {
            gone.push(self.forget_parts(&id)?);
        }
        self.tx.erase_documents(&gone)?;
        Ok(())
    }

    /// A document is shown again.
    pub(crate) fn shown_again(&mut self, document: &DocumentId) -> Result<()> {
        self.tx.delete(Table::Grants, &name(document))?;
        Ok(())
    }
}

/// When and how the showing of a document ended, if it did.
pub(crate) fn end_view(
    records: &impl Records,
    profile: &Profile,
    kept: &Kept,
    now: u64,
) -> Result<Option<EndView>> {
    let over: Option<Over> = records.get_value(Table::Grants, &name(&kept.id))?;
    let (Way::Shared, Some(by)) = (kept.way, kept.from) else {
        return Ok(None);
    };
    let over = over.or(kept
        .until
        .filter(|at| *at < now)
        .map(|at| Over { at, agreed: true }));
    let people = People::load(records, profile)?;
    Ok(over.map(|over| EndView {
        at: over.at,
        agreed: over.agreed,
        by: people.name(&by),
        alias: people.alias(&by),
        opened: kept.opened.is_some(),
    }))
}
