//! The storage of bare openmls with its state serialised: MessagePack rows in a map, as its
//! own JSON storage keeps them, only in the smaller and quicker form.

use std::cell::RefCell;
use std::collections::HashMap;

use openmls_rust_crypto::RustCrypto;
use openmls_traits::OpenMlsProvider;
use openmls_traits::storage::{CURRENT_VERSION, StorageProvider, traits};
use serde::Serialize;
use serde::de::DeserializeOwned;

const V: u16 = CURRENT_VERSION;

/// A row that does not serialise or parse.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a row of openmls' state cannot be written or read")]
pub(crate) struct BadRow;

type Done = Result<(), BadRow>;

/// Rows by kind and key.
#[derive(Default)]
pub(crate) struct Rows(RefCell<HashMap<Vec<u8>, Vec<u8>>>);

fn pack<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, BadRow> {
    rmp_serde::to_vec(value).map_err(|_| BadRow)
}

fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BadRow> {
    rmp_serde::from_slice(bytes).map_err(|_| BadRow)
}

/// Of a list: what an entry is found by, and the entry.
type Pair = (Vec<u8>, Vec<u8>);

impl Rows {
    fn key<K: Serialize + ?Sized>(kind: &str, key: &K) -> Result<Vec<u8>, BadRow> {
        let mut name = kind.as_bytes().to_vec();
        name.extend(pack(key)?);
        Ok(name)
    }

    fn put<K: Serialize, T: Serialize + ?Sized>(&self, kind: &str, key: &K, value: &T) -> Done {
        self.0.borrow_mut().insert(Self::key(kind, key)?, pack(value)?);
        Ok(())
    }

    fn get<K: Serialize, T: DeserializeOwned>(&self, kind: &str, key: &K) -> Result<Option<T>, BadRow> {
        let rows = self.0.borrow();
        rows.get(&Self::key(kind, key)?)
            .map(|row| unpack(row))
            .transpose()
    }

    fn delete<K: Serialize>(&self, kind: &str, key: &K) -> Done {
        self.0.borrow_mut().remove(&Self::key(kind, key)?);
        Ok(())
    }

    fn list<K: Serialize>(&self, kind: &str, key: &K) -> Result<Vec<Pair>, BadRow> {
        Ok(self.get(kind, key)?.unwrap_or_default())
    }
}

macro_rules! rows {
    ($($kind:literal $of:ident $what:ident: $write:ident $read:ident $delete:ident;)*) => { $(
        fn $write<K: traits::$of<V>, T: traits::$what<V>>(&self, key: &K, value: &T) -> Done {
            self.put($kind, key, value)
        }
        rows!(@read $kind $of $what $read);
        fn $delete<K: traits::$of<V>>(&self, key: &K) -> Done {
            self.delete($kind, key)
        }
    )* };
    (@read $kind:literal GroupId GroupState $read:ident) => {
        fn $read<T: traits::GroupState<V>, K: traits::GroupId<V>>(&self, key: &K) -> Result<Option<T>, BadRow> {
            self.get($kind, key)
        }
    };
    (@read $kind:literal EncryptionKey HpkeKeyPair $read:ident) => {
        fn $read<T: traits::HpkeKeyPair<V>, K: traits::EncryptionKey<V>>(&self, key: &K) -> Result<Option<T>, BadRow> {
            self.get($kind, key)
        }
    };
    (@read $kind:literal PskId PskBundle $read:ident) => {
        fn $read<T: traits::PskBundle<V>, K: traits::PskId<V>>(&self, key: &K) -> Result<Option<T>, BadRow> {
            self.get($kind, key)
        }
    };
    (@read $kind:literal $of:ident $what:ident $read:ident) => {
        fn $read<K: traits::$of<V>, T: traits::$what<V>>(&self, key: &K) -> Result<Option<T>, BadRow> {
            self.get($kind, key)
        }
    };
}

impl StorageProvider<V> for Rows {
    type Error = BadRow;

    rows! {
        "config" GroupId MlsGroupJoinConfig: write_mls_join_config mls_group_join_config delete_group_config;
        "tree" GroupId TreeSync: write_tree tree delete_tree;
        "interim" GroupId InterimTranscriptHash: write_interim_transcript_hash interim_transcript_hash delete_interim_transcript_hash;
        "context" GroupId GroupContext: write_context group_context delete_context;
        "tag" GroupId ConfirmationTag: write_confirmation_tag confirmation_tag delete_confirmation_tag;
        "messages" GroupId MessageSecrets: write_message_secrets message_secrets delete_message_secrets;
        "resumption" GroupId ResumptionPskStore: write_resumption_psk_store resumption_psk_store delete_all_resumption_psk_secrets;
        "leaf" GroupId LeafNodeIndex: write_own_leaf_index own_leaf_index delete_own_leaf_index;
        "epoch" GroupId GroupEpochSecrets: write_group_epoch_secrets group_epoch_secrets delete_group_epoch_secrets;
        "signature" SignaturePublicKey SignatureKeyPair: write_signature_key_pair signature_key_pair delete_signature_key_pair;
        "encryption" EncryptionKey HpkeKeyPair: write_encryption_key_pair encryption_key_pair delete_encryption_key_pair;
        "package" HashReference KeyPackage: write_key_package key_package delete_key_package;
        "psk" PskId PskBundle: write_psk psk delete_psk;
    }

