//! Keys that members derive from an epoch: access at the relay, attribution of commits, and the
//! pseudonym under which one endpoint shows itself.

use openmls::group::{ExportSecretError, MlsGroup, StagedWelcome};
use openmls::prelude::{OpenMlsCrypto, StagedCommit};
use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::labels::ExporterLabel;
use telesphor_wire::session::PseudonymStatement;
use telesphor_wire::sign::{PublicKey, Signature, SigningKey};
use zeroize::Zeroize;

use crate::error::SessionError;
use crate::overlay::Provider;
use crate::record::{self, EpochRow};
use crate::state::MlsStateRead;

/// Whatever has an exporter: a group, a commit not merged yet, a Welcome not joined yet.
pub(crate) trait Exporter {
    fn export(
        &self,
        crypto: &impl OpenMlsCrypto,
        label: &str,
        context: &[u8],
    ) -> Result<Vec<u8>, ExportSecretError>;
}

macro_rules! exporter {
    ($($what:ty),*) => { $(
        impl Exporter for $what {
            fn export(&self, crypto: &impl OpenMlsCrypto, label: &str, context: &[u8]) -> Result<Vec<u8>, ExportSecretError> {
                self.export_secret(crypto, label, context, 32)
            }
        }
    )* };
}
exporter!(MlsGroup, StagedCommit, StagedWelcome);

/// `exporter(label)` with the context (mailbox, branch), 32 bytes.
pub(crate) fn export(
    from: &impl Exporter,
    crypto: &impl OpenMlsCrypto,
    label: ExporterLabel,
    mailbox: &MailboxId,
    branch: u32,
) -> Result<Secret, SessionError> {
    let context = canonical::encode(&(mailbox, branch));
    let mut bytes = from
        .export(crypto, label.context(), &context)
        .map_err(|_| SessionError::Fault)?;
    let secret = <[u8; 32]>::try_from(bytes.as_slice())
        .map(Secret::new)
        .map_err(|_| SessionError::Fault);
    bytes.zeroize();
    secret
}

/// The keys with which an endpoint shows itself at the relay for one epoch.
///
/// The access key is the same for all members; the pseudonym is this endpoint's own, fresh for
/// every mailbox and epoch. Sessions are proved with the pseudonym and its certificate; commits
/// are signed with the access key. Announce the pseudonym inside the group: a fetch under a
/// pseudonym that nobody announced is an alarm.
#[derive(Clone)]
pub struct EpochKeys {
    statement: PseudonymStatement,
    access: SigningKey,
    pseudonym: SigningKey,
}

impl std::fmt::Debug for EpochKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EpochKeys(..)")
    }
}

impl EpochKeys {
    fn new(mailbox: MailboxId, branch: u32, epoch: u64, row: &EpochRow) -> Self {
        let pseudonym = SigningKey::from_seed(&row.pseudonym);
        let statement = PseudonymStatement {
            mailbox,
            branch,
            epoch,
            pseudonym: pseudonym.public(),
            ext: Extensions::none(),
        };
        Self {
            statement,
            access: SigningKey::from_seed(&row.access),
            pseudonym,
        }
    }

    /// Branch they belong to.
    pub const fn branch(&self) -> u32 {
        self.statement.branch
    }

    /// Epoch they belong to.
    pub const fn epoch(&self) -> u64 {
        self.statement.epoch
    }

    /// The epoch's access key.
    pub const fn access(&self) -> &SigningKey {
        &self.access
    }

    /// Its public half, as registered at the relay.
    pub fn access_public(&self) -> PublicKey {
        self.access.public()
    }

    /// This endpoint's pseudonym key.
    pub const fn pseudonym(&self) -> &SigningKey {
        &self.pseudonym
    }

    /// What the access key certifies.
    pub const fn statement(&self) -> &PseudonymStatement {
        &self.statement
    }

    /// The certificate of the pseudonym.
    pub fn certificate(&self) -> Signature {
        self.access.sign(&self.statement)
    }

    /// A certificate by this epoch's access key for a pseudonym of an older epoch: needed to read
    /// old events after a `cut`.
    pub fn certify(&self, pseudonym: PublicKey) -> Signature {
        self.access.sign(&PseudonymStatement {
            pseudonym,
            ..self.statement.clone()
        })
    }
}

/// The keys of an epoch this endpoint was in, as long as they are kept: an absentee needs those
/// of the epoch it left to read on from there.
///
/// # Errors
/// [`SessionError::State`].
pub fn epoch_keys(
    state: &dyn MlsStateRead,
    mailbox: MailboxId,
    branch: u32,
    epoch: u64,
) -> Result<Option<EpochKeys>, SessionError> {
    let provider = Provider::new(state);
    let row = record::load_epoch(&provider.rows, &mailbox, branch, epoch)?;
    Ok(row.map(|row| EpochKeys::new(mailbox, branch, epoch, &row)))
}
