//! The storage that openmls sees: a snapshot with our changes over it, in memory.
//!
//! Row keys: `'m' || slot || key parts`, each part its length (u32 BE) and its bytes; a part
//! longer than 64 bytes (hybrid public keys have 1,216) stands there as its SHA-256.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use openmls_rust_crypto::RustCrypto;
use openmls_traits::OpenMlsProvider;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::HashType;
use serde::{Serialize, de::DeserializeOwned};
use telesphor_wire::bytes::Bytes;
use zeroize::Zeroizing;

use crate::codec;
use crate::error::StateError;
use crate::state::{MlsStateRead, StateDiff};

/// Number of a kind of row. Never used again for another kind.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Slot {
    JoinConfig = 1,
    OwnLeafNodes = 2,
    Proposals = 3,
    Tree = 4,
    InterimHash = 5,
    Context = 6,
    ConfirmationTag = 7,
    GroupState = 8,
    MessageSecrets = 9,
    ResumptionPsks = 10,
    OwnLeafIndex = 11,
    EpochSecrets = 12,
    SignatureKey = 13,
    EncryptionKey = 14,
    EpochKeys = 15,
    KeyPackage = 16,
    Psk = 17,
}

type Row = Option<Zeroizing<Vec<u8>>>;

/// One operation's view of the state. Dropped with everything in it when the operation fails.
pub(crate) struct Overlay<'a> {
    base: &'a dyn MlsStateRead,
    changes: RefCell<BTreeMap<Vec<u8>, Row>>,
    /// The first fault of the store. openmls turns a storage error into whatever error it has at
    /// hand ("malformed plaintext"), so the truth is kept here and asked first.
    fault: Cell<Option<StateError>>,
    crypto: RustCrypto,
}

impl<'a> Overlay<'a> {
    pub(crate) fn new(base: &'a dyn MlsStateRead) -> Self {
        Self {
            base,
            changes: RefCell::default(),
            fault: Cell::new(None),
            crypto: RustCrypto::default(),
        }
    }

    pub(crate) fn fault(&self) -> Option<StateError> {
        self.fault.get()
    }

    pub(crate) fn into_diff(self) -> StateDiff {
        StateDiff(self.changes.into_inner())
    }

    /// Reads one of our own rows.
    pub(crate) fn get_raw(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, StateError> {
        if let Some(change) = self.changes.borrow().get(key) {
            return Ok(change.clone());
        }
        match self.base.get(key) {
            Ok(row) => Ok(row.map(Zeroizing::new)),
            Err(_) => Err(self.note(StateError::Unreadable)),
        }
    }

    pub(crate) fn put_raw(&self, key: Vec<u8>, value: Zeroizing<Vec<u8>>) {
        self.changes.borrow_mut().insert(key, Some(value));
    }

    pub(crate) fn delete_raw(&self, key: Vec<u8>) {
        self.changes.borrow_mut().insert(key, None);
    }

    fn note(&self, fault: StateError) -> StateError {
        if self.fault.get().is_none() {
            self.fault.set(Some(fault));
        }
        fault
    }

    fn key(&self, slot: Slot, parts: &[Vec<u8>]) -> Result<Vec<u8>, StateError> {
        let mut key = vec![b'm', slot as u8];
        for part in parts {
            let hashed;
            let part = if part.len() > 64 {
                hashed = self
                    .crypto
                    .hash(HashType::Sha2_256, part)
                    .map_err(|_| self.note(StateError::Damaged))?;
                &hashed
            } else {
                part
            };
            key.extend_from_slice(&(part.len() as u32).to_be_bytes());
            key.extend_from_slice(part);
        }
        Ok(key)
    }

    pub(crate) fn key1<K: Serialize>(&self, slot: Slot, k: &K) -> Result<Vec<u8>, StateError> {
        let part = codec::key(k).map_err(|e| self.note(e))?;
        self.key(slot, &[part])
    }

    /// The row of a key package, for deleting it unused.
    pub(crate) fn package_key<K: Serialize>(&self, reference: &K) -> Result<Vec<u8>, StateError> {
        self.key1(Slot::KeyPackage, reference)
    }

    pub(crate) fn put<T: Serialize + ?Sized>(&self, key: Vec<u8>, value: &T) -> Result<(), StateError> {
        let row = codec::encode(value).map_err(|e| self.note(e))?;
        self.put_raw(key, row);
        Ok(())
    }

    pub(crate) fn read<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StateError> {
        match self.get_raw(key)? {
            Some(row) => codec::decode(&row).map(Some).map_err(|e| self.note(e)),
            None => Ok(None),
        }
    }

    pub(crate) fn delete(&self, key: Vec<u8>) -> Result<(), StateError> {
        self.delete_raw(key);
        Ok(())
    }

    pub(crate) fn epoch_key<G: Serialize, E: Serialize>(
        &self,
        g: &G,
        e: &E,
        leaf: u32,
    ) -> Result<Vec<u8>, StateError> {
        let parts = [
            codec::key(g).map_err(|e| self.note(e))?,
            codec::key(e).map_err(|e| self.note(e))?,
            leaf.to_be_bytes().to_vec(),
        ];
        self.key(Slot::EpochKeys, &parts)
    }

    pub(crate) fn pack<T: Serialize>(&self, value: &T) -> Result<Bytes, StateError> {
        let row = codec::encode(value).map_err(|e| self.note(e))?;
        Ok(Bytes(row.to_vec()))
    }

    pub(crate) fn unpack<T: DeserializeOwned>(&self, bytes: &Bytes) -> Result<T, StateError> {
        codec::decode(bytes).map_err(|e| self.note(e))
    }

    pub(crate) fn proposals(&self, key: &[u8]) -> Result<Vec<(Bytes, Bytes)>, StateError> {
        Ok(self.read(key)?.unwrap_or_default())
    }
}

/// What openmls is handed for one operation.
pub(crate) struct Provider<'a> {
    pub(crate) rows: Overlay<'a>,
}

impl<'a> Provider<'a> {
    pub(crate) fn new(base: &'a dyn MlsStateRead) -> Self {
        Self {
            rows: Overlay::new(base),
        }
    }

    pub(crate) fn into_diff(self) -> StateDiff {
        self.rows.into_diff()
    }
}

impl<'a> OpenMlsProvider for Provider<'a> {
    type CryptoProvider = RustCrypto;
    type RandProvider = RustCrypto;
    type StorageProvider = Overlay<'a>;

    fn storage(&self) -> &Overlay<'a> {
        &self.rows
    }
    fn crypto(&self) -> &RustCrypto {
        &self.rows.crypto
    }
    fn rand(&self) -> &RustCrypto {
        &self.rows.crypto
    }
}
