//! Invitations: a one-time link, an offer in a one-time mailbox, and a signed answer.
//!
//! ```text
//! inviter: link (about 200 bytes, as text or QR)  ------------------------->  taker
//! inviter: offer {key, own record, history} ----> one-time mailbox <--------  taker reads
//! inviter reads  <-------------- answer {record, history, signature} <------  taker deposits
//! ```
//! Offer and answer rest sealed under keys that need the link's secret; the answer also needs
//! the private half of the offered key, so that a relay which learns the link later reads nothing.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret, derive_key, hash};
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::labels::{HashLabel, HpkeLabel, KdfLabel, SignLabel};
use telesphor_wire::padding::{self, Bucket};
use telesphor_wire::seal::{self, Sealed, SealingKey, SealingPublic};
use telesphor_wire::sign::{PublicKey, Signature, Signed, SigningKey};
use telesphor_wire::text::{self, Domain, TextError};

use crate::contact::ContactRecord;
use crate::instant::Instant;
use crate::limits;

/// What an invitation's link carries. Whoever has it can take the invitation, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteLink {
    /// [`limits::VERSION`].
    pub version: u16,
    /// Where the one-time mailbox lives.
    pub domain: Domain,
    /// Who invites.
    pub inviter: IdentityId,
    /// The one-time mailbox.
    pub mailbox: MailboxId,
    /// Seed of its deposit key.
    pub deposit_seed: Secret,
    /// `H("invite-key", X-Wing key)` of the key in the offer.
    pub key: Digest,
    /// Seals offer and answer.
    pub secret: Secret,
    /// Worthless after this instant, Unix milliseconds.
    pub expires: u64,
}

/// Why an invitation could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// The text is not an invitation.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Made by a newer version.
    #[error("made by a newer version ({0})")]
    Version(u16),
    /// Its time is over.
    #[error("this invitation has expired")]
    Expired,
    /// What lies in the mailbox was not made for this link.
    #[error("what was found does not belong to this invitation")]
    NotForThis,
    /// The offer or answer does not fit one message.
    #[error("the invitation is too large")]
    TooLarge,
}

impl InviteError {
    /// The stable code for users.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Text(_) => ErrorCode::Usage,
            Self::Version(_) => ErrorCode::UnknownVersion,
            Self::Expired => ErrorCode::InviteExpired,
            Self::NotForThis => ErrorCode::BadDocument,
            Self::TooLarge => ErrorCode::TooLarge,
        }
    }
}

/// `H("invite-key", key)`.
pub fn invite_key_hash(key: &SealingPublic) -> Digest {
    hash(HashLabel::InviteKey, key)
}

const PREFIX: &str = "telinv";
const SCHEME: &str = "telesphor-invite:";

impl InviteLink {
    /// Makes a link and the key whose hash it carries.
    pub fn create(
        domain: Domain,
        inviter: IdentityId,
        mailbox: MailboxId,
        expires: u64,
    ) -> (Self, SealingKey) {
        let key = SealingKey::generate();
        let link = Self {
            version: limits::VERSION,
            domain,
            inviter,
            mailbox,
            deposit_seed: Secret::random(),
            key: invite_key_hash(&key.public()),
            secret: Secret::random(),
            expires,
        };
        (link, key)
    }

    /// The link as text: `telesphor-invite:telinv1...`. Anybody who reads it can use it.
    pub fn to_text(&self) -> String {
        format!("{SCHEME}{}", text::encode(PREFIX, &canonical::encode(self)))
    }

    /// The link behind the `#` of a web address, where browsers do not send it to the server.
    pub fn to_web_address(&self, page: &str) -> String {
        format!("{page}#{}", text::encode(PREFIX, &canonical::encode(self)))
    }

    /// Reads a link in either form.
    ///
    /// # Errors
    /// [`InviteError`].
    pub fn from_text(s: &str) -> Result<Self, InviteError> {
        let s = s.trim();
        let s = s.rsplit_once('#').map_or(s, |(_, fragment)| fragment);
        let s = s.strip_prefix(SCHEME).unwrap_or(s);
        let bytes = text::decode(PREFIX, "invitation", s)?;
        let link: Self = canonical::decode(&bytes).map_err(|_| TextError::Checksum("invitation"))?;
        if link.version != limits::VERSION {
            return Err(InviteError::Version(link.version));
        }
        Ok(link)
    }

    /// Refuses a link whose time is over.
    ///
    /// # Errors
    /// [`InviteError::Expired`].
    pub const fn check_time(&self, now: u64) -> Result<(), InviteError> {
        if now > self.expires {
            Err(InviteError::Expired)
        } else {
            Ok(())
        }
    }

    /// The deposit key of the one-time mailbox.
    pub fn deposit_key(&self) -> SigningKey {
        SigningKey::from_seed(&self.deposit_seed)
    }

    fn sealing(&self, what: &str) -> Secret {
        derive_key(
            KdfLabel::InviteSeal,
            &self.secret,
            &canonical::encode(&(what, self.mailbox, self.key)),
        )
    }

