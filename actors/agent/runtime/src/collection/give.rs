//! Giving a chosen history.

use telesphor_clinical::collection::{COLLECTION, Collection, CollectionWhy, Item};
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::scope::Scopes;
use telesphor_clinical::text::Text;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId, Nonce};

use crate::acts::standing::refuse_not_current;
use crate::core::Ctx;
use crate::documents::keep::{Kept, Way, all_kept};
use crate::documents::show::People;
use crate::documents::write::Draft;
use crate::error::{Error, Result};
use crate::sharing::give::chosen_of;

/// A history to be given.
#[derive(Clone, Debug)]
pub struct BundleDraft {
    /// To whom.
    pub to: IdentityId,
    /// The referral that asks for it, if one does.
    pub referral: Option<DocumentId>,
    /// What is given besides.
    pub documents: Vec<DocumentId>,
    /// Everything current in these compartments.
    pub scopes: Scopes,
    /// In words.
    pub words: String,
}

impl Ctx<'_, '_> {
    /// What would be given: what is named, and what is current in the compartments.
    pub(super) fn in_bundle(&self, draft: &BundleDraft) -> Result<Vec<Kept>> {
        let named: Vec<DocumentId> = draft.documents.iter().copied().chain(draft.referral).collect();
        for id in &named {
            let kept = self.kept(id)?.ok_or(Error::of(ErrorCode::NotFound))?;
            // What somebody only shows is not one's own to give on.
            if kept.way == Way::Shared {
                return Err(ErrorCode::Refused.into());
            }
            refuse_not_current(self.tx, &self.profile, &kept)?;
            if draft.referral == Some(*id) && kept.header.kind != DocumentKind::Referral {
                return Err(ErrorCode::NotReferral.into());
            }
        }
        let people = People::load(self.tx, &self.profile)?;
        let mine = all_kept(self.tx)?.into_iter().filter(|k| k.way != Way::Shared);
        Ok(chosen_of(mine, &people, &draft.scopes, &named).0)
    }

    /// Gives documents for good, and behind them the list; gives the list's id. Nothing is given if
    /// one of them must not be.
    pub(super) fn give_bundle(&mut self, draft: BundleDraft) -> Result<DocumentId> {
        let chosen = self.in_bundle(&draft)?;
        let list = Written {
            why: match draft.referral {
                Some(_) => CollectionWhy::Referral,
                None => CollectionWhy::SecondOpinion,
            },
            request: None,
            referral: draft.referral,
            words: draft.words,
            subject: self.me(),
        };
        self.send_collection(&draft.to, chosen, list)
    }

    /// Sends documents and the list of them.
    pub(super) fn send_collection(
        &mut self,
        to: &IdentityId,
        chosen: Vec<Kept>,
        list: Written,
    ) -> Result<DocumentId> {
        if chosen.is_empty() {
            return Err(ErrorCode::NotFound.into());
        }
        if chosen.len() > telesphor_clinical::collection::MAX_ITEMS {
            return Err(ErrorCode::TooLarge.into());
        }
        let items = chosen
            .iter()
            .map(|kept| Item {
                document: kept.id,
                author: kept.header.author,
                from: kept.from,
            })
            .collect();
        let mut body = Collection::new(list.why, items);
        body.request = list.request;
        body.referral = list.referral;
        body.words = (!list.words.is_empty()).then(|| Text::cut(&list.words));
        let title = match list.why {
            CollectionWhy::Answer => format!("All there is: {} documents", body.items.len()),
            _ => format!("History: {} documents", body.items.len()),
        };
        let mut draft = Draft::new(DocumentKind::List, COLLECTION, &title, body.to_bytes());
        draft.subject = Some(list.subject);
        for kept in &chosen {
            self.send_document(&kept.id, to)?;
        }
        let (id, _) = self.write_document(draft)?;
        self.send_document(&id, to)?;
        Ok(id)
    }
}

/// What a list says beside its documents.
pub(super) struct Written {
    pub(super) why: CollectionWhy,
    pub(super) request: Option<Nonce>,
    pub(super) referral: Option<DocumentId>,
    pub(super) words: String,
    pub(super) subject: IdentityId,
}
