//! The storage that openmls sees: a snapshot with our changes over it, in memory.
//!
//! Row keys: `'m' || slot || key parts`, each part its length (u32 BE) and its bytes; a part
//! longer than 64 bytes (hybrid public keys have 1,216) stands there as its SHA-256.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use openmls_rust_crypto::RustCrypto;
use openmls_traits::OpenMlsProvider;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::storage::{CURRENT_VERSION, StorageProvider, traits};
use openmls_traits::types::HashType;
use serde::{Serialize, de::DeserializeOwned};
use telesphor_wire::bytes::Bytes;
use zeroize::Zeroizing;

use crate::codec;
use crate::error::StateError;
use crate::state::{MlsStateRead, StateDiff};

const V: u16 = CURRENT_VERSION;

/// Number of a kind of row. Never used again for another kind.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Slot {
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

    fn key1<K: Serialize>(&self, slot: Slot, k: &K) -> Result<Vec<u8>, StateError> {
        let part = codec::key(k).map_err(|e| self.note(e))?;
        self.key(slot, &[part])
    }

    fn put<T: Serialize + ?Sized>(&self, key: Vec<u8>, value: &T) -> Result<(), StateError> {
        let row = codec::encode(value).map_err(|e| self.note(e))?;
        self.put_raw(key, row);
        Ok(())
    }

    fn read<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StateError> {
        match self.get_raw(key)? {
            Some(row) => codec::decode(&row).map(Some).map_err(|e| self.note(e)),
            None => Ok(None),
        }
    }

    fn delete(&self, key: Vec<u8>) -> Result<(), StateError> {
        self.delete_raw(key);
        Ok(())
    }

    fn epoch_key<G: Serialize, E: Serialize>(&self, g: &G, e: &E, leaf: u32) -> Result<Vec<u8>, StateError> {
        let parts = [
            codec::key(g).map_err(|e| self.note(e))?,
            codec::key(e).map_err(|e| self.note(e))?,
            leaf.to_be_bytes().to_vec(),
        ];
        self.key(Slot::EpochKeys, &parts)
    }

    fn pack<T: Serialize>(&self, value: &T) -> Result<Bytes, StateError> {
        let row = codec::encode(value).map_err(|e| self.note(e))?;
        Ok(Bytes(row.to_vec()))
    }

    fn unpack<T: DeserializeOwned>(&self, bytes: &Bytes) -> Result<T, StateError> {
        codec::decode(bytes).map_err(|e| self.note(e))
    }

    fn proposals(&self, key: &[u8]) -> Result<Vec<(Bytes, Bytes)>, StateError> {
        Ok(self.read(key)?.unwrap_or_default())
    }
}

/// A group's row that is written, read and deleted whole.
macro_rules! group_row {
    ($slot:ident, $kind:ident, $write:ident, $read:ident, $delete:ident) => {
        fn $write<G: traits::GroupId<V>, T: traits::$kind<V>>(
            &self,
            g: &G,
            value: &T,
        ) -> Result<(), StateError> {
            self.put(self.key1(Slot::$slot, g)?, value)
        }
        fn $read<G: traits::GroupId<V>, T: traits::$kind<V>>(&self, g: &G) -> Result<Option<T>, StateError> {
            self.read(&self.key1(Slot::$slot, g)?)
        }
        fn $delete<G: traits::GroupId<V>>(&self, g: &G) -> Result<(), StateError> {
            self.delete(self.key1(Slot::$slot, g)?)
        }
    };
}

