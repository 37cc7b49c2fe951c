//! A correction of somebody else's document came: it follows wherever that one was passed on to
//! from here, in the way in which it went.

use telesphor_clinical::header::{Header, RelationKind};
use telesphor_clinical::standing::corrects;
use telesphor_vault::Table;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::amend::Reaches;
use crate::core::{Ctx, names};
use crate::documents::keep::Kept;
use crate::documents::send::{Reached, SentRecord};
use crate::documents::show::all_sent;
use crate::error::Result;
use crate::sharing::show::all_given;

/// Whether a corrected document may follow the earlier one by itself: it says nothing of
/// compartments that the earlier one did not. To show somebody another compartment is a new decision.
fn says_no_more(new: &Header, old: &Header) -> bool {
    new.scopes.iter().all(|s| old.scopes.contains(s))
        && old.scopes.iter().all(|s| new.scopes.contains(s))
        && new.sensitivity.iter().all(|s| old.sensitivity.contains(s))
        && new.subject == old.subject
}

impl Ctx<'_, '_> {
    /// A document came that corrects others. What it takes back, and has not left yet, does not
    /// leave any more.
    pub(crate) fn correction_came(&mut self, kept: &Kept) -> Result<()> {
        if kept.doubt.is_some() {
            return Ok(());
        }
        let (mut back, mut replaced) = (Vec::new(), Vec::new());
        for relation in kept.header.relates.iter().filter(|r| corrects(r.kind)) {
            let Some(old) = self.kept(&relation.document)? else {
                continue;
            };
            if old.header.author != kept.header.author {
                continue;
            }
            match relation.kind {
                RelationKind::Retracts => back.push(old.id),
                _ if says_no_more(&kept.header, &old.header) => replaced.push(old.id),
                _ => {}
            }
        }
        let earlier = [&back[..], &replaced[..]].concat();
        if earlier.is_empty() {
            return Ok(());
        }
        self.stop_unsent(&back)?;
        self.follow_on(kept, &earlier)?;
        self.correct_in_teams(&earlier, &[kept.id])?;
        Ok(())
    }

    /// Sends a correction to everybody who was sent or is shown what it corrects: given where
    /// that was given, shown until the same end where it is shown.
    fn follow_on(&mut self, kept: &Kept, earlier: &[DocumentId]) -> Result<()> {
        let given = all_given(self.tx)?;
        for sent in all_sent(self.tx)? {
            let reached = sent.reached != Reached::Failed || sent.receipt.is_some();
            if !earlier.contains(&sent.document) || !reached || kept.from == Some(sent.to) {
                continue;
            }
            let before: Option<SentRecord> = self.get(Table::Receipts, &names::sent(&kept.id, &sent.to))?;
            if before.is_some() || !self.reachable(&sent.to)? {
                continue;
            }
            match self.reaches(&sent, &given)? {
                Reaches::Shown(running) if !self.is_retraction(kept) => {
                    for given in running {
                        self.show_until(&sent.to, &[kept.id], given.until, &given.why, given.under)?;
                    }
                }
                Reaches::Over if !self.is_retraction(kept) => {}
                // That something was wrong is told for good, also to whoever was only shown it.
                _ => self.send_document(&kept.id, &sent.to)?,
            }
        }
        Ok(())
    }

    fn is_retraction(&self, kept: &Kept) -> bool {
        let relations = &kept.header.relates;
        relations.iter().any(|r| r.kind == RelationKind::Retracts)
    }

    /// Whether an identity is a role that can be written to.
    pub(crate) fn is_role(&self, who: &IdentityId) -> Result<bool> {
        crate::role::is_role(self.tx, who)
    }
}
