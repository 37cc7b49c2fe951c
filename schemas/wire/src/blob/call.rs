//! What an agent asks a relay about blobs: `POST /v1/blob`.
//!
//! The [`BlobCall`] stands in a header, the content it is about in the body: chunks are streamed
//! and never held whole. Its proof is a session proof bound to `H("blob-call", BlobCall)`.
//!
//! Rights hang on mailboxes, never on addresses: knowing an address is worth nothing. A blob
//! is *kept* by mailboxes, whose quota it counts against, and *shown* in others, where it costs
//! nothing. It is gone when no mailbox keeps it.

use serde::{Deserialize, Serialize};

use crate::ext::Extensions;
use crate::hash::{Digest, hash};
use crate::ids::{MailboxId, Nonce};
use crate::labels::HashLabel;
use crate::text::SupportCode;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobCall {
    /// Printed by the client, logged by the relay.
    pub support: SupportCode,
    /// The client's nonce; the relay's comes from `GET /v1/hello` on the same connection.
    pub agent_nonce: Nonce,
    /// What to do.
    pub request: BlobRequest,
    /// For later versions.
    pub ext: Extensions,
}

impl BlobCall {
    /// `H("blob-call", self)`: what a proof is bound to.
    pub fn bound(&self) -> Digest {
        hash(HashLabel::BlobCall, self)
    }
}

tagged! {
    /// What may be asked about a blob.
    pub enum BlobRequest {
        /// Where it stands in a mailbox. Answered with a [`BlobStanding`], like all but 3 and 5.
        1 => Look(BlobName),
        /// Begin to put it, or go on. The body is the list of its chunk hashes.
        2 => Begin(BlobBegin),
        /// Its chunk hashes. The answer's body is the list.
        3 => Hashes(BlobName),
        /// Put chunks. The body is the chunks, one after another; each is checked as it comes.
        4 => Put(BlobChunks),
        /// Get chunks. The answer's body is the chunks, one after another.
        5 => Get(BlobChunks),
        /// Keep it in, or show it in, one more mailbox.
        6 => Attach(BlobAttach),
        /// Neither keep nor show it in this mailbox any more.
        7 => Detach(BlobName),
    }
}

impl BlobRequest {
    /// The mailbox whose right is needed.
    pub const fn mailbox(&self) -> MailboxId {
        match self {
            Self::Look(name) | Self::Hashes(name) | Self::Detach(name) => name.mailbox,
            Self::Begin(begin) => begin.mailbox,
            Self::Put(chunks) | Self::Get(chunks) => chunks.mailbox,
            Self::Attach(attach) => attach.mailbox,
        }
    }

    /// The blob that it is about.
    pub const fn address(&self) -> Digest {
        match self {
            Self::Look(name) | Self::Hashes(name) | Self::Detach(name) => name.address,
            Self::Begin(begin) => begin.address,
            Self::Put(chunks) | Self::Get(chunks) => chunks.address,
            Self::Attach(attach) => attach.address,
        }
    }
}

/// A blob in a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobName {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// Plain BLAKE3 of the ciphertext.
    pub address: Digest,
}

/// A blob that is to be kept in a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobBegin {
    /// The mailbox that keeps it; its owner asks.
    pub mailbox: MailboxId,
    /// Plain BLAKE3 of the ciphertext.
    pub address: Digest,
    /// Length of the ciphertext, bytes; a padded one.
    pub length: u64,
}

/// Some chunks, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobChunks {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// Plain BLAKE3 of the ciphertext.
    pub address: Digest,
    /// The first one.
    pub from: u32,
    /// How many; at most [`crate::limits::MAX_CHUNKS_PER_CALL`].
    pub count: u32,
}

/// One more mailbox for a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobAttach {
    /// Where it is to be kept or shown.
    pub mailbox: MailboxId,
    /// Plain BLAKE3 of the ciphertext.
    pub address: Digest,
    /// A mailbox where it may be fetched; a second proof shows that the asker may.
    pub source: MailboxId,
    /// Kept, against the quota; otherwise shown.
    pub kept: bool,
}

/// Where a blob stands in a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobStanding {
    /// Length of the ciphertext, bytes.
    pub length: u64,
    /// Chunks that are there, from the first one on without a gap.
    pub have: u32,
    /// All of it is there, durably.
    pub complete: bool,
    /// This mailbox keeps it; otherwise it is only shown here.
    pub kept: bool,
}

/// The body of every answer but those of chunks and hashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobAnswer {
    /// Where it stands now; `None` if it stands nowhere in this mailbox.
    pub standing: Option<BlobStanding>,
    /// Bytes that this mailbox keeps; `None` unless its owner asks.
    pub used: Option<u64>,
    /// Bytes that it may keep; `None` unless its owner asks.
    pub quota: Option<u64>,
    /// For later versions.
    pub ext: Extensions,
}
