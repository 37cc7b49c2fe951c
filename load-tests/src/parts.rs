//! The parts of a sealed message by themselves: openmls, and vault transactions.

use std::path::Path;

use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _};
use openmls::prelude::{
    BasicCredential, Ciphersuite, CredentialWithKey, KeyPackage, MlsGroup, MlsGroupCreateConfig,
    MlsMessageBodyIn, MlsMessageIn, ProcessedMessageContent, ProtocolMessage, SignatureScheme, StagedWelcome,
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use telesphor_vault::{KeyFile, Table, Vault, VaultPaths};

use crate::error::{Result, odd};
use crate::measure::cpu_us;

const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;
const PADDED: usize = 1024;

struct Member {
    provider: OpenMlsRustCrypto,
    signer: SignatureKeyPair,
    credential: CredentialWithKey,
}

impl Member {
    fn new(name: &str) -> Result<Self> {
        let signer = SignatureKeyPair::new(SignatureScheme::ED25519).map_err(|e| odd(format!("{e:?}")))?;
        let credential = CredentialWithKey {
            credential: BasicCredential::new(name.as_bytes().to_vec()).into(),
            signature_key: signer.to_public_vec().into(),
        };
        Ok(Self {
            provider: OpenMlsRustCrypto::default(),
            signer,
            credential,
        })
    }
}

/// Processor time of openmls itself for sealing and opening one message, microseconds: two
/// members, state in memory as its own provider keeps it.
pub(crate) fn openmls(content: usize, rounds: u32) -> Result<f64> {
    let (a, b) = (Member::new("a")?, Member::new("b")?);
    let config = MlsGroupCreateConfig::builder()
        .ciphersuite(SUITE)
        .use_ratchet_tree_extension(true)
        .padding_size(PADDED)
        .build();
    let mut ours = MlsGroup::new(&a.provider, &a.signer, &config, a.credential.clone()).map_err(odd)?;
    let package = KeyPackage::builder()
        .build(SUITE, &b.provider, &b.signer, b.credential.clone())
        .map_err(odd)?;
    let (_, welcome, _) = ours
        .add_members(&a.provider, &a.signer, &[package.key_package().clone()])
        .map_err(odd)?;
    ours.merge_pending_commit(&a.provider).map_err(odd)?;
    let bytes = welcome.tls_serialize_detached().map_err(odd)?;
    let MlsMessageBodyIn::Welcome(welcome) = MlsMessageIn::tls_deserialize_exact_bytes(&bytes)
        .map_err(odd)?
        .extract()
    else {
        return Err(odd("no Welcome"));
    };
    let mut theirs = StagedWelcome::new_from_welcome(&b.provider, config.join_config(), welcome, None)
        .map_err(odd)?
        .into_group(&b.provider)
        .map_err(odd)?;

    let content = vec![0x5a; content];
    let before = cpu_us(std::process::id())?;
    for _ in 0..rounds {
        let sealed = ours
            .create_message(&a.provider, &a.signer, &content)
            .map_err(odd)?;
        let sealed = sealed.tls_serialize_detached().map_err(odd)?;
        let message = MlsMessageIn::tls_deserialize_exact_bytes(&sealed).map_err(odd)?;
        let message: ProtocolMessage = message.try_into_protocol_message().map_err(odd)?;
        let opened = theirs.process_message(&b.provider, message).map_err(odd)?;
        if !matches!(
            opened.into_content(),
            ProcessedMessageContent::ApplicationMessage(_)
        ) {
            return Err(odd("openmls opened something else"));
        }
    }
    Ok((cpu_us(std::process::id())? - before) as f64 / f64::from(rounds))
}

/// One write of a transaction: table, name, value.
pub(crate) type Row = (Table, Vec<u8>, Option<Vec<u8>>);

/// Processor time of one transaction with these rows, microseconds.
pub(crate) fn vault(folder: &Path, rows: &[Row], rounds: u32) -> Result<f64> {
    std::fs::create_dir_all(folder)?;
    let vault =
        Vault::create_with_key_file(&VaultPaths::in_folder(folder), &KeyFile::generate()).map_err(odd)?;
    let before = cpu_us(std::process::id())?;
    for _ in 0..rounds {
        vault
            .write(|tx| {
                for (table, name, value) in rows {
                    match value {
                        Some(value) => tx.put(*table, name, value)?,
                        None => _ = tx.delete(*table, name)?,
                    }
                }
                Ok::<_, telesphor_vault::VaultError>(())
            })
            .map_err(odd)?;
    }
    Ok((cpu_us(std::process::id())? - before) as f64 / f64::from(rounds))
}
