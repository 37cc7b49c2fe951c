//! `add`, `send`, `inbox`, `read`, `sent`.

use std::time::Duration;

use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::receipt::ReceiptKind;
use telesphor_vault::{Records, Table};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::agent::Agent;
use crate::acts::standing::{refuse_not_current, refuse_retracted};
use crate::contacts;
use crate::core::names;
use crate::documents::keep::{Way, all_kept};
use crate::documents::send::{Reached, SentRecord};
use crate::documents::show::{People, all_sent, find, sent_view, view};
use crate::documents::write::Draft;
use crate::error::{Error, Result};
use crate::views::{Awaited, DocumentView, Opened, SentState, SentView};

impl Agent {
    /// Signs documents and keeps them in one's own record, all in one transaction.
    ///
    /// # Errors
    /// [`ErrorCode::InputRefused`], [`ErrorCode::TooLarge`]: then none was taken.
    pub async fn add(&self, drafts: Vec<Draft>) -> Result<Vec<DocumentView>> {
        self.shared
            .change(move |core| {
                let profile = core.profile.clone();
                core.write(|ctx| {
                    let people = People::load(ctx.tx, &profile)?;
                    let mut views = Vec::new();
                    for draft in drafts {
                        let (id, _) = ctx.write_document(draft)?;
                        let kept = ctx.kept(&id)?.ok_or(Error::fault("kept"))?;
                        views.push(view(ctx.tx, &people, &kept)?);
                    }
                    Ok(views)
                })
            })
            .await
    }

    /// Signs a draft and gives it to a contact for good. Returns as soon as it is in the
    /// outbox; [`Agent::wait_sent`] waits for more.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown contact; [`ErrorCode::TooLarge`].
    pub async fn send(&self, to: &str, draft: Draft) -> Result<SentView> {
        let mut sent = self.send_many(to, vec![draft]).await?;
        sent.pop().ok_or(Error::fault("send"))
    }

    /// Signs and gives several documents in one transaction.
    ///
    /// # Errors
    /// As [`Agent::send`]; then none was taken.
    pub async fn send_many(&self, to: &str, drafts: Vec<Draft>) -> Result<Vec<SentView>> {
        let to = to.to_owned();
        self.shared
            .change(move |core| {
                let profile = core.profile.clone();
                core.write(|ctx| {
                    let known = contacts::show::find(ctx.tx, &to)?;
                    let people = People::load(ctx.tx, &profile)?;
                    let id = known.contact.record.identity;
                    let mut views = Vec::new();
                    for draft in drafts {
                        let (document, _) = ctx.write_document(draft)?;
                        ctx.send_document(&document, &id)?;
                        let record: SentRecord = ctx
                            .get(Table::Receipts, &names::sent(&document, &id))?
                            .ok_or(Error::fault("sent"))?;
                        views.push(sent_view(ctx.tx, &people, &record)?);
                    }
                    Ok(views)
                })
            })
            .await
    }

    /// Gives documents that are in the record already.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::TooLarge`]; [`ErrorCode::Replaced`] and
    /// [`ErrorCode::Retracted`] for what is not current.
    pub async fn give(&self, to: &str, documents: Vec<DocumentId>) -> Result<Vec<SentView>> {
        let to = to.to_owned();
        self.shared
            .change(move |core| {
                let profile = core.profile.clone();
                core.write(|ctx| {
                    let known = contacts::show::find(ctx.tx, &to)?;
                    let people = People::load(ctx.tx, &profile)?;
                    let id = known.contact.record.identity;
                    let mut views = Vec::new();
                    for document in documents {
                        let kept = ctx.kept(&document)?.ok_or(Error::of(ErrorCode::NotFound))?;
                        refuse_not_current(ctx.tx, &profile, &kept)?;
                        ctx.send_document(&document, &id)?;
                        let record: SentRecord = ctx
                            .get(Table::Receipts, &names::sent(&document, &id))?
                            .ok_or(Error::fault("sent"))?;
                        views.push(sent_view(ctx.tx, &people, &record)?);
                    }
                    Ok(views)
                })
            })
            .await
    }

    /// Waits until a sent document has come at least as far as `state`.
    ///
    /// # Errors
    /// The reason if it failed; [`ErrorCode::NotYetDurable`] or [`ErrorCode::Unreachable`]
    /// after `wait`: it goes on by itself.
    pub async fn wait_sent(
        &self,
        document: DocumentId,
        to: IdentityId,
        state: SentState,
        wait: Duration,
    ) -> Result<SentView> {
        self.wait_for(wait, move |core| {
            let snapshot = core.read()?;
            let record: SentRecord = snapshot
                .get_value(Table::Receipts, &names::sent(&document, &to))?
                .ok_or(Error::of(ErrorCode::NotFound))?;
            if record.reached == Reached::Failed {
                return Err(record.why.map_or(Error::fault("sent"), Error::from));
            }
            let people = People::load(&snapshot, &core.profile)?;
            let shown = sent_view(&snapshot, &people, &record)?;
            Ok((shown.state >= state).then_some(shown))
        })
        .await
    }

