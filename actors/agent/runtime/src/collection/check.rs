//! Whether everything that a list names is here and genuine.

use telesphor_clinical::collection::Collection;
use telesphor_clinical::document::SignedDocument;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::DocumentId;

use crate::attest::verdict::Asked;
use crate::core::Ctx;
use crate::documents::show::{People, find, view};
use crate::error::{Error, Result};
use crate::views::{CollectionView, ItemState, ItemView};

impl Ctx<'_, '_> {
    /// The list that a document is.
    pub(super) fn collection(&self, id: &DocumentId) -> Result<Collection> {
        let document =
            SignedDocument::from_bytes(&self.document_bytes(id)?).map_err(|e| Error::of(e.code()))?;
        Collection::of(&document).map_err(|_| Error::of(ErrorCode::NotCollection))
    }

    pub(super) fn check_collection(&mut self, what: &str) -> Result<CollectionView> {
        let kept = find(self.tx, what)?;
        let list = self.collection(&kept.id)?;
        let verdict = self.verdict(&kept, &self.document_bytes(&kept.id)?)?;
        let people = People::load(self.tx, &self.profile)?;
        let mut items = Vec::new();
        for item in &list.items {
            let found = self.kept(&item.document)?;
            let bytes = self.document_bytes(&item.document);
            let (title, state) = match (found, bytes) {
                (Some(found), Ok(bytes)) => {
                    let judged = self.judge_bundle(&self.bundle(&found, &bytes)?, &Asked::default())?;
                    let by_whom = found.header.author == item.author;
                    let state = match (judged.failed, by_whom) {
                        (Some(code), _) => ItemState::NotGenuine(code),
                        (None, false) => ItemState::NotGenuine(ErrorCode::BadDocument),
                        (None, true) => ItemState::Genuine,
                    };
                    (found.header.title.shown(), state)
                }
                _ => (String::new(), ItemState::Missing),
            };
            items.push(ItemView {
                id: item.document,
                title,
                author: people.name(&item.author),
                from: item.from.map(|from| people.name(&from)),
                referral: list.referral == Some(item.document),
                state,
            });
        }
        Ok(CollectionView {
            by: people.name(&kept.header.author),
            document: view(self.tx, &people, &kept)?,
            why: list.why,
            words: list.words.map(|w| w.shown()),
            failed: verdict.failed,
            items,
        })
    }
}
