//! `share`, `revoke`, `who`, `log`.

use std::collections::BTreeMap;

use telesphor_clinical::scope::Scopes;
use telesphor_vault::{Records, Table};
use telesphor_wire::ids::DocumentId;

use super::agent::Agent;
use crate::contacts;
use crate::core::names;
use crate::documents::keep::{Kept, all_kept};
use crate::documents::send::SentRecord;
use crate::documents::show::{People, sent_view, view};
use crate::error::Result;
use crate::sharing::give::{ShareRequest, chosen};
use crate::sharing::over::end_view;
use crate::sharing::show;
use crate::views::{EndView, GrantView, Revoked, SentView, SharePlan};

impl Agent {
    /// What a request would show, hold back and leave out, before anything is done.
    ///
    /// # Errors
    /// `NotFound` for an unknown contact.
    pub async fn plan_share(&self, request: &ShareRequest) -> Result<SharePlan> {
        let request = request.clone();
        self.look(move |snapshot, profile| {
            contacts::show::find(snapshot, &request.with)?;
            let people = People::load(snapshot, profile)?;
            let sorted = chosen(all_kept(snapshot)?, &people, &request.scopes, &request.documents);
            share_plan(snapshot, &people, &sorted)
        })
        .await
    }

    /// Lets a contact look at documents until an instant. Returns as soon as grant and
    /// documents are in the outbox; [`Agent::wait_sent`] waits for more.
    ///
    /// # Errors
    /// `NotFound` if there is nothing to show; `Unverified` if the contact was not compared.
    pub async fn share(&self, request: ShareRequest) -> Result<Vec<SentView>> {
        self.shared
            .change(move |core| {
                let profile = core.profile.clone();
                core.write(|ctx| {
                    let to = contacts::show::find(ctx.tx, &request.with)?
                        .contact
                        .record
                        .identity;
                    let people = People::load(ctx.tx, &profile)?;
                    let mut views = Vec::new();
                    for document in ctx.share(&request)? {
                        let record: Option<SentRecord> =
                            ctx.get(Table::Receipts, &names::sent(&document, &to))?;
                        if let Some(record) = record {
                            views.push(sent_view(ctx.tx, &people, &record)?);
                        }
                    }
                    Ok(views)
                })
            })
            .await
    }

    /// Ends grants to a contact: those for documents in one of `scopes`, or for `documents`, or
    /// all. The relay serves them no more, and the contact's agent erases what it was shown; what
    /// a person remembers or copied cannot be taken back.
    ///
    /// # Errors
    /// `NotFound` if there is no such grant.
    pub async fn revoke(&self, who: &str, scopes: Scopes, documents: Vec<DocumentId>) -> Result<Revoked> {
        let who = who.to_owned();
        self.shared
            .change(move |core| core.write(|ctx| ctx.revoke(&who, &scopes, &documents)))
            .await
    }

    /// How the showing of a document that a contact showed here has ended; `None` if it has not.
    ///
    /// # Errors
    /// `NotFound`, `Ambiguous`.
    pub async fn ended(&self, what: &str) -> Result<Option<EndView>> {
        let what = what.to_owned();
        self.look(move |snapshot, profile| {
            let kept = crate::documents::show::find(snapshot, &what)?;
            end_view(snapshot, profile, &kept, crate::core::shared::clock())
        })
        .await
    }

    /// Waits until the showing of a document has ended here.
    ///
    /// # Errors
    /// [`telesphor_wire::error::ErrorCode::NotYetDurable`] after `wait`.
    pub async fn wait_ended(&self, document: DocumentId, wait: std::time::Duration) -> Result<EndView> {
        self.wait_for(wait, move |core| {
            let snapshot = core.read()?;
            let kept: Option<crate::documents::keep::Kept> =
                snapshot.get_value(Table::Documents, &document.0)?;
            match kept {
                Some(kept) if snapshot.body(&document)?.is_none() => {
                    end_view(&snapshot, &core.profile, &kept, crate::core::shared::clock())
                }
                _ => Ok(None),
            }
        })
        .await
    }

    /// Who can see what of one's own record, until when and what for.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn who(&self) -> Result<Vec<GrantView>> {
        self.look(show::who).await
    }
}

/// What is shown, held back and left out, as it is listed.
pub(crate) fn share_plan(
    records: &impl Records,
    people: &People,
    (shown, withheld, outside): &(Vec<Kept>, Vec<(Kept, Scopes)>, Vec<Kept>),
) -> Result<SharePlan> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for kept in outside {
        let scope = kept.header.scopes.iter().next();
        *counts
            .entry(scope.map_or("other", |s| s.as_str()).to_owned())
            .or_default() += 1;
    }
    let listed = |(kept, missing): &(Kept, Scopes)| {
        let missing = missing.iter().map(|s| s.as_str().to_owned()).collect();
        Ok((view(records, people, kept)?, missing))
    };
    Ok(SharePlan {
        shown: shown
            .iter()
            .map(|k| view(records, people, k))
            .collect::<Result<_>>()?,
        withheld: withheld.iter().map(listed).collect::<Result<_>>()?,
        outside: counts.into_iter().collect(),
    })
}