    fn write_group_state<T: traits::GroupState<V>, K: traits::GroupId<V>>(&self, g: &K, value: &T) -> Done {
        self.put("state", g, value)
    }

    rows!(@read "state" GroupId GroupState group_state);

    fn delete_group_state<K: traits::GroupId<V>>(&self, g: &K) -> Done {
        self.delete("state", g)
    }

    fn append_own_leaf_node<K: traits::GroupId<V>, T: traits::LeafNode<V>>(&self, g: &K, node: &T) -> Done {
        let mut all = self.list("leaves", g)?;
        all.push((Vec::new(), pack(node)?));
        self.put("leaves", g, &all)
    }

    fn own_leaf_nodes<K: traits::GroupId<V>, T: traits::LeafNode<V>>(&self, g: &K) -> Result<Vec<T>, BadRow> {
        self.list("leaves", g)?
            .iter()
            .map(|(_, node)| unpack(node))
            .collect()
    }

    fn delete_own_leaf_nodes<K: traits::GroupId<V>>(&self, g: &K) -> Done {
        self.delete("leaves", g)
    }

    fn queue_proposal<K: traits::GroupId<V>, R: traits::ProposalRef<V>, P: traits::QueuedProposal<V>>(
        &self,
        g: &K,
        reference: &R,
        proposal: &P,
    ) -> Done {
        let mut all = self.list("proposals", g)?;
        all.push((pack(reference)?, pack(proposal)?));
        self.put("proposals", g, &all)
    }

    fn queued_proposal_refs<K: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        g: &K,
    ) -> Result<Vec<R>, BadRow> {
        self.list("proposals", g)?
            .iter()
            .map(|(r, _)| unpack(r))
            .collect()
    }

    fn queued_proposals<K: traits::GroupId<V>, R: traits::ProposalRef<V>, P: traits::QueuedProposal<V>>(
        &self,
        g: &K,
    ) -> Result<Vec<(R, P)>, BadRow> {
        let both = |(r, p): &(Vec<u8>, Vec<u8>)| Ok((unpack(r)?, unpack(p)?));
        self.list("proposals", g)?.iter().map(both).collect()
    }

    fn remove_proposal<K: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        g: &K,
        reference: &R,
    ) -> Done {
        let (mut all, reference) = (self.list("proposals", g)?, pack(reference)?);
        all.retain(|(r, _)| *r != reference);
        self.put("proposals", g, &all)
    }

    fn clear_proposal_queue<K: traits::GroupId<V>, R: traits::ProposalRef<V>>(&self, g: &K) -> Done {
        self.delete("proposals", g)
    }

    fn write_encryption_epoch_key_pairs<
        K: traits::GroupId<V>,
        E: traits::EpochKey<V>,
        P: traits::HpkeKeyPair<V>,
    >(
        &self,
        g: &K,
        epoch: &E,
        leaf: u32,
        pairs: &[P],
    ) -> Done {
        self.put("epoch-keys", &(g, epoch, leaf), pairs)
    }

    fn encryption_epoch_key_pairs<
        K: traits::GroupId<V>,
        E: traits::EpochKey<V>,
        P: traits::HpkeKeyPair<V>,
    >(
        &self,
        g: &K,
        epoch: &E,
        leaf: u32,
    ) -> Result<Vec<P>, BadRow> {
        Ok(self.get("epoch-keys", &(g, epoch, leaf))?.unwrap_or_default())
    }

    fn delete_encryption_epoch_key_pairs<K: traits::GroupId<V>, E: traits::EpochKey<V>>(
        &self,
        g: &K,
        epoch: &E,
        leaf: u32,
    ) -> Done {
        self.delete("epoch-keys", &(g, epoch, leaf))
    }
}

/// What openmls is handed.
#[derive(Default)]
pub(crate) struct Provider {
    crypto: RustCrypto,
    rows: Rows,
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = RustCrypto;
    type RandProvider = RustCrypto;
    type StorageProvider = Rows;

    fn storage(&self) -> &Rows {
        &self.rows
    }
    fn crypto(&self) -> &RustCrypto {
        &self.crypto
    }
    fn rand(&self) -> &RustCrypto {
        &self.crypto
    }
}
