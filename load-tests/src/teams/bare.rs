//! A team of bare openmls, as far as two of its members know it.

use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _};
use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, CredentialWithKey, KeyPackage, LeafNodeIndex, MlsGroup,
    MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, PURE_CIPHERTEXT_WIRE_FORMAT_POLICY,
    ProcessedMessageContent, StagedWelcome,
};
use openmls::prelude::{MlsGroupCreateConfig, OpenMlsProvider as _};
use openmls_basic_credential::SignatureKeyPair;

use super::store::Provider;
use crate::error::{Result, odd};

/// Somebody who sits in the group, or could.
pub(crate) struct Bare {
    suite: Ciphersuite,
    provider: Provider,
    signer: SignatureKeyPair,
    credential: CredentialWithKey,
    group: Option<MlsGroup>,
}

fn config(suite: Ciphersuite) -> MlsGroupCreateConfig {
    MlsGroupCreateConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .ciphersuite(suite)
        .build()
}

impl Bare {
    pub(crate) fn new(suite: Ciphersuite) -> Result<Self> {
        let signer = SignatureKeyPair::new(suite.signature_algorithm()).map_err(odd)?;
        // A name as long as the product's.
        let name = [&[7; 72], signer.public()].concat();
        let credential = CredentialWithKey {
            credential: BasicCredential::new(name).into(),
            signature_key: signer.to_public_vec().into(),
        };
        Ok(Self {
            suite,
            provider: Provider::default(),
            signer,
            credential,
            group: None,
        })
    }

    pub(crate) fn package(&self) -> Result<KeyPackage> {
        let suites = Capabilities::new(None, Some(&[self.suite]), None, None, None);
        let made = KeyPackage::builder()
            .leaf_node_capabilities(suites)
            .build(self.suite, &self.provider, &self.signer, self.credential.clone())
            .map_err(odd)?;
        Ok(made.into_key_package())
    }

    pub(crate) fn found(&mut self) -> Result<()> {
        let config = config(self.suite);
        let made = MlsGroup::new(&self.provider, &self.signer, &config, self.credential.clone());
        self.group = Some(made.map_err(odd)?);
        Ok(())
    }

    fn group(&mut self) -> Result<&mut MlsGroup> {
        self.group.as_mut().ok_or_else(|| odd("no group"))
    }

    /// A commit with fresh keys of its author; gives the message, and the Welcome with the tree.
    pub(crate) fn commit(
        &mut self,
        add: Vec<KeyPackage>,
        remove: &[u32],
    ) -> Result<(Vec<u8>, Option<Vec<u8>>)> {
        let (provider, signer) = (&self.provider, &self.signer);
        let group = self.group.as_mut().ok_or_else(|| odd("no group"))?;
        let bundle = group
            .commit_builder()
            .force_self_update(true)
            .propose_adds(add)
            .propose_removals(remove.iter().map(|i| LeafNodeIndex::new(*i)))
            .load_psks(provider.storage())
            .map_err(odd)?
            .use_ratchet_tree_extension(true)
            .create_group_info(false)
            .build(provider.rand(), provider.crypto(), signer, |_| true)
            .map_err(odd)?
            .stage_commit(provider)
            .map_err(odd)?;
        let (commit, welcome, _) = bundle.into_messages();
        let bytes = |m: MlsMessageOut| m.tls_serialize_detached().map_err(odd);
        Ok((bytes(commit)?, welcome.map(bytes).transpose()?))
    }

    pub(crate) fn merge_own(&mut self) -> Result<()> {
        let provider = &self.provider;
        let group = self.group.as_mut().ok_or_else(|| odd("no group"))?;
        group.merge_pending_commit(provider).map_err(odd)
    }

    pub(crate) fn follow(&mut self, commit: &[u8]) -> Result<()> {
        let provider = &self.provider;
        let group = self.group.as_mut().ok_or_else(|| odd("no group"))?;
        let message = MlsMessageIn::tls_deserialize_exact_bytes(commit).map_err(odd)?;
        let message = message.try_into_protocol_message().map_err(odd)?;
        let processed = group.process_message(provider, message).map_err(odd)?;
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            return Err(odd("not a commit"));
        };
        group.merge_staged_commit(provider, *staged).map_err(odd)
    }

    pub(crate) fn join(&mut self, welcome: &[u8]) -> Result<()> {
        let message = MlsMessageIn::tls_deserialize_exact_bytes(welcome).map_err(odd)?;
        let MlsMessageBodyIn::Welcome(welcome) = message.extract() else {
            return Err(odd("no Welcome"));
        };
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .build();
        let staged = StagedWelcome::new_from_welcome(&self.provider, &config, welcome, None).map_err(odd)?;
        self.group = Some(staged.into_group(&self.provider).map_err(odd)?);
        Ok(())
    }

    /// Where the newest member sits.
    pub(crate) fn seat_of(&mut self, other: &Self) -> Result<u32> {
        let key = other.signer.to_public_vec();
        let mut members = self.group()?.members();
        let seat = members.find(|m| m.signature_key == key).map(|m| m.index.u32());
        seat.ok_or_else(|| odd("no such member"))
    }

    /// Gives memory up and reads the group from its rows again.
    pub(crate) fn reload(&mut self) -> Result<()> {
        let id = self.group()?.group_id().clone();
        self.group = MlsGroup::load(self.provider.storage(), &id).map_err(odd)?;
        Ok(())
    }
}
