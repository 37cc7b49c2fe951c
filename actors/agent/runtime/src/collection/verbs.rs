//! `refer ...`, `gather ...`.

use telesphor_wire::ids::{DocumentId, IdentityId};

use super::give::BundleDraft;
use crate::api::Agent;
use crate::contacts;
use crate::core::Ctx;
use crate::documents::show::{People, view};
use crate::error::Result;
use crate::views::{CollectionView, DocumentView, GatherView};

impl Agent {
    async fn collection_change<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Ctx<'_, '_>) -> Result<T> + Send + 'static,
    {
        self.shared.change(move |core| core.write(f)).await
    }

    async fn collection_contact(&self, who: &str) -> Result<IdentityId> {
        let who = who.to_owned();
        self.look(move |snapshot, _| Ok(contacts::show::find(snapshot, &who)?.contact.record.identity))
            .await
    }

    /// What a draft would give, before anything is done.
    ///
    /// # Errors
    /// As [`Agent::give_bundle`].
    pub async fn plan_bundle(&self, draft: BundleDraft) -> Result<Vec<DocumentView>> {
        self.collection_change(move |ctx| {
            let people = People::load(ctx.tx, &ctx.profile)?;
            let chosen = ctx.in_bundle(&draft)?;
            chosen.iter().map(|kept| view(ctx.tx, &people, kept)).collect()
        })
        .await
    }

    /// Gives a chosen history to a contact for good, with a signed list of it; gives the list's id.
    ///
    /// # Errors
    /// [`telesphor_wire::error::ErrorCode::NotFound`]; [`telesphor_wire::error::ErrorCode::Refused`] for what somebody only shows;
    /// [`telesphor_wire::error::ErrorCode::NotReferral`]; [`telesphor_wire::error::ErrorCode::Replaced`], [`telesphor_wire::error::ErrorCode::Retracted`].
    pub async fn give_bundle(&self, draft: BundleDraft) -> Result<DocumentId> {
        self.collection_change(move |ctx| ctx.give_bundle(draft)).await
    }

    /// Whether everything that a list names is here and genuine.
    ///
    /// # Errors
    /// [`telesphor_wire::error::ErrorCode::NotFound`], [`telesphor_wire::error::ErrorCode::Ambiguous`], [`telesphor_wire::error::ErrorCode::NotCollection`].
    pub async fn check_bundle(&self, what: &str) -> Result<CollectionView> {
        let what = what.to_owned();
        self.collection_change(move |ctx| ctx.check_collection(&what))
            .await
    }

    /// Asks a contact for all that he has about this identity.
    ///
    /// # Errors
    /// [`telesphor_wire::error::ErrorCode::NotFound`].
    pub async fn gather_ask(&self, who: &str, words: &str) -> Result<()> {
        let (who, words) = (self.collection_contact(who).await?, words.to_owned());
        self.collection_change(move |ctx| ctx.ask_for_all(&who, &words))
            .await
    }

    /// Answers a contact who asked with all that is here about him; gives the list's id.
    ///
    /// # Errors
    /// [`telesphor_wire::error::ErrorCode::NotFound`] if he did not ask, or if there is nothing.
    pub async fn gather_answer(&self, who: &str) -> Result<DocumentId> {
        let who = self.collection_contact(who).await?;
        self.collection_change(move |ctx| ctx.answer_with_all(&who)).await
    }

    /// Requests of this identity's and to it, and what came of them.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn gathered(&self) -> Result<Vec<GatherView>> {
        self.collection_change(|ctx| ctx.gathered()).await
    }
}
