//! Deposits into personal mailboxes: sealed to the owner's intake key, signed for this recipient.
//!
//! Opening climbs a ladder of types: [`SealedDeposit`] (bytes from a relay), [`OpenedDeposit`]
//! (opened, but its sender is a mere claim), [`Deposit`] (signed by that sender for this
//! mailbox and key). Only the last one shows its content.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::labels::{HashLabel, HpkeLabel, SignLabel};
use telesphor_wire::limits::MAX_PAYLOAD_BYTES;
use telesphor_wire::mailbox::payload_hash;
use telesphor_wire::padding::{Bucket, PaddingError, pad, unpad};
use telesphor_wire::seal::{Sealed, SealingKey, SealingPublic, seal_to};
use telesphor_wire::sign::{PublicKey, Signature, Signed, SigningKey};

/// Names an intake key: `H("next-key", {alg, key})` would promise a rotation, so the contact
/// record gives it an id of its own.
pub type IntakeId = Digest;

/// Where a deposit goes, from the sealed contact record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intake {
    /// The owner's personal mailbox.
    pub mailbox: MailboxId,
    /// Which of the owner's intake keys.
    pub id: IntakeId,
    /// The key.
    pub key: SealingPublic,
}

/// What the sender's endpoint signs: recipient and content, so that a deposit cannot be
/// passed on as if meant for somebody else.
#[derive(Serialize)]
struct Inner<'a> {
    to: &'a MailboxId,
    intake: &'a IntakeId,
    body: Digest,
    ext: &'a Extensions,
}

impl Signed for Inner<'_> {
    const LABEL: SignLabel = SignLabel::DepositInner;
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u8,
    sender: IdentityId,
    endpoint: PublicKey,
    body: Bytes,
    ext: Extensions,
    signature: Signature,
}

/// A deposit that cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DepositError {
    /// Over the largest bucket of its class; send it as a blob.
    #[error(transparent)]
    TooLarge(#[from] PaddingError),
    /// The intake key is not a valid key.
    #[error("the recipient's key is not valid")]
    BadKey,
}

fn aad(mailbox: &MailboxId, intake: &IntakeId) -> Vec<u8> {
    canonical::encode(&(mailbox, intake))
}

/// Seals a deposit; the result is the payload of a `Deposit` command.
///
/// # Errors
/// [`DepositError`].
pub fn seal_deposit(
    to: &Intake,
    sender: IdentityId,
    endpoint: &SigningKey,
    body: &[u8],
    bucket: Bucket,
) -> Result<Bytes, DepositError> {
    let ext = Extensions::none();
    let inner = Inner {
        to: &to.mailbox,
        intake: &to.id,
        body: payload_hash(body),
        ext: &ext,
    };
    let signature = endpoint.sign(&inner);
    let content = Content {
        version: 1,
        sender,
        endpoint: endpoint.public(),
        body: body.into(),
        ext,
        signature,
    };
    let padded = pad(bucket, &canonical::encode(&content))?;
    let sealed = seal_to(&to.key, HpkeLabel::Deposit, &aad(&to.mailbox, &to.id), &padded)
        .map_err(|_| DepositError::BadKey)?;
    Ok(Bytes(canonical::encode(&sealed)))
}

/// Why a deposit has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DepositRefused {
    /// Not of the agreed form.
    #[error("not a well-formed deposit")]
    Malformed,
    /// Sealed to none of the keys held here.
    #[error("not sealed to a key held here")]
    Closed,
    /// Made by a newer version, in a way that must be understood.
    #[error("made by a newer version")]
    NewerVersion,
    /// The endpoint named is not a current one of the identity named.
    #[error("not from a current endpoint of the sender it names")]
    NotCurrent,
    /// Not signed for this mailbox and key by the endpoint it names.
    #[error("not signed for this recipient by the sender it names")]
    BadSignature,
}

impl DepositRefused {
    /// The code shown to a user.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Malformed => ErrorCode::Malformed,
            Self::Closed => ErrorCode::CannotOpen,
            Self::NewerVersion => ErrorCode::UnknownCritical,
            Self::NotCurrent => ErrorCode::KeyNotValidThen,
            Self::BadSignature => ErrorCode::BadSignature,
        }
    }
}

