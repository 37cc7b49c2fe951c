//! What the programs of patient, prescriber and pharmacy tell each other about prescriptions, in
//! the conversations they have anyway. The prescription itself travels as a document.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical::{self, CanonicalError};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{DocumentId, Nonce};
use telesphor_wire::ledger::{SignedTicket, Step};
use telesphor_wire::receipt::Receipt;
use telesphor_wire::sign::PublicKey;

crate::open_tagged! {
    /// One word about a prescription. Kinds of newer versions are kept.
    pub enum RxWord {
        /// Give me a key for one use: prescriber to patient, patient to pharmacy.
        1 => AskKey(RxAsk),
        /// The key.
        2 => Key(RxKey),
        /// Draw this much: patient to pharmacy. The prescription went before.
        3 => Ticket(Box<RxTicket>),
        /// Something was done on the ledger.
        4 => Notice(Box<RxNotice>),
        /// A letter that its reader is to pass on: between pharmacy and prescriber, through the
        /// patient, since the two need not know each other.
        5 => Pass(RxPass),
    }
}

open_coded! {
    /// What a key is for.
    pub enum RxUse {
        /// The patient's key of a prescription.
        1 => Holder "holder",
        /// A pharmacy's key for one fill.
        2 => Fill "fill",
    }
}

/// A key is asked for. It follows from the nonce, so asking again gives the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RxAsk {
    /// What for.
    pub what: RxUse,
    /// Random; chosen by whoever asks.
    pub nonce: Nonce,
}

/// A key for one use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RxKey {
    /// What for.
    pub what: RxUse,
    /// The asker's.
    pub nonce: Nonce,
    /// Public half.
    pub key: PublicKey,
}

/// A ticket for a pharmacy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RxTicket {
    /// Of which prescription.
    pub prescription: DocumentId,
    /// How much, in its units; the ticket says the same in parts.
    pub units: u32,
    /// From which the pharmacy derives the private half of the ticket's key.
    pub nonce: Nonce,
    /// What the ledger takes.
    pub ticket: SignedTicket,
}

/// A step of a prescription's ledger entry, with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RxNotice {
    /// Of which prescription.
    pub prescription: DocumentId,
    /// What was done.
    pub step: Step,
    /// That it is durable.
    pub receipt: Receipt,
}

/// A letter to be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RxPass {
    /// About which prescription.
    pub prescription: DocumentId,
    /// The letter; a document that went before.
    pub document: DocumentId,
    /// The key under which the pharmacist has stopped the prescription.
    pub held: Option<PublicKey>,
}

/// The first bytes of a prescription on paper or in a file.
pub const MAGIC: [u8; 8] = [0x89, b'T', b'R', b'X', 0x0d, 0x0a, 0x1a, 0x0a];
/// Such a file, bytes.
pub const MAX_PAPER_BYTES: usize = 4 * 1024 * 1024;

/// A prescription as a file, for who has no conversation with the pharmacy: with a ticket for one
/// amount, or with the patient's key. With the key it is as good as paper: whoever has it can draw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RxPaper {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// The prescription with everything that proves it: a `.tel` file.
    pub tel: Bytes,
    /// A ticket for one pharmacy.
    pub ticket: Option<RxTicket>,
    /// Seed of the patient's key.
    pub holder: Option<Secret>,
    /// For later versions.
    pub ext: Extensions,
}

/// Why a file is no prescription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaperError {
    /// It does not begin like one, or was changed on the way.
    #[error("not a prescription file, or damaged by a program that changed its line ends")]
    Magic,
    /// Not in its one form.
    #[error("the prescription file is damaged: {0}")]
    Form(#[from] CanonicalError),
    /// Made by a newer version.
    #[error("made by a newer version of this program")]
    Newer,
}

impl RxPaper {
    /// The file.
    pub fn to_file(&self) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        file.extend_from_slice(&canonical::encode(self));
        file
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`PaperError`].
    pub fn from_file(file: &[u8]) -> Result<Self, PaperError> {
        let body = file.strip_prefix(&MAGIC).ok_or(PaperError::Magic)?;
        let paper: Self = canonical::decode_bounded(body, MAX_PAPER_BYTES)?;
        if paper.version != crate::limits::VERSION || paper.ext.check(&[]).is_err() {
            return Err(PaperError::Newer);
        }
        Ok(paper)
    }
}