    /// Seals the offer, to be put into the one-time mailbox by the inviter.
    ///
    /// # Errors
    /// [`InviteError::TooLarge`].
    pub fn seal_offer(&self, offer: &InviteOffer) -> Result<Vec<u8>, InviteError> {
        let padded = pad(&canonical::encode(offer))?;
        Ok(seal::seal(
            &self.sealing("offer"),
            self.mailbox.as_bytes(),
            &padded,
        ))
    }

    /// Opens an offer and checks that it is the one this link names.
    ///
    /// # Errors
    /// [`InviteError::NotForThis`].
    pub fn open_offer(&self, payload: &[u8]) -> Result<InviteOffer, InviteError> {
        let padded = seal::open(&self.sealing("offer"), self.mailbox.as_bytes(), payload)
            .map_err(|_| InviteError::NotForThis)?;
        let offer: InviteOffer = unpad(&padded)?;
        if invite_key_hash(&offer.key) != self.key || offer.record.identity != self.inviter {
            return Err(InviteError::NotForThis);
        }
        Ok(offer)
    }

    /// Seals a signed answer for the inviter: to the offered key, and under the link's secret.
    ///
    /// # Errors
    /// [`InviteError`].
    pub fn seal_answer(
        &self,
        key: &SealingPublic,
        answer: &SignedInviteAccept,
    ) -> Result<Vec<u8>, InviteError> {
        if invite_key_hash(key) != self.key {
            return Err(InviteError::NotForThis);
        }
        let padded = pad(&canonical::encode(answer))?;
        let sealed = seal::seal_to(key, HpkeLabel::Invite, self.mailbox.as_bytes(), &padded)
            .map_err(|_| InviteError::NotForThis)?;
        Ok(seal::seal(
            &self.sealing("answer"),
            self.mailbox.as_bytes(),
            &canonical::encode(&sealed),
        ))
    }

    /// Opens an answer. Its signature and the history in it are for whoever knows histories;
    /// that it was made for this link is checked here.
    ///
    /// # Errors
    /// [`InviteError::NotForThis`].
    pub fn open_answer(&self, key: &SealingKey, payload: &[u8]) -> Result<SignedInviteAccept, InviteError> {
        let outer = seal::open(&self.sealing("answer"), self.mailbox.as_bytes(), payload)
            .map_err(|_| InviteError::NotForThis)?;
        let sealed: Sealed = canonical::decode(&outer).map_err(|_| InviteError::NotForThis)?;
        let padded = key
            .open(HpkeLabel::Invite, self.mailbox.as_bytes(), &sealed)
            .map_err(|_| InviteError::NotForThis)?;
        let answer: SignedInviteAccept = unpad(&padded)?;
        let a = &answer.accept;
        let same = a.inviter == self.inviter
            && a.domain == self.domain
            && a.mailbox == self.mailbox
            && a.key == self.key
            && a.expires == self.expires
            && a.record.identity == a.taker;
        let signed = a.endpoint.verify(a, &answer.signature).is_ok();
        if same && signed {
            Ok(answer)
        } else {
            Err(InviteError::NotForThis)
        }
    }
}

fn pad(content: &[u8]) -> Result<Vec<u8>, InviteError> {
    padding::pad(Bucket::Message, content).map_err(|_| InviteError::TooLarge)
}

fn unpad<T: serde::de::DeserializeOwned + Serialize>(padded: &[u8]) -> Result<T, InviteError> {
    let content = padding::unpad(padded).map_err(|_| InviteError::NotForThis)?;
    canonical::decode(content).map_err(|_| InviteError::NotForThis)
}

/// What the inviter leaves in the one-time mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteOffer {
    /// The key to which the answer is sealed.
    pub key: SealingPublic,
    /// Where the taker can write from then on.
    pub record: ContactRecord,
    /// The inviter's history (canonical bytes of the identity crate's `History`).
    pub history: Bytes,
    /// For later versions.
    pub ext: Extensions,
}

/// What the taker signs: the whole transcript and both identities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteAccept {
    /// Who invited.
    pub inviter: IdentityId,
    /// Who takes it.
    pub taker: IdentityId,
    /// From the link.
    pub domain: Domain,
    /// From the link.
    pub mailbox: MailboxId,
    /// From the link.
    pub key: Digest,
    /// From the link.
    pub expires: u64,
    /// The inviter's history as the taker saw it.
    pub inviter_head: Digest,
    /// The taker's history as it stands.
    pub taker_head: Digest,
    /// The taker's endpoint whose key signs.
    pub endpoint: PublicKey,
    /// Where the inviter can write.
    pub record: ContactRecord,
    /// The taker's history (canonical bytes of the identity crate's `History`).
    pub history: Bytes,
    /// When, by the taker's clock.
    pub at: Instant,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for InviteAccept {
    const LABEL: SignLabel = SignLabel::InviteAccept;
}

/// A signed [`InviteAccept`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedInviteAccept {
    /// What is signed.
    pub accept: InviteAccept,
    /// By `accept.endpoint`.
    pub signature: Signature,
}
