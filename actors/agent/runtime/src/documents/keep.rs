//! How documents lie in the vault: what lists need in one record, the bytes under a key of
//! their own.

use serde::{Deserialize, Serialize};
use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::header::Header;
use telesphor_identity::evidence::TimeEvidence;
use telesphor_vault::{Records, Table};
use telesphor_wire::coded;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{DocumentId, IdentityId};

use crate::core::{Ctx, names};
use crate::error::{Error, Result};

coded! {
    /// Which way a document came.
    pub(crate) enum Way {
        /// Made or taken in here.
        1 => Own,
        /// Given by a contact for good.
        2 => Received,
        /// Shown by a contact for a time.
        3 => Shared,
    }
}

/// What lists need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) id: DocumentId,
    pub(crate) header: Header,
    pub(crate) way: Way,
    /// The contact from whom it came.
    pub(crate) from: Option<IdentityId>,
    /// Unix milliseconds: the order's stamp, or when it was taken in.
    pub(crate) arrived: u64,
    pub(crate) opened: Option<u64>,
    pub(crate) until: Option<u64>,
    pub(crate) size: u64,
    /// Why it is not genuine, as far as could be told when it came.
    pub(crate) doubt: Option<ErrorCode>,
    /// That it existed at a time.
    pub(crate) evidence: Vec<TimeEvidence>,
}

impl Ctx<'_, '_> {
    /// The entry of a document.
    pub(crate) fn kept(&self, id: &DocumentId) -> Result<Option<Kept>> {
        self.get(Table::Documents, &id.0)
    }

    pub(crate) fn put_kept(&mut self, kept: &Kept) -> Result<()> {
        self.put(Table::Documents, &kept.id.0, kept)
    }

    /// Keeps a document under a key of its own; one that is here already stays as it is, except
    /// that what was shown and taken back comes back, and what was shown may be given for good.
    pub(crate) fn keep(
        &mut self,
        document: &SignedDocument,
        bytes: &[u8],
        way: Way,
        from: Option<IdentityId>,
        arrived: u64,
        doubt: Option<ErrorCode>,
    ) -> Result<DocumentId> {
        let id = document.id();
        let before = self.kept(&id)?;
        if let Some(mut kept) = before {
            let taken_back = self.tx.body(&id)?.is_none();
            if taken_back || (kept.way == Way::Shared && way == Way::Received) {
                (kept.way, kept.from, kept.until) = (way, from, None);
                self.put_kept(&kept)?;
            }
            if taken_back {
                self.tx.put_document_key(&id, &Secret::random())?;
                self.tx.put_body(&id, bytes)?;
            }
            return Ok(id);
        }
        self.tx.put_document_key(&id, &Secret::random())?;
        self.tx.put_body(&id, bytes)?;
        self.put_kept(&Kept {
            id,
            header: document.header.clone(),
            way,
            from,
            arrived,
            opened: None,
            until: None,
            size: document.body.len() as u64,
            doubt,
            evidence: Vec::new(),
        })?;
        self.push(Table::Documents, names::DOCUMENTS, &id)?;
        self.note_claims(&id, &document.header)?;
        Ok(id)
    }

    /// The canonical bytes of a document that is kept here.
    pub(crate) fn document_bytes(&self, id: &DocumentId) -> Result<Vec<u8>> {
        let body = self.tx.body(id)?.ok_or(Error::of(ErrorCode::NotFound))?;
        Ok(body.to_vec())
    }
}

/// Every entry, oldest first.
pub(crate) fn all_kept(records: &impl Records) -> Result<Vec<Kept>> {
    let mut all = Vec::new();
    let mut from = 0;
    loop {
        let page = records.range(Table::Documents, names::DOCUMENTS, from, 1024)?;
        let Some((last, _)) = page.last() else {
            return Ok(all);
        };
        from = last + 1;
        for (_, bytes) in &page {
            let id: DocumentId =
                telesphor_wire::canonical::decode(bytes).map_err(|_| Error::fault("document list"))?;
            if let Some(kept) = records.get_value::<Kept>(Table::Documents, &id.0)? {
                all.push(kept);
            }
        }
    }
}
