//! What a team is shown: chosen by the patient's grant, said again for whoever comes later. A
//! newcomer reads nothing of what was said before he came, so the one who lets him in says again
//! what is shown; it counts by its author's signature and the grant, whoever says it.

use telesphor_clinical::blob::Carried;
use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::receipt::ReceiptKind;
use telesphor_clinical::scope::{Sharing, sharing};
use telesphor_clinical::team::TeamWord;
use telesphor_sealing::Member;
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};

use super::record::{Known, Standing, View};
use crate::blobs::record::Place;
use crate::core::records::Held;
use crate::core::{Ctx, names};
use crate::documents::keep::Way;
use crate::documents::send::{Reached, SentRecord};
use crate::documents::stamp::evidence_message;
use crate::error::{Error, Result};
use crate::mailbox::open::NO_END;

impl Ctx<'_, '_> {
    /// Shows documents of one's own record to a team: at once to whoever sits there, and to
    /// everybody who comes later.
    pub(crate) fn team_show(&mut self, mailbox: &MailboxId, documents: &[DocumentId]) -> Result<()> {
        let mut view = self.team_view(mailbox)?;
        let fresh: Vec<DocumentId> = documents
            .iter()
            .filter(|d| !view.shown.contains(d))
            .copied()
            .collect();
        view.shown.extend(&fresh);
        self.put_view(mailbox, &view)?;
        let others = self.others_in(mailbox)?;
        if !fresh.is_empty() {
            self.tell_team_record(mailbox)?;
        }
        if others.is_empty() || fresh.is_empty() {
            return Ok(());
        }
        self.vouch_for_authors(mailbox, &fresh)?;
        self.team_say_documents(mailbox, &fresh)?;
        for who in others {
            self.expect_opening(&who, &fresh)?;
        }
        Ok(())
    }

    /// People who sit in a team beside this one.
    pub(crate) fn others_in(&self, mailbox: &MailboxId) -> Result<Vec<IdentityId>> {
        let mut people: Vec<IdentityId> = self
            .seats(mailbox)?
            .into_iter()
            .map(|s| s.member.identity)
            .collect();
        people.retain(|who| *who != self.me());
        people.sort_unstable();
        people.dedup();
        Ok(people)
    }

    /// Who wrote what is shown.
    pub(crate) fn authors(&self, view: &View) -> Result<Vec<IdentityId>> {
        let mut authors = Vec::new();
        for id in &view.shown {
            authors.extend(self.kept(id)?.map(|k| k.header.author));
        }
        Ok(authors)
    }

    fn vouch_for_authors(&mut self, mailbox: &MailboxId, documents: &[DocumentId]) -> Result<()> {
        let (view, Some(Known { terms, .. })) = (self.team_view(mailbox)?, self.team(mailbox)?) else {
            return Ok(());
        };
        let only = View {
            shown: documents.to_vec(),
            ..View::default()
        };
        let authors = self.authors(&only)?;
        if authors.iter().all(|author| *author == self.me()) {
            return Ok(());
        }
        let basis = self.basis(&terms, &view, authors)?;
        self.say_in_team(*mailbox, &GroupMessage::Team(TeamWord::Basis(Box::new(basis))))?;
        Ok(())
    }

    /// Says documents in a team, with what proves their time if it is here.
    pub(crate) fn team_say_documents(&mut self, mailbox: &MailboxId, documents: &[DocumentId]) -> Result<()> {
        for id in documents {
            let Some(kept) = self.kept(id)? else { continue };
            let Some(bytes) = self.tx.body(id)?.map(|b| b.to_vec()) else {
                continue;
            };
            let carried = Carried::Inline(Bytes(bytes));
            self.say_in_team(*mailbox, &GroupMessage::Document(carried))?;
            if !kept.evidence.is_empty() {
                self.say_in_team(*mailbox, &evidence_message(&kept))?;
            }
            self.want_parts(id, Place::In(*mailbox))?;
        }
        Ok(())
    }

