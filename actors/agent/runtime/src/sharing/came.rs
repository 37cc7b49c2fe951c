//! A contact granted something, or ended a grant.

use telesphor_clinical::grant::{Grant, Granted, Grantee, SignedGrant, Until};
use telesphor_clinical::self_entry::{GrantEnded, MailboxUse};
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_sealing::Member;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};

use crate::core::Ctx;
use crate::core::records::Held;
use crate::documents::keep::Way;
use crate::error::{Error, Result};
use crate::mailbox::open::NO_END;

/// When a grant ends; `None` while its giver says nothing.
pub(crate) fn end_of(grant: &Grant) -> Option<u64> {
    match &grant.until {
        Until::Instant(at) => Some(at.stamp()),
        _ => None,
    }
}

/// Where a grant that came says in which room it came.
fn room_name(grant: &Digest) -> Vec<u8> {
    [b"in-room/", &grant.0[..]].concat()
}

impl Ctx<'_, '_> {
    /// Keeps a grant that the speaking contact signed for this identity.
    pub(crate) fn grant_came(&mut self, from: &Member, signed: SignedGrant, held: &Held) -> Result<()> {
        let grant = &signed.grant;
        let for_me = matches!(&grant.to, Grantee::Identity(id) if *id == self.me());
        if grant.by != from.identity || grant.endpoint != from.endpoint || !for_me {
            return Err(ErrorCode::BadDocument.into());
        }
        let history = self
            .history(&grant.by)?
            .ok_or(Error::of(ErrorCode::BrokenHistory))?;
        let said = SignerSaid {
            identity: &grant.by,
            head: &grant.head,
            endpoint: &grant.endpoint,
        };
        history
            .check_signed(said, Judged::now(self.now), grant, &signed.signature)
            .map_err(|e| Error::of(e.code()))?;
        self.check_grant_for(&signed, &held.id)?;
        let id = grant.id();
        self.put(Table::Grants, &id.0, &signed)?;
        if held.used == MailboxUse::Shared {
            self.put(Table::Grants, &room_name(&id), &held.id)?;
        }
        if let Granted::Documents(documents) = &grant.what {
            for id in documents.clone() {
                self.shown_until(&from.identity, &id, held.lease)?;
            }
        }
        Ok(())
    }

    /// A contact ended a grant of its own: what no other grant shows is erased here, key first.
    pub(crate) fn grant_ended(&mut self, from: &IdentityId, ended: &GrantEnded) -> Result<()> {
        let Some(signed) = self.get::<SignedGrant>(Table::Grants, &ended.grant.0)? else {
            return Ok(());
        };
        if signed.grant.by != *from {
            return Err(ErrorCode::BadDocument.into());
        }
        let documents = self.forget_grant(&ended.grant, &signed.grant)?;
        self.end_showing(from, &documents, ended.at.stamp(), false)
    }

    /// Forgets a grant; gives what it showed.
    fn forget_grant(&mut self, id: &Digest, grant: &Grant) -> Result<Vec<DocumentId>> {
        self.tx.delete(Table::Grants, &id.0)?;
        self.tx.delete(Table::Grants, &room_name(id))?;
        Ok(match &grant.what {
            Granted::Documents(documents) => documents.clone(),
            Granted::Scopes(_) => Vec::new(),
        })
    }

    /// Forgets the grants that came in a room that is over; gives what they showed.
    pub(crate) fn forget_room(&mut self, by: &IdentityId, room: &MailboxId) -> Result<Vec<DocumentId>> {
        let mut documents = Vec::new();
        for (id, grant) in self.grants_by(by)? {
            let came: Option<MailboxId> = self.get(Table::Grants, &room_name(&id))?;
            if came == Some(*room) {
                documents.extend(self.forget_grant(&id, &grant)?);
            }
        }
        Ok(documents)
    }

    fn grants_by(&self, by: &IdentityId) -> Result<Vec<(Digest, Grant)>> {
        let mut grants = Vec::new();
        for (name, bytes) in self.tx.scan(Table::Grants)? {
            let Ok(id) = <[u8; 32]>::try_from(name.as_slice()) else {
                continue;
            };
            if let Ok(signed) = canonical::decode::<SignedGrant>(&bytes)
                && signed.grant.by == *by
            {
                grants.push((Digest(id), signed.grant));
            }
        }
        Ok(grants)
    }

    /// The end of a contact's grants for a document that still run: `Some(None)` = until it is
    /// ended.
    pub(crate) fn grant_for(&self, by: &IdentityId, document: &DocumentId) -> Result<Option<Option<u64>>> {
        let mut best: Option<Option<u64>> = None;
        for (_, grant) in self.grants_by(by)? {
            let covers = matches!(&grant.what, Granted::Documents(d) if d.contains(document));
            let until = end_of(&grant);
            if !covers || until.is_some_and(|until| until <= self.now) {
                continue;
            }
            best = match (best, until) {
                (Some(None), _) | (_, None) => Some(None),
                (Some(Some(a)), Some(b)) => Some(Some(a.max(b))),
                (None, Some(b)) => Some(Some(b)),
            };
        }
        Ok(best)
    }

    /// Notes on a document that a contact shows until when that is: what its grants say, or
    /// `lease`, the end of the room it came in, if no grant is here yet.
    pub(crate) fn shown_until(&mut self, from: &IdentityId, document: &DocumentId, lease: u64) -> Result<()> {
        let Some(mut kept) = self.kept(document)? else {
            return Ok(());
        };
        if kept.way != Way::Shared || kept.from != Some(*from) || self.tx.body(document)?.is_none() {
            return Ok(());
        }
        let room_ends = (lease != NO_END).then_some(lease);
        kept.until = self.grant_for(from, document)?.unwrap_or(room_ends);
        self.put_kept(&kept)?;
        self.shown_again(document)
    }
}
