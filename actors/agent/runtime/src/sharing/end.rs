//! Ending what a contact was shown: at once at the relay, and with the contact's program told.
//!
//! A document's ciphertext is erased where it stands. When nothing is left in a room, the room
//! itself ends: its ceiling falls to zero and it is closed, so that no key of it serves, whether
//! or not its reader's program is honest or anywhere near.

use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::scope::Scopes;
use telesphor_clinical::self_entry::{GrantEnded, SelfEntry};
use telesphor_vault::Table;
use telesphor_wire::command::{EraseRange, OwnerAct};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::receipt::Receipt;

use super::give::{Given, given_name};
use super::show::all_given;
use crate::core::records::{DocumentJob, Job, Refused};
use crate::core::{Ctx, names};
use crate::documents::send::{Reached, SentRecord};
use crate::error::{Error, Result};
use crate::views::Revoked;

impl Ctx<'_, '_> {
    /// Ends what is granted to a contact, for documents in any of these scopes, or for these
    /// documents, or for all if neither is named.
    pub(crate) fn revoke(&mut self, who: &str, scopes: &Scopes, documents: &[DocumentId]) -> Result<Revoked> {
        let to = self.reader(who)?;
        let me = self.me();
        let mine = |given: &Given| given.signed.grant.subject == me;
        // What a mandate lets its holder read ends with the mandate, and would come again.
        let reads = |given: &Given| given.signed.grant.by == me && given.under.is_some();
        let by_mandate = all_given(self.tx)?
            .iter()
            .any(|g| g.to == to && mine(g) && reads(g) && g.runs(self.now));
        let revoked = self.end_shown(&to, scopes, documents, |g| mine(g) && !reads(g))?;
        match (revoked.grants, by_mandate) {
            (0, true) => Err(Error::of(ErrorCode::MandateReads)),
            (0, false) => Err(Error::of(ErrorCode::NotFound)),
            _ => Ok(revoked),
        }
    }

    /// Ends those of the grants to somebody that `meant` picks, for documents in any of these
    /// scopes, or for these documents, or for all if neither is named.
    pub(crate) fn end_shown(
        &mut self,
        to: &IdentityId,
        scopes: &Scopes,
        documents: &[DocumentId],
        meant: impl Fn(&Given) -> bool,
    ) -> Result<Revoked> {
        let all = scopes.is_empty() && documents.is_empty();
        let mut revoked = Revoked::default();
        for given in all_given(self.tx)? {
            if given.to != *to || !given.runs(self.now) || !meant(&given) {
                continue;
            }
            let mut going = Vec::new();
            for id in &given.documents {
                let scoped = self
                    .kept(id)?
                    .is_some_and(|k| k.header.scopes.iter().any(|s| scopes.contains(s)));
                if all || scoped || documents.contains(id) {
                    going.push(*id);
                }
            }
            if going.is_empty() {
                continue;
            }
            self.end_given(given, &going, None)?;
            revoked.grants += 1;
            revoked.documents += going.len();
            for id in &going {
                revoked.opened += usize::from(self.was_opened(id, to)?);
            }
        }
        Ok(revoked)
    }

    fn was_opened(&self, document: &DocumentId, to: &IdentityId) -> Result<bool> {
        let sent: Option<SentRecord> = self.get(Table::Receipts, &names::sent(document, to))?;
        Ok(sent.is_some_and(|s| s.opened.is_some()))
    }

