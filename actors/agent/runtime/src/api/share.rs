//! `share`, `revoke`, `who`, `log`.

use std::collections::BTreeMap;

use telesphor_clinical::scope::Scopes;
use telesphor_vault::Table;
use telesphor_wire::ids::DocumentId;

use super::agent::Agent;
use crate::contacts;
use crate::core::names;
use crate::documents::keep::all_kept;
use crate::documents::send::SentRecord;
use crate::documents::show::{People, sent_view, view};
use crate::error::Result;
use crate::sharing::give::{ShareRequest, chosen};
use crate::sharing::show;
use crate::views::{GrantView, LogLine, SentView, SharePlan};

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
            let (shown, withheld, outside) = chosen(all_kept(snapshot)?, &request.scopes, &request.documents);
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            for kept in &outside {
                let scope = kept.header.scopes.iter().next();
                *counts
                    .entry(scope.map_or("other", |s| s.as_str()).to_owned())
                    .or_default() += 1;
            }
            Ok(SharePlan {
                shown: shown.iter().map(|k| view(&people, k)).collect(),
                withheld: withheld
                    .iter()
                    .map(|(k, missing)| {
                        (
                            view(&people, k),
                            missing.iter().map(|s| s.as_str().to_owned()).collect(),
                        )
                    })
                    .collect(),
                outside: counts.into_iter().collect(),
            })
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
                        views.extend(record.map(|r| sent_view(&people, &r)));
                    }
                    Ok(views)
                })
            })
            .await
    }

    /// Ends grants to a contact: those for documents in one of `scopes`, or for `documents`, or
    /// all. The contact's agent erases what it was shown; what a person remembers or copied
    /// cannot be taken back. Gives how many grants were ended.
    ///
    /// # Errors
    /// `NotFound` if there is no such grant.
    pub async fn revoke(&self, who: &str, scopes: Scopes, documents: Vec<DocumentId>) -> Result<usize> {
        let who = who.to_owned();
        self.shared
            .change(move |core| core.write(|ctx| ctx.revoke(&who, &scopes, &documents)))
            .await
    }

    /// Who can see what of one's own record, until when and what for.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn who(&self) -> Result<Vec<GrantView>> {
        self.look(show::who).await
    }

    /// Who received and opened what, newest first: signed receipts, at most `limit` of them.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn log(&self, limit: usize) -> Result<Vec<LogLine>> {
        self.look(move |snapshot, profile| show::log(snapshot, profile, limit))
            .await
    }
}
