//! Putting together what is shown: parts of documents, or some whole, as files and as parcels.

use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::fields::{Leaf, Path};
use telesphor_clinical::presentation::{
    Audience, Nonce, PresentError, Presentation, Shower, ToShow, present,
};
use telesphor_identity::bundle::Bundle;
use telesphor_vault::Records;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::IdentityId;

use crate::acts::standing::refuse_not_current;
use crate::core::Ctx;
use crate::documents::keep::Kept;
use crate::documents::show::find;
use crate::error::{Error, Result};
use crate::people;

/// One document, and what is shown of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// By id or the beginning of it.
    pub what: String,
    /// Whatever stands at these paths and below; none: the whole document.
    pub parts: Vec<Path>,
}

/// To whom something is shown, and for what.
#[derive(Clone, Debug)]
pub struct Disclosure {
    /// To whom.
    pub audience: Audience,
    /// The reader's question, if one was asked.
    pub nonce: Option<telesphor_clinical::text::Text>,
    /// Whether only this identity may hand it over.
    pub by_me: bool,
}

impl Ctx<'_, '_> {
    pub(super) fn whole(&self, what: &str) -> Result<(Kept, SignedDocument, Vec<u8>)> {
        let kept = find(self.tx, what)?;
        refuse_not_current(self.tx, &self.profile, &kept)?;
        // What is only shown to this identity is not its to show on.
        if kept.until.is_some_and(|until| until < self.now) || self.tx.body(&kept.id)?.is_none() {
            return Err(ErrorCode::LeaseOver.into());
        }
        let bytes = self.document_bytes(&kept.id)?;
        let document = SignedDocument::from_bytes(&bytes).map_err(|e| Error::of(e.code()))?;
        Ok((kept, document, bytes))
    }

    /// The parts that a document has, in its own order.
    pub(crate) fn parts_of(&self, what: &str) -> Result<(Kept, Vec<Leaf>)> {
        let (kept, document, _) = self.whole(what)?;
        let leaves = document.leaves().map_err(|e| Error::of(e.code()))?;
        Ok((kept, leaves))
    }

    /// A `.tel` file with what is shown of a document, and with what proves it.
    pub(crate) fn shown_file(&self, shown: &Shown, to: &Disclosure) -> Result<(Kept, Vec<u8>)> {
        let (kept, document, bytes) = self.whole(&shown.what)?;
        let mut bundle = self.bundle(&kept, &bytes)?;
        if shown.parts.is_empty() {
            return Ok((kept, bundle.to_file()));
        }
        let presentation = self.presented(&document, &shown.parts, to)?;
        if document.signing.holder.is_none() {
            let mine = people::history(self.tx, &self.profile, &self.me())?;
            let mine = mine.map(|(history, _)| history);
            let new = mine.filter(|h| !bundle.proofs.histories.contains(h));
            bundle.proofs.histories.extend(new);
        }
        let file = Bundle::of_parts(presentation.to_bytes(), bundle.proofs, bundle.evidence);
        Ok((kept, file.to_file()))
    }

    fn presented(&self, document: &SignedDocument, parts: &[Path], to: &Disclosure) -> Result<Presentation> {
        let key = self.shower_key(document)?;
        let shower = Shower {
            key: &key,
            identity: self.me(),
            head: self.my_head()?,
        };
        let show = ToShow {
            wanted: parts,
            audience: to.audience.clone(),
            nonce: match &to.nonce {
                Some(question) => Nonce::Asked(question.clone()),
                None => Nonce::Own(Digest(*telesphor_wire::hash::Secret::random().expose())),
            },
            date: self.instant(),
            sender: to.by_me.then(|| self.me()),
        };
        present(document, &shower, show).map_err(|e| match e {
            PresentError::Part(_) => ErrorCode::NoSuchPart.into(),
            PresentError::Document(e) => Error::of(e.code()),
            PresentError::NotTheHolder => ErrorCode::NotTheHolder.into(),
        })
    }
}

/// To a contact, by message: only this identity may hand it over.
pub(crate) const fn to_contact(id: IdentityId, nonce: Option<telesphor_clinical::text::Text>) -> Disclosure {
    Disclosure {
        audience: Audience::Identity(id),
        nonce,
        by_me: true,
    }
}
