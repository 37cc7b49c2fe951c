//! openmls' storage trait, mapped onto the rows of an [`Overlay`].

use openmls_traits::storage::{CURRENT_VERSION, StorageProvider, traits};
use telesphor_wire::bytes::Bytes;

use crate::error::StateError;
use crate::overlay::{Overlay, Slot};

const V: u16 = CURRENT_VERSION;

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
