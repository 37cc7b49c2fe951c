//! What is shown here under a mandate: the grant and every document are held against it before
//! anything is called somebody's.

use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::grant::SignedGrant;
use telesphor_clinical::header::Header;
use telesphor_clinical::mandate::Power;
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::standing_in::OnBehalf;
use telesphor_identity::mandate::Act;
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};

use super::judge::{is_of, proofs_of};
use super::record::mandate;
use crate::core::Ctx;
use crate::core::records::{GroupSay, Job, What};
use crate::error::{Error, Result};
use crate::sharing::came::end_of;
use crate::sharing::give::Given;
use crate::team::serve::padding_for;

fn room_name(mailbox: &MailboxId) -> Vec<u8> {
    [b"room-for/", &mailbox.0[..]].concat()
}

/// For whom a contact opened a room, if not for himself.
pub(crate) fn room_for(records: &impl Records, mailbox: &MailboxId) -> Result<Option<OnBehalf>> {
    Ok(records.get_value(Table::Grants, &room_name(mailbox))?)
}

impl Ctx<'_, '_> {
    /// Before a grant that was given for another: what proves the mandate, where the grant is said,
    /// and to the one it is given for the grant itself.
    pub(crate) fn show_mandate(&mut self, given: &Given, after: Option<u64>) -> Result<()> {
        let grant = &given.signed.grant;
        let Some(id) = given.under.filter(|_| grant.subject != self.me()) else {
            return Ok(());
        };
        let kept = mandate(self.tx, &id)?.ok_or(Error::of(ErrorCode::NoMandate))?;
        let proofs = proofs_of(self.tx, &self.profile, &kept.signed)?;
        let body = Bytes(canonical::encode(&GroupMessage::Credentials(Bytes(
            proofs.to_bytes(),
        ))));
        let say = GroupSay {
            mailbox: given.mailbox,
            padding: padding_for(&body),
            body,
        };
        self.enqueue(What::Room(say), Job::Nothing(true), after)?;
        self.tell_acted(given)
    }

    /// Notes that a room is opened for somebody else than its owner.
    pub(crate) fn note_room_for(&mut self, mailbox: &MailboxId, grant: Option<&SignedGrant>) -> Result<()> {
        let Some(grant) = grant.map(|g| &g.grant).filter(|g| g.by != g.subject) else {
            return Ok(());
        };
        let on_behalf = OnBehalf {
            subject: grant.subject,
            mandate: grant.mandate.ok_or(Error::of(ErrorCode::NoMandate))?,
        };
        self.put(Table::Grants, &room_name(mailbox), &on_behalf)
    }

    /// Judges a grant that somebody gave for another.
    pub(crate) fn check_grant_for(&self, signed: &SignedGrant, room: &MailboxId) -> Result<()> {
        let grant = &signed.grant;
        if grant.by == grant.subject {
            return Ok(());
        }
        let id = grant.mandate.ok_or(Error::of(ErrorCode::NoMandate))?;
        let said = room_for(self.tx, room)?;
        let same = said.is_some_and(|said| said.subject == grant.subject && said.mandate == id);
        if !same {
            // The room was opened for somebody else, or by its owner in his own name.
            return Err(ErrorCode::MandateOther.into());
        }
        let act = Act {
            by: &grant.by,
            whom: &grant.subject,
            powers: &[Power::Share],
            documents: &[],
        };
        let mandate = self.judge_act(&id, &act)?.mandate;
        match (end_of(grant), mandate.until.map(|until| until.stamp())) {
            (None, Some(_)) => Err(ErrorCode::MandateBeyond.into()),
            (Some(end), Some(until)) if end > until => Err(ErrorCode::MandateBeyond.into()),
            _ => Ok(()),
        }
    }

    /// Judges a document that came in a room opened for somebody else.
    pub(crate) fn check_shown_for(&self, from: &IdentityId, header: &Header, room: &MailboxId) -> Result<()> {
        let Some(said) = room_for(self.tx, room)? else {
            return Ok(());
        };
        if !is_of(header, &said.subject) {
            return Err(ErrorCode::MandateOther.into());
        }
        let act = Act {
            by: from,
            whom: &said.subject,
            powers: &[Power::Share],
            documents: &[(&header.scopes, &header.sensitivity)],
        };
        self.judge_act(&said.mandate, &act).map(|_| ())
    }

    /// Judges a document that was written in this identity's name by somebody else.
    pub(crate) fn check_written_for_me(&self, document: &SignedDocument) -> Result<()> {
        let header = &document.header;
        if header.on_behalf_of != Some(self.me()) || header.author == self.me() {
            return Ok(());
        }
        let id = header.mandate.ok_or(Error::of(ErrorCode::NoMandate))?;
        let act = Act {
            by: &header.author,
            whom: &self.me(),
            powers: &[Power::Write, Power::Decide],
            documents: &[(&header.scopes, &header.sensitivity)],
        };
        self.judge_act(&id, &act).map(|_| ())
    }

    /// The mandate by which a document is read here, if by one.
    pub(crate) fn read_by_mandate(&self, document: &DocumentId) -> Result<Option<OnBehalf>> {
        for (id, grant) in self.documents_by_mandate()? {
            if grant.contains(document) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// What is shown here by mandates that this identity holds.
    pub(crate) fn documents_by_mandate(&self) -> Result<Vec<(OnBehalf, Vec<DocumentId>)>> {
        super::show::shown_by_mandates(self.tx, &self.me())
    }

    /// Grants that came under a mandate, with those who gave them.
    pub(crate) fn grants_under(&self, id: &Digest) -> Result<Vec<(Digest, IdentityId)>> {
        let all = super::show::grants_came(self.tx)?.into_iter();
        Ok(all
            .filter(|(_, grant)| grant.mandate == Some(*id))
            .map(|(name, grant)| (name, grant.by))
            .collect())
    }
}