    /// Waits until documents have gone to everybody to whom they go: given, shown, in teams, and
    /// to roles, whose keys are asked for first.
    ///
    /// # Errors
    /// The first reason if one of them failed; [`ErrorCode::NotYetDurable`] or
    /// [`ErrorCode::Unreachable`] after `wait`: it goes on by itself.
    pub async fn wait_gone(&self, documents: Vec<DocumentId>, wait: Duration) -> Result<()> {
        let until = std::time::Instant::now() + wait;
        let failed = self
            .wait_for(wait, move |core| {
                let snapshot = core.read()?;
                let people = People::load(&snapshot, &core.profile)?;
                let mut failed = None;
                for record in all_sent(&snapshot)? {
                    if !documents.contains(&record.document) {
                        continue;
                    }
                    if record.reached == Reached::Failed {
                        failed.get_or_insert(record.why);
                    } else if sent_view(&snapshot, &people, &record)?.state < SentState::Durable {
                        return Ok(None);
                    }
                }
                Ok(Some(failed))
            })
            .await?;
        self.settle(until.saturating_duration_since(std::time::Instant::now()))
            .await?;
        match failed {
            None => Ok(()),
            Some(why) => Err(why.map_or(Error::fault("sent"), Error::from)),
        }
    }

    /// Where everything sent is now, newest first.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn sent(&self) -> Result<Vec<SentView>> {
        self.look(|snapshot, profile| {
            let people = People::load(snapshot, profile)?;
            let mut all: Vec<_> = all_sent(snapshot)?
                .iter()
                .map(|r| sent_view(snapshot, &people, r))
                .collect::<Result<_>>()?;
            all.reverse();
            Ok(all)
        })
        .await
    }

    /// Everything in the record, oldest first.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn documents(&self) -> Result<Vec<DocumentView>> {
        self.look(|snapshot, profile| {
            let people = People::load(snapshot, profile)?;
            let all = all_kept(snapshot)?;
            all.iter().map(|k| view(snapshot, &people, k)).collect()
        })
        .await
    }

    /// What came from others: first what somebody has still to accept (too late before urgent
    /// before the rest), then what is urgent, then newest first.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn inbox(&self) -> Result<Vec<DocumentView>> {
        self.look(|snapshot, profile| {
            let people = People::load(snapshot, profile)?;
            // What came in one piece came at one instant: the later of it stands first all the same.
            let mut all: Vec<_> = all_kept(snapshot)?
                .iter()
                .rev()
                .filter(|k| k.way != Way::Own)
                .map(|k| view(snapshot, &people, k))
                .collect::<Result<_>>()?;
            all.sort_by_key(|d| (urgency(d), std::cmp::Reverse(d.arrived)));
            Ok(all)
        })
        .await
    }

    /// Waits until at least `count` documents have come from others.
    ///
    /// # Errors
    /// [`ErrorCode::NotYetDurable`] after `wait`.
    pub async fn wait_inbox(&self, count: usize, wait: Duration) -> Result<Vec<DocumentView>> {
        self.wait_for(wait, move |core| {
            let snapshot = core.read()?;
            let came = all_kept(&snapshot)?.iter().filter(|k| k.way != Way::Own).count();
            Ok((came >= count).then_some(()))
        })
        .await?;
        self.inbox().await
    }

    /// One document's entry, by id or the beginning of it.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Ambiguous`].
    pub async fn document(&self, what: &str) -> Result<DocumentView> {
        let what = what.to_owned();
        self.look(move |snapshot, profile| {
            let kept = find(snapshot, &what)?;
            view(snapshot, &People::load(snapshot, profile)?, &kept)
        })
        .await
    }

    /// Opens a document. One that came from a contact is marked as opened, and the sender is
    /// told so, once.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Ambiguous`]; [`ErrorCode::Retracted`] if its author has
    /// taken it back. What is not genuine is shown with a verdict that says so, never silently.
    pub async fn read(&self, what: &str) -> Result<Opened> {
        let what = what.to_owned();
        self.shared
            .change(move |core| {
                let profile = core.profile.clone();
                core.write(|ctx| {
                    let mut kept = find(ctx.tx, &what)?;
                    let acting = ctx.acting()?;
                    // Its author may look at it: it has to be sent to the right one, perhaps.
                    if kept.way != Way::Own {
                        refuse_retracted(ctx.tx, &profile, &kept)?;
                    }
                    if kept.until.is_some_and(|until| until < ctx.now) {
                        return Err(ErrorCode::LeaseOver.into());
                    }
                    if kept.way == Way::Shared && ctx.tx.body(&kept.id)?.is_none() {
                        return Err(ErrorCode::LeaseOver.into());
                    }
                    let bytes = ctx.document_bytes(&kept.id)?;
                    let document = SignedDocument::from_bytes(&bytes).map_err(|e| Error::of(e.code()))?;
                    let verdict = ctx.verdict(&kept, &bytes)?;
                    let first = match &acting {
                        Some(here) => ctx.opens_first(here, &kept.id)?,
                        None => kept.opened.is_none(),
                    };
                    if let (Way::Received | Way::Shared, true, Some(from)) = (kept.way, first, kept.from) {
                        kept.opened.get_or_insert(ctx.now);
                        ctx.put_kept(&kept)?;
                        ctx.tell(&from, kept.id, ReceiptKind::Opened)?;
                    }
                    let shown = view(ctx.tx, &People::load(ctx.tx, &profile)?, &kept)?;
                    Ok(Opened {
                        view: shown,
                        body: document.body.0,
                        verdict,
                    })
                })
            })
            .await
    }
}

/// Where a document stands in an inbox.
fn urgency(d: &DocumentView) -> u8 {
    match (d.awaited, d.urgent) {
        (Awaited::Late(_), _) => 0,
        (awaited, true) if awaited.is_open() => 1,
        (awaited, false) if awaited.is_open() => 2,
        (_, true) if d.standing.is_current() => 3,
        _ => 4,
    }
}