impl StorageProvider<V> for Overlay<'_> {
    type Error = StateError;

    group_row!(
        JoinConfig,
        MlsGroupJoinConfig,
        write_mls_join_config,
        mls_group_join_config,
        delete_group_config
    );
    group_row!(Tree, TreeSync, write_tree, tree, delete_tree);
    group_row!(
        InterimHash,
        InterimTranscriptHash,
        write_interim_transcript_hash,
        interim_transcript_hash,
        delete_interim_transcript_hash
    );
    group_row!(
        Context,
        GroupContext,
        write_context,
        group_context,
        delete_context
    );
    group_row!(
        ConfirmationTag,
        ConfirmationTag,
        write_confirmation_tag,
        confirmation_tag,
        delete_confirmation_tag
    );
    group_row!(
        MessageSecrets,
        MessageSecrets,
        write_message_secrets,
        message_secrets,
        delete_message_secrets
    );
    group_row!(
        ResumptionPsks,
        ResumptionPskStore,
        write_resumption_psk_store,
        resumption_psk_store,
        delete_all_resumption_psk_secrets
    );
    group_row!(
        OwnLeafIndex,
        LeafNodeIndex,
        write_own_leaf_index,
        own_leaf_index,
        delete_own_leaf_index
    );
    group_row!(
        EpochSecrets,
        GroupEpochSecrets,
        write_group_epoch_secrets,
        group_epoch_secrets,
        delete_group_epoch_secrets
    );

    fn write_group_state<T: traits::GroupState<V>, G: traits::GroupId<V>>(
        &self,
        g: &G,
        value: &T,
    ) -> Result<(), StateError> {
        self.put(self.key1(Slot::GroupState, g)?, value)
    }

    fn group_state<T: traits::GroupState<V>, G: traits::GroupId<V>>(
        &self,
        g: &G,
    ) -> Result<Option<T>, StateError> {
        self.read(&self.key1(Slot::GroupState, g)?)
    }

    fn delete_group_state<G: traits::GroupId<V>>(&self, g: &G) -> Result<(), StateError> {
        self.delete(self.key1(Slot::GroupState, g)?)
    }

    fn append_own_leaf_node<G: traits::GroupId<V>, T: traits::LeafNode<V>>(
        &self,
        g: &G,
        node: &T,
    ) -> Result<(), StateError> {
        let key = self.key1(Slot::OwnLeafNodes, g)?;
        let mut nodes: Vec<Bytes> = self.read(&key)?.unwrap_or_default();
        nodes.push(self.pack(node)?);
        self.put(key, &nodes)
    }

    fn own_leaf_nodes<G: traits::GroupId<V>, T: traits::LeafNode<V>>(
        &self,
        g: &G,
    ) -> Result<Vec<T>, StateError> {
        let nodes: Vec<Bytes> = self.read(&self.key1(Slot::OwnLeafNodes, g)?)?.unwrap_or_default();
        nodes.iter().map(|n| self.unpack(n)).collect()
    }

    fn delete_own_leaf_nodes<G: traits::GroupId<V>>(&self, g: &G) -> Result<(), StateError> {
        self.delete(self.key1(Slot::OwnLeafNodes, g)?)
    }

    fn queue_proposal<G: traits::GroupId<V>, R: traits::ProposalRef<V>, P: traits::QueuedProposal<V>>(
        &self,
        g: &G,
        reference: &R,
        proposal: &P,
    ) -> Result<(), StateError> {
        let key = self.key1(Slot::Proposals, g)?;
        let mut all = self.proposals(&key)?;
        let reference = self.pack(reference)?;
        all.retain(|(r, _)| *r != reference);
        all.push((reference, self.pack(proposal)?));
        self.put(key, &all)
    }

    fn queued_proposal_refs<G: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        g: &G,
    ) -> Result<Vec<R>, StateError> {
        let all = self.proposals(&self.key1(Slot::Proposals, g)?)?;
        all.iter().map(|(r, _)| self.unpack(r)).collect()
    }

    fn queued_proposals<G: traits::GroupId<V>, R: traits::ProposalRef<V>, P: traits::QueuedProposal<V>>(
        &self,
        g: &G,
    ) -> Result<Vec<(R, P)>, StateError> {
        let all = self.proposals(&self.key1(Slot::Proposals, g)?)?;
        all.iter()
            .map(|(r, p)| Ok((self.unpack(r)?, self.unpack(p)?)))
            .collect()
    }

    fn remove_proposal<G: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        g: &G,
        reference: &R,
    ) -> Result<(), StateError> {
        let key = self.key1(Slot::Proposals, g)?;
        let mut all = self.proposals(&key)?;
        let reference = self.pack(reference)?;
        all.retain(|(r, _)| *r != reference);
        self.put(key, &all)
    }

    fn clear_proposal_queue<G: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        g: &G,
    ) -> Result<(), StateError> {
        self.delete(self.key1(Slot::Proposals, g)?)
    }

    fn write_signature_key_pair<K: traits::SignaturePublicKey<V>, P: traits::SignatureKeyPair<V>>(
        &self,
        public: &K,
        pair: &P,
    ) -> Result<(), StateError> {
        self.put(self.key1(Slot::SignatureKey, public)?, pair)
    }

    fn signature_key_pair<K: traits::SignaturePublicKey<V>, P: traits::SignatureKeyPair<V>>(
        &self,
        public: &K,
    ) -> Result<Option<P>, StateError> {
        self.read(&self.key1(Slot::SignatureKey, public)?)
    }

    fn delete_signature_key_pair<K: traits::SignaturePublicKey<V>>(
        &self,
        public: &K,
    ) -> Result<(), StateError> {
        self.delete(self.key1(Slot::SignatureKey, public)?)
    }

    fn write_encryption_key_pair<K: traits::EncryptionKey<V>, P: traits::HpkeKeyPair<V>>(
        &self,
        public: &K,
        pair: &P,
    ) -> Result<(), StateError> {
        self.put(self.key1(Slot::EncryptionKey, public)?, pair)
    }

    fn encryption_key_pair<P: traits::HpkeKeyPair<V>, K: traits::EncryptionKey<V>>(
        &self,
        public: &K,
    ) -> Result<Option<P>, StateError> {
        self.read(&self.key1(Slot::EncryptionKey, public)?)
    }

    fn delete_encryption_key_pair<K: traits::EncryptionKey<V>>(&self, public: &K) -> Result<(), StateError> {
        self.delete(self.key1(Slot::EncryptionKey, public)?)
    }

    fn write_encryption_epoch_key_pairs<
        G: traits::GroupId<V>,
        E: traits::EpochKey<V>,
        P: traits::HpkeKeyPair<V>,
    >(
        &self,
        g: &G,
        epoch: &E,
        leaf: u32,
        pairs: &[P],
    ) -> Result<(), StateError> {
        self.put(self.epoch_key(g, epoch, leaf)?, pairs)
    }

    fn encryption_epoch_key_pairs<
        G: traits::GroupId<V>,
        E: traits::EpochKey<V>,
        P: traits::HpkeKeyPair<V>,
    >(
        &self,
        g: &G,
        epoch: &E,
        leaf: u32,
    ) -> Result<Vec<P>, StateError> {
        Ok(self.read(&self.epoch_key(g, epoch, leaf)?)?.unwrap_or_default())
    }

    fn delete_encryption_epoch_key_pairs<G: traits::GroupId<V>, E: traits::EpochKey<V>>(
        &self,
        g: &G,
        epoch: &E,
        leaf: u32,
    ) -> Result<(), StateError> {
        self.delete(self.epoch_key(g, epoch, leaf)?)
    }

    fn write_key_package<R: traits::HashReference<V>, K: traits::KeyPackage<V>>(
        &self,
        reference: &R,
        package: &K,
    ) -> Result<(), StateError> {
        self.put(self.key1(Slot::KeyPackage, reference)?, package)
    }

    fn key_package<R: traits::HashReference<V>, K: traits::KeyPackage<V>>(
        &self,
        reference: &R,
    ) -> Result<Option<K>, StateError> {
        self.read(&self.key1(Slot::KeyPackage, reference)?)
    }

    fn delete_key_package<R: traits::HashReference<V>>(&self, reference: &R) -> Result<(), StateError> {
        self.delete(self.key1(Slot::KeyPackage, reference)?)
    }

    fn write_psk<I: traits::PskId<V>, B: traits::PskBundle<V>>(
        &self,
        id: &I,
        psk: &B,
    ) -> Result<(), StateError> {
        self.put(self.key1(Slot::Psk, id)?, psk)
    }

    fn psk<B: traits::PskBundle<V>, I: traits::PskId<V>>(&self, id: &I) -> Result<Option<B>, StateError> {
        self.read(&self.key1(Slot::Psk, id)?)
    }

    fn delete_psk<I: traits::PskId<V>>(&self, id: &I) -> Result<(), StateError> {
        self.delete(self.key1(Slot::Psk, id)?)
    }
}

/// What openmls is handed for one operation.
pub(crate) struct Provider<'a> {
    pub(crate) rows: Overlay<'a>,
    crypto: RustCrypto,
}

impl<'a> Provider<'a> {
    pub(crate) fn new(base: &'a dyn MlsStateRead) -> Self {
        Self {
            rows: Overlay::new(base),
            crypto: RustCrypto::default(),
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
        &self.crypto
    }
    fn rand(&self) -> &RustCrypto {
        &self.crypto
    }
}