/// One of the owner's intake keys.
#[derive(Clone, Debug)]
pub struct IntakeKey {
    /// Its id.
    pub id: IntakeId,
    /// The private key.
    pub key: SealingKey,
}

/// The bytes of a deposit, as a relay hands them out.
pub struct SealedDeposit<'a>(pub &'a [u8]);

impl SealedDeposit<'_> {
    /// Opens it with whichever of the owner's intake keys fits; give the newest first.
    ///
    /// # Errors
    /// [`DepositRefused`].
    pub fn open<'k>(
        &self,
        mailbox: &MailboxId,
        keys: impl IntoIterator<Item = &'k IntakeKey>,
    ) -> Result<OpenedDeposit, DepositRefused> {
        let sealed: Sealed =
            canonical::decode_bounded(self.0, MAX_PAYLOAD_BYTES).map_err(|_| DepositRefused::Malformed)?;
        let (intake, padded) = keys
            .into_iter()
            .find_map(|k| {
                let padded = k
                    .key
                    .open(HpkeLabel::Deposit, &aad(mailbox, &k.id), &sealed)
                    .ok()?;
                Some((k.id, padded))
            })
            .ok_or(DepositRefused::Closed)?;
        let content = unpad(&padded).map_err(|_| DepositRefused::Malformed)?;
        let content: Content =
            canonical::decode_bounded(content, MAX_PAYLOAD_BYTES).map_err(|_| DepositRefused::Malformed)?;
        if content.version != 1 || content.ext.check(&[]).is_err() {
            return Err(DepositRefused::NewerVersion);
        }
        Ok(OpenedDeposit {
            mailbox: *mailbox,
            intake,
            content,
        })
    }
}

/// An opened deposit whose sender is only claimed.
pub struct OpenedDeposit {
    mailbox: MailboxId,
    intake: IntakeId,
    content: Content,
}

impl std::fmt::Debug for OpenedDeposit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenedDeposit(unverified)")
    }
}

impl OpenedDeposit {
    /// Who it says it is from. Look the identity's history up and say whether the endpoint stands
    /// in it.
    pub const fn claimed(&self) -> (IdentityId, PublicKey) {
        (self.content.sender, self.content.endpoint)
    }

    /// Verifies it. `current` are the endpoint keys of the claimed identity, from its verified
    /// history.
    ///
    /// # Errors
    /// [`DepositRefused::NotCurrent`], [`DepositRefused::BadSignature`].
    pub fn verify(self, current: &[PublicKey]) -> Result<Deposit, DepositRefused> {
        let endpoint = self.content.endpoint;
        if !current.contains(&endpoint) {
            return Err(DepositRefused::NotCurrent);
        }
        let inner = Inner {
            to: &self.mailbox,
            intake: &self.intake,
            body: payload_hash(&self.content.body),
            ext: &self.content.ext,
        };
        endpoint
            .verify(&inner, &self.content.signature)
            .map_err(|_| DepositRefused::BadSignature)?;
        Ok(Deposit {
            sender: self.content.sender,
            endpoint,
            body: self.content.body.0,
        })
    }
}

/// A deposit that its sender signed for this mailbox.
#[derive(Clone, PartialEq, Eq)]
pub struct Deposit {
    sender: IdentityId,
    endpoint: PublicKey,
    body: Vec<u8>,
}

impl std::fmt::Debug for Deposit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Deposit({} bytes)", self.body.len())
    }
}

impl Deposit {
    /// Who sent it.
    pub const fn sender(&self) -> IdentityId {
        self.sender
    }
    /// From which endpoint.
    pub const fn endpoint(&self) -> PublicKey {
        self.endpoint
    }
    /// What it says.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
    /// Takes what it says.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }
}

/// The hash under which an invitation link names its key: `H("invite-key", {alg, key})`.
pub fn invite_key_hash(key: &SealingPublic) -> Digest {
    hash(HashLabel::InviteKey, key)
}

/// What a dishonest recipient can do: seal the opened content, signature and all, to another.
#[cfg(test)]
pub(crate) fn reseal(opened: OpenedDeposit, to: &Intake) -> Bytes {
    let padded = pad(Bucket::Message, &canonical::encode(&opened.content)).unwrap();
    let sealed = seal_to(&to.key, HpkeLabel::Deposit, &aad(&to.mailbox, &to.id), &padded).unwrap();
    Bytes(canonical::encode(&sealed))
}
