//! Who fetched: what a relay notes of each delivery, sealed to the mailbox's owner.
//!
//! The owner names a sealing key in the mailbox's policy ([`with_key`]). A relay that hands
//! payloads of the mailbox to somebody writes a [`DeliveryRecord`] and seals it at once to that
//! key, in one fixed size. It proves nothing to third parties: it is the relay's word, and it says
//! which *key* fetched. Only the members of the group can say whose key that was.

use serde::{Deserialize, Serialize};

use crate::answer::Refusal;
use crate::bytes::Bytes;
use crate::canonical;
use crate::ext::{Extension, Extensions};
use crate::ids::{MailboxId, Nonce};
use crate::labels::HpkeLabel;
use crate::mailbox::Policy;
use crate::padding::{Bucket, pad, unpad};
use crate::seal::{SealError, Sealed, SealingKey, SealingPublic, X_WING_ENC_BYTES, seal_to};
use crate::session::Right;
use crate::sign::PublicKey;
use crate::{limits, list};

/// Extension of a [`Policy`]: the key that delivery records are sealed to; body: canonical
/// [`SealingPublic`]. Never critical: a relay that does not know it writes no records, and says
/// so by not naming [`FEATURE`].
pub const KEY_EXTENSION: u32 = 2;

/// Feature of a session: the relay writes delivery records and lets owners read them.
pub const FEATURE: u32 = 1;

/// Length of every sealed record's ciphertext, bytes: the padded record and the tag.
pub const CIPHERTEXT_BYTES: usize = 512 + 16;

/// The policy with the key that delivery records are sealed to.
#[must_use]
pub fn with_key(policy: Policy, key: &SealingPublic) -> Policy {
    let extension = Extension {
        id: KEY_EXTENSION,
        critical: false,
        body: Bytes(canonical::encode(key)),
    };
    Policy {
        ext: policy.ext.with(extension),
        ..policy
    }
}

/// The key that a policy's delivery records are sealed to.
///
/// # Errors
/// [`SealError`] if something else stands in its place.
pub fn key_of(policy: &Policy) -> Result<Option<SealingPublic>, SealError> {
    let extension = policy.ext.get(KEY_EXTENSION);
    extension
        .map(|e| canonical::decode(&e.body).map_err(|_| SealError))
        .transpose()
}

/// A range of events, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// First.
    pub from: u64,
    /// Last.
    pub to: u64,
}

/// What one connection was handed of one mailbox under one key, in one stretch of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRecord {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// By which right: member or owner.
    pub right: Right,
    /// Branch of the key; 0 for the owner's.
    pub branch: u32,
    /// Epoch of the key; 0 for the owner's.
    pub epoch: u64,
    /// The key that signed the proof: a pseudonym or the owner's.
    pub key: PublicKey,
    /// The client's own nonce of that connection: whoever made the connection knows it again.
    pub session: Nonce,
    /// Events whose payload was handed over lie in these, rising and disjoint.
    #[serde(deserialize_with = "list::bounded::<{ limits::MAX_RECORD_RANGES }, _, _>")]
    pub ranges: Vec<Range>,
    /// How many payloads were handed over, repeats counted.
    pub payloads: u64,
    /// When the first of them was, by the relay's clock, Unix milliseconds.
    pub first: u64,
    /// When the last of them was.
    pub last: u64,
    /// For later versions.
    pub ext: Extensions,
}

/// A record as the relay keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedRecord {
    /// Records of a mailbox are numbered from 1 without gaps.
    pub number: u64,
    /// [`DeliveryRecord`], padded, sealed to the owner's key for this mailbox and number.
    pub sealed: Sealed,
}

fn aad(mailbox: &MailboxId, number: u64) -> Vec<u8> {
    canonical::encode(&(mailbox, number))
}

impl DeliveryRecord {
    /// Seals the record under its number.
    ///
    /// # Errors
    /// [`SealError`] if the key is none, or the record does not fit (ours always do).
    pub fn seal(&self, to: &SealingPublic, number: u64) -> Result<SealedRecord, SealError> {
        let padded = pad(Bucket::Message, &canonical::encode(self)).map_err(|_| SealError)?;
        let aad = aad(&self.mailbox, number);
        let sealed = seal_to(to, HpkeLabel::DeliveryLog, &aad, &padded)?;
        if sealed.ciphertext.len() != CIPHERTEXT_BYTES {
            return Err(SealError);
        }
        Ok(SealedRecord { number, sealed })
    }

    /// Reads what stood inside the seal.
    ///
    /// # Errors
    /// [`SealError`] if it has another form, or was made by a newer version that must not be
    /// read by this one.
    pub fn from_padded(padded: &[u8]) -> Result<Self, SealError> {
        let content = unpad(padded).map_err(|_| SealError)?;
        let record: Self = canonical::decode(content).map_err(|_| SealError)?;
        record.ext.check(&[]).map_err(|_| SealError)?;
        let rising = record.ranges.windows(2).all(|pair| match pair {
            [a, b] => a.to < b.from,
            _ => true,
        });
        let whole = record.ranges.iter().all(|r| r.from <= r.to);
        let reads = record.right != Right::Deposit;
        match rising && whole && reads && !record.ranges.is_empty() && record.first <= record.last {
            true => Ok(record),
            false => Err(SealError),
        }
    }
}

impl SealedRecord {
    /// Whether it has the one size that records have.
    pub fn has_its_size(&self) -> bool {
        self.sealed.enc.len() == X_WING_ENC_BYTES && self.sealed.ciphertext.len() == CIPHERTEXT_BYTES
    }

    /// Opens it with the owner's key.
    ///
    /// # Errors
    /// [`SealError`] if it was sealed to another key, for another mailbox or number, or is not
    /// well-formed.
    pub fn open(&self, mailbox: &MailboxId, key: &SealingKey) -> Result<DeliveryRecord, SealError> {
        if !self.has_its_size() {
            return Err(SealError);
        }
        let aad = aad(mailbox, self.number);
        let padded = key.open(HpkeLabel::DeliveryLog, &aad, &self.sealed)?;
        let record = DeliveryRecord::from_padded(&padded)?;
        match record.mailbox == *mailbox {
            true => Ok(record),
            false => Err(SealError),
        }
    }
}

/// Asks for delivery records, under a handle with the owner's right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchRecords {
    /// The handle.
    pub handle: u32,
    /// Records after this number.
    pub after: u64,
    /// At most so many; more than [`limits::MAX_RECORDS_PER_PAGE`] is refused.
    pub max_records: u32,
}

/// The same over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsRequest {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// Records after this number.
    pub after: u64,
    /// At most so many.
    pub max_records: u32,
}

/// Records of one mailbox, in order, and what is known of those that are not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsPage {
    /// In order, without gaps.
    #[serde(deserialize_with = "list::bounded::<{ limits::MAX_RECORDS_PER_PAGE }, _, _>")]
    pub records: Vec<SealedRecord>,
    /// The oldest that is still kept; what stood before it has given way to newer ones.
    pub first: u64,
    /// The newest; 0 if there never was one.
    pub newest: u64,
    /// Whether deliveries of the mailbox are recorded: its policy names a key.
    pub kept: bool,
    /// When the relay began again after an end in which records can have been lost, Unix
    /// milliseconds; 0 if it never did.
    pub torn: u64,
    /// For later versions.
    pub ext: Extensions,
}

/// Answer to [`FetchRecords`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// The handle.
    pub handle: u32,
    /// Why there is no page, if there is none. A follow under the handle goes on.
    pub refused: Option<Refusal>,
    /// The page.
    pub page: Option<RecordsPage>,
}
