//! `mandate give|list|end`, and everything that is done for somebody else.

use std::time::Duration;

use telesphor_clinical::mandate::Power;
use telesphor_clinical::scope::Scopes;
use telesphor_vault::Table;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::DocumentId;

use super::agent::Agent;
use super::share_plan;
use crate::core::names;
use crate::core::shared::clock;
use crate::documents::send::SentRecord;
use crate::documents::show::{People, sent_view, view};
use crate::documents::write::Draft;
use crate::error::{Error, Result};
use crate::mandates::act::{plan, whom_of};
use crate::mandates::give::MandateDraft;
use crate::mandates::judge::held_for;
use crate::mandates::record::mandate;
use crate::mandates::{request, show};
use crate::sharing::give::ShareRequest;
use crate::views::{
    DocumentView, GrantView, LogLine, MandateAsked, MandateView, Opened, Revoked, Seen, SentView, SharePlan,
};

impl Agent {
    /// Gives a contact a mandate for this identity, or as an authority for another contact.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Unverified`], [`ErrorCode::Usage`];
    /// [`ErrorCode::MandateGivenOn`] if this identity only holds one for that person.
    pub async fn give_mandate(&self, draft: MandateDraft) -> Result<MandateView> {
        let id = self
            .shared
            .change(move |core| core.write(|ctx| ctx.give_mandate(&draft)))
            .await?;
        self.shared
            .change(crate::core::Core::bring_mandates_in_line)
            .await?;
        self.mandate_view(id).await
    }

    /// Ends a mandate that was given here, named by its id or by its holder.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Ambiguous`], [`ErrorCode::NotIssuer`].
    pub async fn end_mandate(&self, what: &str) -> Result<MandateView> {
        let what = what.to_owned();
        let id = self
            .shared
            .change(move |core| core.write(|ctx| ctx.end_mandate(&what)))
            .await?;
        self.mandate_view(id).await
    }

    async fn mandate_view(&self, id: Digest) -> Result<MandateView> {
        self.look(move |snapshot, profile| {
            let kept = mandate(snapshot, &id)?.ok_or(Error::fault("mandate"))?;
            show::view(snapshot, profile, &kept)
        })
        .await
    }

