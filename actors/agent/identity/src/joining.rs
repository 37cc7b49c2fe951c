//! Letting another device in: a one-time link, an offer, a request, and what is handed over.
//!
//! ```text
//! old device: link (text or QR)  ------------------------------------------------>  new device
//! old device: offer {key} ----------------> one-time mailbox <--- new device reads, makes its keys
//! old device reads <--- request {endpoint record, its own signature, key package, reply key}
//!         both show the same words; the old device's owner says yes: a new event of the history
//! old device: handover {history, Welcome to the self mailbox} --------------------->  new device
//! ```
//! Everything rests sealed under keys that need the link's secret; request and handover also
//! need a private key that never left its device, so a relay that learns the link later reads
//! nothing. Private keys, MLS state and the identity key never travel here.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use telesphor_clinical::invite::{InviteError, invite_key_hash};
use telesphor_clinical::message::Welcome;
use telesphor_clinical::text::Text;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::hash::{Digest, Secret, derive_key, hash};
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::labels::{HashLabel, HpkeLabel, KdfLabel};
use telesphor_wire::padding::{self, Bucket};
use telesphor_wire::seal::{self, Sealed, SealingKey, SealingPublic};
use telesphor_wire::sign::SigningKey;
use telesphor_wire::text::{self, TextError};

use crate::compare::{COMPARE_WORDS, Comparison};
use crate::endpoint::SignedEndpoint;
use crate::kit::Home;
use crate::limits;

const PREFIX: &str = "telend";
const SCHEME: &str = "telesphor-endpoint:";

/// What the link carries. Whoever has it can ask to become a device of this identity, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointLink {
    /// [`limits::VERSION`].
    pub version: u16,
    /// Whose device it will be.
    pub identity: IdentityId,
    /// Where the one-time mailbox is, with what recognises the relay.
    pub home: Home,
    /// The one-time mailbox.
    pub mailbox: MailboxId,
    /// Seed of its access key.
    pub deposit_seed: Secret,
    /// `H("invite-key", X-Wing key)` of the key in the offer.
    pub key: Digest,
    /// Seals everything in the one-time mailbox.
    pub secret: Secret,
    /// Worthless after this instant, Unix milliseconds.
    pub expires: u64,
}

/// What the old device leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointOffer {
    /// The key to which the request is sealed.
    pub key: SealingPublic,
    /// For later versions.
    pub ext: Extensions,
}

/// What the new device asks with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRequest {
    /// The endpoint as it shall stand in the history, signed by itself.
    pub endpoint: SignedEndpoint,
    /// The key to which the handover is sealed.
    pub reply: SealingPublic,
    /// A key package for the self mailbox, sealed as for a contact: address = the one-time
    /// mailbox and the endpoint's key, secret = [`EndpointLink::package_secret`].
    pub package: Bytes,
    /// For later versions.
    pub ext: Extensions,
}

/// What the old device hands over. The rest comes through the self mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// The history with the new endpoint in it (canonical bytes of a `History`).
    pub history: Bytes,
    /// The name that contacts see.
    pub name: Text,
    /// The way into the self mailbox.
    pub welcome: Welcome,
    /// For later versions.
    pub ext: Extensions,
}

/// Extension of a handover: the identity's root secret. A device that has it from its first
/// connection on can mark that one as its own.
const ROOT_EXTENSION: u32 = 1;

impl Handover {
    /// The same with the root secret in it.
    #[must_use]
    pub fn with_root(mut self, root: &Secret) -> Self {
        self.ext = self.ext.with(Extension {
            id: ROOT_EXTENSION,
            critical: false,
            body: Bytes(canonical::encode(root)),
        });
        self
    }

    /// The root secret, if it was handed over.
    pub fn root(&self) -> Option<Secret> {
        canonical::decode(&self.ext.get(ROOT_EXTENSION)?.body).ok()
    }
}

impl EndpointLink {
    /// Makes a link and the key whose hash it carries.
    pub fn create(identity: IdentityId, home: Home, mailbox: MailboxId, expires: u64) -> (Self, SealingKey) {
        let key = SealingKey::generate();
        let link = Self {
            version: limits::VERSION,
            identity,
            home,
            mailbox,
            deposit_seed: Secret::random(),
            key: invite_key_hash(&key.public()),
            secret: Secret::random(),
            expires,
        };
        (link, key)
    }

    /// The link as text: `telesphor-endpoint:telend1...`. Anybody who reads it can ask with it.
    pub fn to_text(&self) -> String {
        format!("{SCHEME}{}", text::encode(PREFIX, &canonical::encode(self)))
    }

