//! What a holder does for another with what he has here: no device of the other's is needed.

use telesphor_clinical::mandate::{Power, SignedMandate};
use telesphor_clinical::scope::Scopes;
use telesphor_clinical::standing_in::OnBehalf;
use telesphor_vault::Records;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::judge::{OfDocuments, held_for, is_of};
use super::show::record_of;
use crate::contacts::show::find;
use crate::core::{Ctx, Profile};
use crate::documents::keep::Kept;
use crate::documents::show::People;
use crate::documents::write::Draft;
use crate::error::{Error, Result};
use crate::sharing::give::{Chosen, ShareRequest, chosen_of};
use crate::views::Revoked;

/// What a request of a holder means, before anything is done: the mandate that allows it, the
/// documents, and until when they can be shown.
pub(crate) struct Planned {
    pub(crate) mandate: SignedMandate,
    pub(crate) chosen: Chosen,
    pub(crate) until: Option<u64>,
}

/// Sorts out what a holder's request to share means.
///
/// # Errors
/// Why the mandate does not allow it.
pub(crate) fn plan(
    records: &impl Records,
    profile: &Profile,
    now: u64,
    whom: &IdentityId,
    request: &ShareRequest,
) -> Result<Planned> {
    let people = People::load(records, profile)?;
    let mut record = record_of(records, profile, whom)?;
    // What a reader could not tell to be of that person's record he would not take.
    record.retain(|kept| is_of(&kept.header, whom));
    // First whether he may share at all, so that the answer is not about what lies here.
    let any = held_for(records, profile, now, whom, Power::Share, &[])?;
    if let Some(granted) = &any.mandate.scopes
        && request.scopes.iter().any(|scope| !granted.contains(scope))
    {
        return Err(ErrorCode::MandateScope.into());
    }
    for id in &request.documents {
        if !record.iter().any(|kept| kept.id == *id) {
            return Err(ErrorCode::MandateOther.into());
        }
    }
    let chosen = chosen_of(record.into_iter(), &people, &request.scopes, &request.documents);
    let of: OfDocuments<'_> = chosen
        .0
        .iter()
        .map(|k| (&k.header.scopes, &k.header.sensitivity))
        .collect();
    let mandate = held_for(records, profile, now, whom, Power::Share, &of)?;
    let end = mandate.mandate.until.as_ref().map(|until| until.stamp());
    let until = match (request.until, end) {
        (Some(asked), Some(end)) if asked > end => return Err(ErrorCode::MandateBeyond.into()),
        (asked, end) => asked.or(end),
    };
    Ok(Planned {
        mandate,
        chosen,
        until,
    })
}

impl Ctx<'_, '_> {
    /// Shows a contact documents of somebody's record in his name; gives their ids.
    pub(crate) fn share_as(&mut self, whom: &str, request: &ShareRequest) -> Result<Vec<DocumentId>> {
        let subject = self.whom(whom)?;
        let to = find(self.tx, &request.with)?;
        let compared = to.contact.certainty != telesphor_clinical::contact::Certainty::Unverified;
        if !compared && !request.although_unverified && !to.contact.allow_unverified {
            return Err(ErrorCode::Unverified.into());
        }
        let to = to.contact.record.identity;
        if request.until.is_some_and(|until| until <= self.now) {
            return Err(ErrorCode::Usage.into());
        }
        if to == subject {
            return Err(ErrorCode::Usage.into());
        }
        let planned = plan(self.tx, &self.profile, self.now, &subject, request)?;
        let documents: Vec<DocumentId> = planned.chosen.0.iter().map(|k| k.id).collect();
        if documents.is_empty() {
            return Err(ErrorCode::NotFound.into());
        }
        let id = planned.mandate.mandate.id();
        self.show_until(&to, &documents, planned.until, &request.why, Some(id))?;
        Ok(documents)
    }

    /// Ends what this holder has shown somebody in another's name.
    pub(crate) fn revoke_own_acts(
        &mut self,
        subject: &IdentityId,
        to: &IdentityId,
        scopes: &Scopes,
        documents: &[DocumentId],
    ) -> Result<Revoked> {
        let me = self.me();
        self.end_shown(to, scopes, documents, |given| {
            let grant = &given.signed.grant;
            grant.by == me && grant.subject == *subject && given.under.is_some()
        })
    }

    /// Writes documents in somebody's name, keeps them and gives them to him.
    pub(crate) fn add_as(&mut self, whom: &str, drafts: Vec<Draft>) -> Result<Vec<DocumentId>> {
        let subject = self.whom(whom)?;
        let mut written = Vec::new();
        for mut draft in drafts {
            let of = [(&draft.scopes, &draft.sensitivity)];
            let signed = held_for(self.tx, &self.profile, self.now, &subject, Power::Write, &of)?;
            draft.subject = Some(subject);
            draft.on_behalf = Some(OnBehalf {
                subject,
                mandate: signed.mandate.id(),
            });
            let (id, _) = self.write_document(draft)?;
            self.tell_parties(&signed)?;
            self.send_document(&id, &subject)?;
            written.push(id);
        }
        Ok(written)
    }

    /// Somebody for whom this identity may hold a mandate.
    pub(crate) fn whom(&self, whom: &str) -> Result<IdentityId> {
        whom_of(self.tx, whom)
    }

    /// Who is meant by a name or an id: a contact, or somebody to whom a holder has shown something.
    pub(crate) fn reader(&self, who: &str) -> Result<IdentityId> {
        match find(self.tx, who) {
            Ok(known) => Ok(known.contact.record.identity),
            Err(error) if error.code == ErrorCode::NotFound => {
                let mut fits = super::acted::readers(self.tx)?
                    .into_iter()
                    .filter(|(id, name)| name.eq_ignore_ascii_case(who) || id.to_string().starts_with(who));
                match (fits.next(), fits.next()) {
                    (Some((id, _)), None) => Ok(id),
                    _ => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Before a document that was written in another's name leaves for somebody: what proves the
    /// mandate.
    pub(crate) fn send_mandate_of(&mut self, kept: &Kept, to: &IdentityId) -> Result<()> {
        let Some(id) = kept.header.mandate else {
            return Ok(());
        };
        if let Some(found) = super::record::mandate(self.tx, &id)? {
            let proofs = super::judge::proofs_of(self.tx, &self.profile, &found.signed)?;
            self.send_bundle(&proofs, to)?;
        }
        Ok(())
    }
}

/// Somebody for whom this identity may hold a mandate.
pub(crate) fn whom_of(records: &impl Records, whom: &str) -> Result<IdentityId> {
    find(records, whom)
        .map(|known| known.contact.record.identity)
        .map_err(|error| match error.code {
            ErrorCode::NotFound => Error::of(ErrorCode::NoMandate),
            _ => error,
        })
}