    /// Ends a grant for some documents, if it shows any of them; what stays is granted anew
    /// before the old word ends. `after`: something that must be durable first.
    pub(crate) fn end_given(
        &mut self,
        mut given: Given,
        going: &[DocumentId],
        after: Option<u64>,
    ) -> Result<()> {
        if given.signed.grant.by != self.me() {
            return self.end_room_of(&given.mailbox);
        }
        let all = given.documents.iter().copied();
        let (gone, stays): (Vec<DocumentId>, Vec<DocumentId>) = all.partition(|d| going.contains(d));
        if gone.is_empty() {
            return Ok(());
        }
        let (to, room) = (given.to, given.mailbox);
        if !stays.is_empty() {
            let renewed = Given {
                signed: self.sign_grant(to, &stays, given.until, &given.why, given.under)?,
                documents: stays,
                ..given.clone()
            };
            self.put_given(&renewed, after)?;
        }
        let id = given.signed.grant.id();
        let end = GrantEnded {
            grant: id,
            at: self.instant(),
            why: None,
            ext: Extensions::none(),
        };
        given.documents.clone_from(&gone);
        given.revoked = Some(self.now);
        self.put(Table::Grants, &given_name(&id), &given)?;
        self.own(SelfEntry::GrantEnded(end.clone()))?;
        self.drop_unsealed(&room, Some(&gone))?;
        let word = GroupMessage::GrantEnded(end);
        if self.room_grant(&room)?.is_none() {
            self.close_room(&room, after)?;
            // The room's end takes away what was granted in it. A grant may have been told outside
            // of it, by an endpoint that does not sit there.
            self.tell_reader(&to, &word, after)?;
        } else {
            self.say_in_room(&room, &word, after)?;
        }
        for document in &gone {
            let place: Option<u64> = self.get(Table::Receipts, &names::place(&room, document))?;
            if let Some(seq) = place {
                self.erase_from(&room, seq, after)?;
                self.tx.delete(Table::Receipts, &names::place(&room, document))?;
            }
            if !self.is_shown(document, &to, None)? {
                self.not_sent_any_more(document, &to)?;
            }
        }
        Ok(())
    }

    /// Whether a contact is shown a document now, in a room if one is named.
    fn is_shown(&self, document: &DocumentId, to: &IdentityId, room: Option<MailboxId>) -> Result<bool> {
        let all = all_given(self.tx)?;
        let mut here = all
            .iter()
            .filter(|g| g.to == *to && g.documents.contains(document));
        Ok(here.any(|g| g.runs(self.now) && room.is_none_or(|room| g.mailbox == room)))
    }

    /// What was still on its way when it was taken back does not arrive any more.
    fn not_sent_any_more(&mut self, document: &DocumentId, to: &IdentityId) -> Result<()> {
        let sent: Option<SentRecord> = self.get(Table::Receipts, &names::sent(document, to))?;
        if sent.is_none_or(|s| s.reached != Reached::Queued) {
            return Ok(());
        }
        let job = DocumentJob {
            document: *document,
            to: *to,
        };
        let refused = Refused {
            code: ErrorCode::Closed,
            support: None,
        };
        self.document_failed(job, refused)
    }

    fn erase_from(&mut self, room: &MailboxId, seq: u64, after: Option<u64>) -> Result<()> {
        let act = OwnerAct::Erase(EraseRange { from: seq, to: seq });
        self.enqueue_act(*room, act, Job::Nothing(true), after)?;
        Ok(())
    }

    /// Notes where a document stands in a room of one's own. `false` if it was taken back from
    /// there while it was on its way: then it is erased, and the receipt is of no use.
    pub(crate) fn stands_in_room(&mut self, job: &DocumentJob, receipt: &Receipt) -> Result<bool> {
        let (mailbox, seq) = (receipt.leaf.mailbox, receipt.leaf.seq);
        if self.room(&mailbox)?.is_none() {
            return Ok(true);
        }
        if self.is_shown(&job.document, &job.to, Some(mailbox))? {
            self.put(Table::Receipts, &names::place(&mailbox, &job.document), &seq)?;
            return Ok(true);
        }
        self.erase_from(&mailbox, seq, None)?;
        if !self.is_shown(&job.document, &job.to, None)? {
            self.not_sent_any_more(&job.document, &job.to)?;
        }
        Ok(false)
    }
}
