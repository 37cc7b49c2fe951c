//! A contact granted something, or ended a grant.

use telesphor_clinical::grant::{Granted, Grantee, SignedGrant, Until};
use telesphor_clinical::self_entry::GrantEnded;
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_sealing::Member;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId};

use crate::core::Ctx;
use crate::documents::keep::Way;
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    /// Keeps a grant that the speaking contact signed for this identity.
    pub(crate) fn grant_came(&mut self, from: &Member, signed: SignedGrant) -> Result<()> {
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
        self.put(Table::Grants, &grant.id().0, &signed)?;
        if let Granted::Documents(documents) = &grant.what {
            for id in documents.clone() {
                self.shown_until(&from.identity, &id)?;
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
        self.tx.delete(Table::Grants, &ended.grant.0)?;
        let Granted::Documents(documents) = &signed.grant.what else {
            return Ok(());
        };
        let mut gone = Vec::new();
        for id in documents {
            let Some(mut kept) = self.kept(id)? else { continue };
            if kept.way == Way::Shared && self.grant_for(from, id)?.is_none() {
                kept.until = Some(self.now.saturating_sub(1));
                self.put_kept(&kept)?;
                gone.push(*id);
            }
        }
        self.tx.erase_documents(&gone)?;
        Ok(())
    }

    /// The end of a contact's grant for a document: `Some(None)` = until it is ended.
    fn grant_for(&self, by: &IdentityId, document: &DocumentId) -> Result<Option<Option<u64>>> {
        let mut best: Option<Option<u64>> = None;
        for (name, bytes) in self.tx.scan(Table::Grants)? {
            if name.len() != 32 {
                continue;
            }
            let Ok(signed) = canonical::decode::<SignedGrant>(&bytes) else {
                continue;
            };
            let grant = &signed.grant;
            let covers = matches!(&grant.what, Granted::Documents(d) if d.contains(document));
            if grant.by != *by || !covers {
                continue;
            }
            let until = match &grant.until {
                Until::Instant(at) => Some(at.stamp()),
                _ => None,
            };
            best = match (best, until) {
                (Some(None), _) | (_, None) => Some(None),
                (Some(Some(a)), Some(b)) => Some(Some(a.max(b))),
                (None, Some(b)) => Some(Some(b)),
            };
        }
        Ok(best)
    }

    /// Marks a document that came as shown, if its sender's grant says so.
    pub(crate) fn shown_until(&mut self, from: &IdentityId, document: &DocumentId) -> Result<()> {
        let Some(mut kept) = self.kept(document)? else {
            return Ok(());
        };
        if kept.way == Way::Own || kept.from != Some(*from) {
            return Ok(());
        }
        if let Some(until) = self.grant_for(from, document)? {
            kept.way = Way::Shared;
            kept.until = until;
            self.put_kept(&kept)?;
        }
        Ok(())
    }
}