    /// Notes for the patient's lists that somebody is shown documents.
    pub(crate) fn expect_opening(&mut self, who: &IdentityId, documents: &[DocumentId]) -> Result<()> {
        for id in documents {
            let name = names::sent(id, who);
            let (Some(kept), None) = (self.kept(id)?, self.get::<SentRecord>(Table::Receipts, &name)?) else {
                continue;
            };
            self.put(
                Table::Receipts,
                &name,
                &SentRecord {
                    document: *id,
                    title: kept.header.title.as_str().to_owned(),
                    to: *who,
                    reached: Reached::Durable,
                    queued: self.now,
                    durable: Some(self.now),
                    delivered: None,
                    opened: None,
                    took_ms: None,
                    why: None,
                    receipt: None,
                },
            )?;
        }
        Ok(())
    }

    /// A document was said in a team. Members take what the grant lets through and what one of
    /// the team wrote; the patient takes what others wrote, for good.
    pub(crate) fn team_document_came(
        &mut self,
        held: &Held,
        known: &Known,
        from: &Member,
        carried: Carried,
        stamp: u64,
    ) -> Result<()> {
        let Carried::Inline(bytes) = carried else {
            return Err(ErrorCode::TooLarge.into());
        };
        let document = SignedDocument::from_bytes(&bytes).map_err(|e| Error::of(e.code()))?;
        let doubt = self.doubt(&document)?;
        let header = &document.header;
        let written_here = header.author == from.identity || self.wrote_here(known, &header.author)?;
        let granted = sharing(&header.scopes, &header.sensitivity, &known.terms.scopes) == Sharing::Shared;
        let mut view = self.team_view(&held.id)?;
        let allowed = granted || written_here || self.corrects_what_is_shown(&view, header)?;
        if doubt == Some(ErrorCode::BadDocument) || !allowed {
            return Err(ErrorCode::BadDocument.into());
        }
        let id = document.id();
        if !view.shown.contains(&id) {
            view.shown.push(id);
            self.put_view(&held.id, &view)?;
        }
        let here = self.kept(&id)?.is_some() && self.tx.body(&id)?.is_some();
        if header.author == self.me() || here {
            return Ok(());
        }
        if known.team.standing == Standing::Own {
            let from = Some(header.author);
            self.keep(&document, &bytes, Way::Received, from, stamp, doubt)?;
            // Its author is no contact, perhaps: what becomes of it is said here.
            self.put(Table::Receipts, &names::came_in(&id), &held.id)?;
            return self.kept(&id)?.map_or(Ok(()), |kept| self.correction_came(&kept));
        }
        let patient = known.terms.patient;
        self.keep(&document, &bytes, Way::Shared, Some(patient), stamp, doubt)?;
        self.put(Table::Receipts, &names::came_in(&id), &held.id)?;
        if let Some(mut kept) = self.kept(&id)? {
            kept.until = (known.terms.end != NO_END).then_some(known.terms.end);
            self.put_kept(&kept)?;
        }
        self.shown_again(&id)?;
        self.tell(&patient, id, ReceiptKind::Delivered)?;
        self.kept(&id)?.map_or(Ok(()), |kept| self.correction_came(&kept))
    }

    /// Whether somebody holds the team's role, or stood on a roster before: what was written on
    /// one shift is read on the next, also by whoever was not there when its author was.
    fn wrote_here(&self, known: &Known, author: &IdentityId) -> Result<bool> {
        let roster = self.roster(&known.terms.organisation)?;
        if roster.is_some_and(|s| s.roster.turns(author, &known.terms.role).next().is_some()) {
            return Ok(true);
        }
        let ever = super::roster::all_names(self.tx)?;
        Ok(ever.iter().any(|(person, _)| person == author))
    }

    /// Says a document that was written here in a team.
    pub(crate) fn team_write(&mut self, mailbox: &MailboxId, document: DocumentId) -> Result<()> {
        let mut view = self.team_view(mailbox)?;
        if !view.shown.contains(&document) {
            view.shown.push(document);
            self.put_view(mailbox, &view)?;
        }
        self.team_say_documents(mailbox, &[document])
    }
}
