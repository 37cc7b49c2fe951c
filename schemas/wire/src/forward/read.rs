//! Reading a mailbox of another domain, or a file that stands in it: one page, or one piece, by a right that
//! is proved for this one request.

use serde::{Deserialize, Serialize};

use crate::blob::call::BlobRequest;
use crate::ext::Extensions;
use crate::ids::{MailboxId, Nonce};
use crate::labels::SignLabel;
use crate::limits::MAX_CHUNKS_FORWARDED;
use crate::seal::SealingPublic;
use crate::session::{PageRequest, Right, SessionProof};
use crate::sign::{Signed, SigningKey};
use crate::text::Domain;

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// Which page.
    pub page: PageRequest,
    /// What the reader calls this reading, in delivery records.
    pub agent_nonce: Nonce,
    /// By the key that holds the right; its signature is over a [`ForwardClaim`].
    pub proof: SessionProof,
    /// For later versions.
    pub ext: Extensions,
}

/// A piece of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRead {
    /// Which: its chunk hashes, or at most [`MAX_CHUNKS_FORWARDED`] chunks.
    pub request: BlobRequest,
    /// What the reader calls this reading.
    pub agent_nonce: Nonce,
    /// By the key that holds the right; its signature is over a [`ForwardClaim`].
    pub proof: SessionProof,
    /// For later versions.
    pub ext: Extensions,
}

impl FileRead {
    /// Whether it only reads, and no more than one answer can carry.
    pub fn is_one_piece(&self) -> bool {
        match &self.request {
            BlobRequest::Hashes(_) => true,
            BlobRequest::Get(chunks) => (1..=MAX_CHUNKS_FORWARDED).contains(&chunks.count),
            _ => false,
        }
    }
}

/// What the proof of a reading says. It names the fresh key that the answer is sealed to: whoever
/// repeats the proof, in this request or in one of his own, gets what only its maker can open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardClaim {
    /// The domain that is asked.
    pub domain: Domain,
    /// The key of the answer.
    pub reply: SealingPublic,
    /// The request's end, Unix milliseconds.
    pub not_after: u64,
    /// What the reader calls it.
    pub agent_nonce: Nonce,
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// Which right.
    pub right: Right,
    /// Branch of the key; 0 in personal mailboxes.
    pub branch: u32,
    /// Epoch of the key; 0 in personal mailboxes.
    pub epoch: u64,
    /// The proof's own.
    pub ext: Extensions,
}

impl Signed for ForwardClaim {
    const LABEL: SignLabel = SignLabel::ForwardSession;
}

impl ForwardClaim {
    /// The proof of this claim. Certificates, where the right needs them, are the caller's to add.
    pub fn prove(&self, key: &SigningKey) -> SessionProof {
        SessionProof {
            mailbox: self.mailbox,
            right: self.right,
            branch: self.branch,
            epoch: self.epoch,
            key: key.public(),
            certificate: None,
            current: None,
            ext: self.ext.clone(),
            signature: key.sign(self),
        }
    }
}
