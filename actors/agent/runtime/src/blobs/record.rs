//! What the vault knows of the files of a document.

use serde::{Deserialize, Serialize};
use telesphor_clinical::blob::{BlobRef, PartsWord};
use telesphor_clinical::message::GroupMessage;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret, hash};
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::labels::HashLabel;
use telesphor_wire::tagged;

use crate::core::Ctx;
use crate::error::{Error, Result};

/// Where files are still to be put or told of.
pub(crate) const WANTED: &[u8] = b"parts-wanted";

/// Where the files of one document stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartsState {
    /// One's own mailbox keeps them at the relay.
    pub(crate) kept: bool,
    /// Where they may be fetched, if they came from somebody.
    pub(crate) from: Option<MailboxId>,
    /// Where they were shown, to be shown there again if the relay should lose them.
    pub(crate) shown: Vec<Place>,
}

/// Places that are remembered for one document.
pub(crate) const MAX_SHOWN: usize = 256;

tagged! {
    /// What is to be done with the files of a document.
    pub(crate) enum Place {
        /// Keep them in one's own mailbox; its other endpoints are told.
        1 => Own(bool),
        /// Show them to a contact, in whatever conversation there is.
        2 => Contact(IdentityId),
        /// Show them in a mailbox.
        3 => In(MailboxId),
        /// Take them out of one's own mailbox: these blobs, whose keys are destroyed already.
        4 => Gone(Vec<Digest>),
    }
}

/// Something that is still to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Want {
    pub(crate) document: DocumentId,
    pub(crate) place: Place,
}

/// Under which name the keys of a document's files lie: like a document's bytes, under a key
/// that can be destroyed.
pub(crate) fn parts_id(document: &DocumentId) -> DocumentId {
    DocumentId(hash(HashLabel::DocumentParts, document).0)
}

/// States of all documents, by their names.
const STATES: &[u8] = b"parts/";

fn state_name(document: &DocumentId) -> Vec<u8> {
    [STATES, &document.0[..]].concat()
}

/// The document whose state has this name.
pub(crate) fn stated(name: &[u8]) -> Option<DocumentId> {
    let id = name.strip_prefix(STATES)?;
    <[u8; 32]>::try_from(id).ok().map(DocumentId)
}

/// Where a document's files lie and how they open; `None` if that was not told, or was erased.
pub(crate) fn refs(records: &impl Records, document: &DocumentId) -> Result<Option<Vec<BlobRef>>> {
    let Some(bytes) = records.body(&parts_id(document))? else {
        return Ok(None);
    };
    canonical::decode(&bytes)
        .map(Some)
        .map_err(|_| Error::fault("parts"))
}

/// Where they stand.
pub(crate) fn state(records: &impl Records, document: &DocumentId) -> Result<PartsState> {
    let state: Option<PartsState> = records.get_value(Table::Documents, &state_name(document))?;
    Ok(state.unwrap_or_default())
}

/// What is to be done, in this order.
pub(crate) fn wanted(records: &impl Records) -> Result<Vec<(u64, Want)>> {
    let mut all = Vec::new();
    for (seq, bytes) in records.range(Table::Documents, WANTED, 0, 1024)? {
        all.push((
            seq,
            canonical::decode(&bytes).map_err(|_| Error::fault("parts wanted"))?,
        ));
    }
    Ok(all)
}

impl Ctx<'_, '_> {
    /// Keeps where a document's files lie and how they open.
    pub(crate) fn put_parts(&mut self, document: &DocumentId, refs: &[BlobRef]) -> Result<()> {
        let id = parts_id(document);
        self.tx.put_document_key(&id, &Secret::random())?;
        self.tx.put_body(&id, &canonical::encode(refs))?;
        Ok(())
    }

    pub(crate) fn put_parts_state(&mut self, document: &DocumentId, state: &PartsState) -> Result<()> {
        self.put(Table::Documents, &state_name(document), state)
    }

    /// Has the files of a document put or told of somewhere, if it has any.
    pub(crate) fn want_parts(&mut self, document: &DocumentId, place: Place) -> Result<()> {
        let parts = self.kept(document)?.is_some_and(|k| !k.header.parts.is_empty());
        if !parts {
            return Ok(());
        }
        let want = Want {
            document: *document,
            place,
        };
        if !wanted(self.tx)?.iter().any(|(_, known)| *known == want) {
            self.push(Table::Documents, WANTED, &want)?;
        }
        self.fx.parts = true;
        Ok(())
    }

    /// The files of a document go with it: their ciphertext now, and their keys when what is
    /// given back here is erased.
    pub(crate) fn forget_parts(&mut self, document: &DocumentId) -> Result<DocumentId> {
        for at in refs(self.tx, document)?.unwrap_or_default() {
            self.fx.forgotten.push(at.address);
        }
        Ok(parts_id(document))
    }

    /// It was done, or cannot be any more.
    pub(crate) fn want_no_more(&mut self, seq: u64) -> Result<()> {
        self.tx.delete_at(Table::Documents, WANTED, seq)?;
        Ok(())
    }

    /// The word that tells where a document's files lie.
    pub(crate) fn parts_word(&self, document: &DocumentId) -> Result<Option<GroupMessage>> {
        let word = |at| PartsWord {
            document: *document,
            at,
            ext: Extensions::none(),
        };
        Ok(refs(self.tx, document)?.map(|at| GroupMessage::Parts(Box::new(word(at)))))
    }
}
