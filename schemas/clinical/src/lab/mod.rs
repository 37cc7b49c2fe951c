//! Laboratory orders whose patient the laboratory does not know.
//!
//! The orderer's program makes two codes for the sample (tube and form), a mailbox for this one
//! order and keys for it, and signs the **mapping**: whose sample it is. The order's id is a hash
//! of that mapping, so it cannot be opened to a second person. The laboratory gets the order under
//! a pass that its hospital shares among all who order that day; it signs a result about a number.
//! Result and mapping together prove whose result it is, to whom they are both shown.
//!
//! Where to start: [`order`] for what the laboratory can read, [`mapping`] for what it cannot,
//! [`state`] for what may follow what, [`values`] for how results come in.

pub mod catalogue;
pub mod code;
pub mod hl7;
pub mod mapping;
pub mod order;
pub mod state;
pub mod values;
pub mod word;

use telesphor_wire::canonical;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::labels::HpkeLabel;
use telesphor_wire::padding::{Bucket, pad, unpad};
use telesphor_wire::seal::{Sealed, SealingKey, SealingPublic, seal_to};

/// Why something between an orderer and a laboratory does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabSealError {
    /// More than one message holds.
    #[error("larger than one message to or from a laboratory may be")]
    TooLarge,
    /// Sealed to another key or for another mailbox, or changed on the way.
    #[error("not sealed for this")]
    Closed,
    /// Not of the agreed form.
    #[error("not a word to or from a laboratory")]
    Form,
}

/// Seals a word for a mailbox: nothing outside says whose it is, and all have one size.
///
/// # Errors
/// [`LabSealError::TooLarge`]; [`LabSealError::Closed`] for a key that is none.
pub fn seal<T: serde::Serialize>(
    word: &T,
    label: HpkeLabel,
    mailbox: &MailboxId,
    key: &SealingPublic,
) -> Result<Vec<u8>, LabSealError> {
    let padded = pad(Bucket::Uniform, &canonical::encode(word)).map_err(|_| LabSealError::TooLarge)?;
    let sealed = seal_to(key, label, mailbox.as_bytes(), &padded).map_err(|_| LabSealError::Closed)?;
    Ok(canonical::encode(&sealed))
}

/// Opens what [`seal`] made.
///
/// # Errors
/// [`LabSealError`].
pub fn open<T: serde::de::DeserializeOwned + serde::Serialize>(
    payload: &[u8],
    label: HpkeLabel,
    mailbox: &MailboxId,
    key: &SealingKey,
) -> Result<T, LabSealError> {
    let sealed: Sealed = canonical::decode(payload).map_err(|_| LabSealError::Form)?;
    let padded = key
        .open(label, mailbox.as_bytes(), &sealed)
        .map_err(|_| LabSealError::Closed)?;
    let content = unpad(&padded).map_err(|_| LabSealError::Form)?;
    canonical::decode(content).map_err(|_| LabSealError::Form)
}