    /// Reads a link.
    ///
    /// # Errors
    /// [`InviteError::Text`], [`InviteError::Version`].
    pub fn from_text(s: &str) -> Result<Self, InviteError> {
        let s = s.trim();
        let s = s.strip_prefix(SCHEME).unwrap_or(s);
        let bytes = text::decode(PREFIX, "endpoint link", s)?;
        let link: Self = canonical::decode(&bytes).map_err(|_| TextError::Checksum("endpoint link"))?;
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

    /// The access key of the one-time mailbox.
    pub fn access_key(&self) -> SigningKey {
        SigningKey::from_seed(&self.deposit_seed)
    }

    /// Seals the key package of a request.
    pub fn package_secret(&self) -> Secret {
        self.sealing("package")
    }

    fn sealing(&self, what: &str) -> Secret {
        derive_key(
            KdfLabel::EndpointSeal,
            &self.secret,
            &canonical::encode(&(what, self.mailbox, self.key)),
        )
    }

    /// Seals the offer.
    ///
    /// # Errors
    /// [`InviteError::TooLarge`].
    pub fn seal_offer(&self, offer: &EndpointOffer) -> Result<Vec<u8>, InviteError> {
        let padded = pad(Bucket::Message, &canonical::encode(offer))?;
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
    pub fn open_offer(&self, payload: &[u8]) -> Result<EndpointOffer, InviteError> {
        let padded = seal::open(&self.sealing("offer"), self.mailbox.as_bytes(), payload)
            .map_err(|_| InviteError::NotForThis)?;
        let offer: EndpointOffer = unpad(&padded)?;
        if invite_key_hash(&offer.key) == self.key {
            Ok(offer)
        } else {
            Err(InviteError::NotForThis)
        }
    }

    /// Seals a request to the offered key.
    ///
    /// # Errors
    /// [`InviteError`].
    pub fn seal_request(
        &self,
        offer: &EndpointOffer,
        request: &EndpointRequest,
    ) -> Result<Vec<u8>, InviteError> {
        self.seal_to(&offer.key, "request", Bucket::Message, request)
    }

    /// Opens a request: made for this link, by somebody who holds the endpoint's key.
    ///
    /// # Errors
    /// [`InviteError::NotForThis`].
    pub fn open_request(&self, key: &SealingKey, payload: &[u8]) -> Result<EndpointRequest, InviteError> {
        let request: EndpointRequest = self.open_to(key, "request", payload)?;
        if request.endpoint.is_good(&self.identity) {
            Ok(request)
        } else {
            Err(InviteError::NotForThis)
        }
    }

    /// Seals what is handed over to the key of a request.
    ///
    /// # Errors
    /// [`InviteError::TooLarge`].
    pub fn seal_handover(
        &self,
        request: &EndpointRequest,
        handover: &Handover,
    ) -> Result<Vec<u8>, InviteError> {
        self.seal_to(&request.reply, "handover", Bucket::Handshake, handover)
    }

    /// Opens what was handed over.
    ///
    /// # Errors
    /// [`InviteError::NotForThis`].
    pub fn open_handover(&self, reply: &SealingKey, payload: &[u8]) -> Result<Handover, InviteError> {
        self.open_to(reply, "handover", payload)
    }

    /// The words that both devices show: they agree only if both mean the same keys.
    pub fn words(&self, request: &EndpointRequest) -> Vec<&'static str> {
        let digest = hash(
            HashLabel::EndpointWords,
            &(self.mailbox, self.key, &request.endpoint, &request.reply),
        );
        Comparison::of_digest(digest).words(COMPARE_WORDS)
    }

    fn seal_to<T: Serialize>(
        &self,
        key: &SealingPublic,
        what: &str,
        bucket: Bucket,
        content: &T,
    ) -> Result<Vec<u8>, InviteError> {
        let padded = pad(bucket, &canonical::encode(content))?;
        let sealed = seal::seal_to(key, HpkeLabel::Endpoint, self.mailbox.as_bytes(), &padded)
            .map_err(|_| InviteError::NotForThis)?;
        Ok(seal::seal(
            &self.sealing(what),
            self.mailbox.as_bytes(),
            &canonical::encode(&sealed),
        ))
    }

    fn open_to<T: DeserializeOwned + Serialize>(
        &self,
        key: &SealingKey,
        what: &str,
        payload: &[u8],
    ) -> Result<T, InviteError> {
        let outer = seal::open(&self.sealing(what), self.mailbox.as_bytes(), payload)
            .map_err(|_| InviteError::NotForThis)?;
        let sealed: Sealed = canonical::decode(&outer).map_err(|_| InviteError::NotForThis)?;
        let padded = key
            .open(HpkeLabel::Endpoint, self.mailbox.as_bytes(), &sealed)
            .map_err(|_| InviteError::NotForThis)?;
        unpad(&padded)
    }
}

fn pad(bucket: Bucket, content: &[u8]) -> Result<Vec<u8>, InviteError> {
    padding::pad(bucket, content).map_err(|_| InviteError::TooLarge)
}

fn unpad<T: DeserializeOwned + Serialize>(padded: &[u8]) -> Result<T, InviteError> {
    let content = padding::unpad(padded).map_err(|_| InviteError::NotForThis)?;
    canonical::decode(content).map_err(|_| InviteError::NotForThis)
}
