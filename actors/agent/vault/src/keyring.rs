//! Document keys, and erasing so that nothing here can open the document again.
//!
//! ```text
//! table DocumentKeys, name = document id
//!   value = seal(K("vault-keyring", keyring key, document id), aad = document id, document key)
//! table Bodies, name = document id
//!   value = seal(K("vault-page", document key, 0x06 || document id), aad = document id, bytes)
//! table Meta, name "ring": the generation of the keyring key in force (see `ring_file`)
//! ```
//! Both values stand inside the usual sealed record. Without the document key neither an old
//! page nor an old copy of the bytes opens, even for somebody with the passphrase.

use telesphor_wire::hash::{Secret, derive_key};
use telesphor_wire::ids::DocumentId;
use telesphor_wire::labels::KdfLabel;
use telesphor_wire::seal;
use zeroize::Zeroizing;

use crate::error::{Damage, VaultError};
use crate::keys::{all_named, body_key};
use crate::layout::Value;
use crate::records::Records;
use crate::table::Table;
use crate::tx::Tx;

const BAD: VaultError = VaultError::Damaged(Damage::Keyring);
pub(crate) const RING: &[u8] = b"ring";

fn generation<R: Records + ?Sized>(records: &R) -> Result<u64, VaultError> {
    let value = records.get(Table::Meta, RING)?.ok_or(BAD)?;
    crate::records::decode(&value)
}

fn entry_key(ring: &Secret, document: &DocumentId) -> Secret {
    derive_key(KdfLabel::VaultKeyring, ring, document.as_bytes())
}

pub(crate) fn document_key<R: Records + ?Sized>(
    records: &R,
    document: &DocumentId,
) -> Result<Option<Secret>, VaultError> {
    let Some(sealed) = records.get(Table::DocumentKeys, document.as_bytes())? else {
        return Ok(None);
    };
    match records.ring_key(generation(records)?)? {
        // A snapshot from before an erasure: its keyring key is gone, as it should be.
        None => Ok(None),
        Some(ring) => open_entry(&ring, document, &sealed).map(Some),
    }
}

fn open_entry(ring: &Secret, document: &DocumentId, sealed: &[u8]) -> Result<Secret, VaultError> {
    let key =
        Zeroizing::new(seal::open(&entry_key(ring, document), document.as_bytes(), sealed).map_err(|_| BAD)?);
    Ok(Secret::new(key.as_slice().try_into().map_err(|_| BAD)?))
}

pub(crate) fn body<R: Records + ?Sized>(
    records: &R,
    document: &DocumentId,
) -> Result<Option<Value>, VaultError> {
    let Some(sealed) = records.get(Table::Bodies, document.as_bytes())? else {
        return Ok(None);
    };
    let key = document_key(records, document)?.ok_or(VaultError::NoDocumentKey)?;
    seal::open(&body_key(&key, document), document.as_bytes(), &sealed)
        .map(|bytes| Some(Zeroizing::new(bytes)))
        .map_err(|_| VaultError::Damaged(Damage::Record))
}

impl Tx<'_> {
    /// Keeps the key of a document.
    ///
    /// # Errors
    /// As [`Tx::put`].
    pub fn put_document_key(&self, document: &DocumentId, key: &Secret) -> Result<(), VaultError> {
        use crate::records::raw::Raw;
        let ring = self.ring_key(generation(self)?)?.ok_or(BAD)?;
        let sealed = seal::seal(&entry_key(&ring, document), document.as_bytes(), key.expose());
        self.put(Table::DocumentKeys, document.as_bytes(), &sealed)
    }

    /// Keeps the bytes of a document, sealed under the document's own key.
    ///
    /// # Errors
    /// [`VaultError::NoDocumentKey`] if [`Tx::put_document_key`] did not come first; else as [`Tx::put`].
    pub fn put_body(&self, document: &DocumentId, bytes: &[u8]) -> Result<(), VaultError> {
        let key = self.document_key(document)?.ok_or(VaultError::NoDocumentKey)?;
        let sealed = seal::seal(&body_key(&key, document), document.as_bytes(), bytes);
        self.put(Table::Bodies, document.as_bytes(), &sealed)
    }

    /// Destroys the keys and bytes of documents and seals every other document key anew under a
    /// fresh keyring key; the old one is overwritten as soon as the transaction has landed.
    /// What the caller keeps *about* a document in other tables is his to delete. Gives how many
    /// of them had a key.
    ///
    /// # Errors
    /// As [`Tx::put`].
    pub fn erase_documents(&self, documents: &[DocumentId]) -> Result<usize, VaultError> {
        let mut erased = 0;
        for document in documents {
            erased += usize::from(self.delete(Table::DocumentKeys, document.as_bytes())?);
            self.delete(Table::Bodies, document.as_bytes())?;
        }
        if erased > 0 {
            self.roll()?;
        }
        Ok(erased)
    }

    fn roll(&self) -> Result<(), VaultError> {
        use crate::records::raw::Raw;
        if self.rolled.borrow().is_some() {
            // Already under a key that is not in force yet; nothing older can open what is left.
            return Ok(());
        }
        let old = generation(self)?;
        let old_ring = self.ring_key(old)?.ok_or(BAD)?;
        let new = old.checked_add(1).ok_or(BAD)?;
        let new_ring = Secret::random();
        self.ring.write(self.keys(), new, &new_ring)?;
        let (from, to) = all_named(Table::DocumentKeys);
        for (physical, record) in self.raw_range(&from, &to, usize::MAX, false)? {
            let (name, sealed) = self.keys().open(&physical, &record)?;
            let document = DocumentId(name.as_slice().try_into().map_err(|_| BAD)?);
            let key = open_entry(&old_ring, &document, &sealed)?;
            let sealed = seal::seal(
                &entry_key(&new_ring, &document),
                document.as_bytes(),
                key.expose(),
            );
            self.put(Table::DocumentKeys, document.as_bytes(), &sealed)?;
        }
        self.put_value(Table::Meta, RING, &new)?;
        *self.rolled.borrow_mut() = Some((new, new_ring));
        Ok(())
    }
}