    /// Mandates that concern this identity: given, held, and those that others gave for it.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn mandates(&self) -> Result<Vec<MandateView>> {
        self.look(show::list).await
    }

    /// Whether this identity may do something for somebody now, whatever it concerns.
    ///
    /// # Errors
    /// Why it may not.
    pub async fn may(&self, whom: &str, power: Power) -> Result<()> {
        let whom = whom.to_owned();
        self.look(move |snapshot, profile| {
            let whom = whom_of(snapshot, &whom)?;
            held_for(snapshot, profile, clock(), &whom, power, &[]).map(|_| ())
        })
        .await
    }

    /// What a request to share somebody else's documents would show, and until when.
    ///
    /// # Errors
    /// Why the mandate does not allow it.
    pub async fn plan_share_as(
        &self,
        whom: &str,
        request: &ShareRequest,
    ) -> Result<(SharePlan, Option<u64>)> {
        let (whom, request) = (whom.to_owned(), request.clone());
        self.look(move |snapshot, profile| {
            let subject = whom_of(snapshot, &whom)?;
            let planned = plan(snapshot, profile, clock(), &subject, &request)?;
            let people = People::load(snapshot, profile)?;
            Ok((share_plan(snapshot, &people, &planned.chosen)?, planned.until))
        })
        .await
    }

    /// Shows a contact documents of somebody else's record, in his name.
    ///
    /// # Errors
    /// Why the mandate does not allow it; as [`Agent::share`].
    pub async fn share_as(&self, whom: &str, request: ShareRequest) -> Result<Vec<SentView>> {
        let whom = whom.to_owned();
        self.shared
            .change(move |core| {
                let profile = core.profile.clone();
                core.write(|ctx| {
                    let documents = ctx.share_as(&whom, &request)?;
                    let to = ctx.reader(&request.with)?;
                    let people = People::load(ctx.tx, &profile)?;
                    let mut views = Vec::new();
                    for document in documents {
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

    /// Ends what somebody is shown of another's record: at once what was shown here in his name;
    /// what he granted himself is ended by a device of his, which is waited for.
    ///
    /// # Errors
    /// Why the mandate does not allow it; [`ErrorCode::NotFound`] if there is nothing to end.
    pub async fn revoke_as(
        &self,
        whom: &str,
        who: &str,
        scopes: Scopes,
        documents: Vec<DocumentId>,
        wait: Duration,
    ) -> Result<MandateAsked> {
        let (whom, who) = (whom.to_owned(), who.to_owned());
        let (done, asked) = self
            .shared
            .change(move |core| core.write(|ctx| ctx.revoke_as(&whom, &who, &scopes, &documents)))
            .await?;
        let mut told = MandateAsked {
            done,
            theirs: None,
            asked: asked.is_some(),
            refused: None,
        };
        let Some(asked) = asked else { return Ok(told) };
        let answer = self
            .wait_for(wait, move |core| request::answer(&core.read()?, &asked))
            .await;
        if let Ok(answer) = answer {
            match answer.refused {
                0 => {
                    told.theirs = Some(Revoked {
                        grants: answer.grants as usize,
                        documents: answer.documents as usize,
                        opened: answer.opened as usize,
                    });
                }
                code => told.refused = Some(ErrorCode::from_code(code).unwrap_or(ErrorCode::Refused)),
            }
        }
        Ok(told)
    }

    /// Who can see what of somebody else's record, as far as a mandate reaches, and when that was
    /// so by the word of a device of his.
    ///
    /// # Errors
    /// Why no mandate allows it.
    pub async fn who_as(&self, whom: &str) -> Result<Vec<GrantView>> {
        let whom = whom.to_owned();
        self.look(move |snapshot, profile| {
            let whom = whom_of(snapshot, &whom)?;
            held_for(snapshot, profile, clock(), &whom, Power::Read, &[])?;
            show::who_as(snapshot, profile, &whom)
        })
        .await
    }

    /// What happened with somebody else's record, as far as a mandate reaches, newest first.
    ///
    /// # Errors
    /// Why no mandate allows it.
    pub async fn log_as(&self, whom: &str, limit: usize) -> Result<Vec<LogLine>> {
        let whom = whom.to_owned();
        self.shared
            .work(move |core| {
                let (snapshot, profile) = (core.read()?, &core.profile);
                let whom = whom_of(&snapshot, &whom)?;
                held_for(&snapshot, profile, clock(), &whom, Power::Read, &[])?;
                let mut lines = show::log_as(&snapshot, profile, &whom, limit)?;
                let fetched = crate::deliveries::show::lines(core, &whom)?;
                lines.extend(
                    fetched
                        .into_iter()
                        .filter(|l| l.seen != Seen::Upkeep && l.seen != Seen::Own),
                );
                lines.sort_by_key(|line| std::cmp::Reverse(line.at));
                lines.truncate(limit);
                Ok(lines)
            })
            .await
    }

    /// What is here of somebody else's record, by a mandate.
    ///
    /// # Errors
    /// Why no mandate allows it.
    pub async fn documents_as(&self, whom: &str) -> Result<Vec<DocumentView>> {
        let whom = whom.to_owned();
        self.look(move |snapshot, profile| {
            let whom = whom_of(snapshot, &whom)?;
            held_for(snapshot, profile, clock(), &whom, Power::Read, &[])?;
            let people = People::load(snapshot, profile)?;
            let all = show::record_of(snapshot, profile, &whom)?;
            all.iter().map(|kept| view(snapshot, &people, kept)).collect()
        })
        .await
    }

    /// Opens a document of somebody else's record, for him; he learns that it was opened.
    ///
    /// # Errors
    /// Why no mandate allows it; [`ErrorCode::MandateOther`] for a document of somebody else; as
    /// [`Agent::read`].
    pub async fn read_as(&self, whom: &str, what: &str) -> Result<Opened> {
        let view = self.document(what).await;
        let all = self.documents_as(whom).await?;
        let id = view?.id;
        match all.iter().any(|d| d.id == id) {
            true => self.read(what).await,
            false => Err(ErrorCode::MandateOther.into()),
        }
    }

    /// Writes documents in somebody else's name and gives them to him.
    ///
    /// # Errors
    /// Why no mandate allows it; as [`Agent::add`].
    pub async fn add_as(&self, whom: &str, drafts: Vec<Draft>) -> Result<Vec<DocumentView>> {
        let whom = whom.to_owned();
        self.shared
            .change(move |core| {
                let profile = core.profile.clone();
                core.write(|ctx| {
                    let people = People::load(ctx.tx, &profile)?;
                    let mut views = Vec::new();
                    for id in ctx.add_as(&whom, drafts)? {
                        let kept = ctx.kept(&id)?.ok_or(Error::fault("kept"))?;
                        views.push(view(ctx.tx, &people, &kept)?);
                    }
                    Ok(views)
                })
            })
            .await
    }
}
