//! A contact granted something, or ended a grant.

use telesphor_clinical::grant::SignedGrant;
use telesphor_clinical::self_entry::GrantEnded;
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_sealing::Member;
use telesphor_vault::Table;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use crate::core::Ctx;
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    /// Keeps a grant that the speaking contact signed.
    pub(crate) fn grant_came(&mut self, from: &Member, signed: SignedGrant) -> Result<()> {
        let grant = &signed.grant;
        if grant.by != from.identity || grant.endpoint != from.endpoint {
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
        self.put(Table::Grants, &grant.id().0, &signed)
    }

    /// A contact ended a grant of its own.
    pub(crate) fn grant_ended(&mut self, from: &IdentityId, ended: &GrantEnded) -> Result<()> {
        let Some(signed) = self.get::<SignedGrant>(Table::Grants, &ended.grant.0)? else {
            return Ok(());
        };
        if signed.grant.by != *from {
            return Err(ErrorCode::BadDocument.into());
        }
        self.put(Table::Grants, &[b"ended/", &ended.grant.0[..]].concat(), ended)
    }
}
