//! What stands inside a forwarded request, and how the other domain comes to it.

use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::command::Command;
use crate::ext::Extensions;
use crate::forward::read::{FileRead, Read};
use crate::forward::{ForwardError, Forwarded, aad, key};
use crate::labels::HpkeLabel;
use crate::limits::MAX_NOT_AFTER_MS;
use crate::padding::{Bucket, pad, unpad};
use crate::seal::{SealingKey, SealingPublic, seal_to};
use crate::text::Domain;

tagged! {
    /// What is asked.
    pub enum Wish {
        /// Carry out a command that carries its own signature. It names its mailbox.
        1 => Command(Box<Command>),
        /// Give a page of a mailbox. Its right is proved for this one request.
        2 => Read(Box<Read>),
        /// Give the next page of a mailbox when there is one: at once, or when something comes, or
        /// an empty one at the request's end.
        3 => Follow(Box<Read>),
        /// Give a piece of a file that stands in a mailbox.
        4 => File(Box<FileRead>),
    }
}

impl Wish {
    /// Whether another domain may ask it: the command speaks for itself, with no session's word,
    /// and concerns a mailbox or a ledger entry. Enrolling and admitting are between a domain
    /// and its own people.
    pub fn is_forwardable(&self) -> bool {
        match self {
            Self::Command(command) => match command.as_ref() {
                Command::Deposit(deposit) => deposit.signature.is_some(),
                Command::Commit(_) | Command::Owner(_) | Command::Take(_) | Command::Ledger(_) => true,
                Command::Enrol(_) | Command::Admit(_) => false,
            },
            Self::Read(_) | Self::Follow(_) => true,
            Self::File(read) => read.is_one_piece(),
        }
    }

    /// The time that the sender of the command signed. A reading signs the request's own.
    fn not_after(&self) -> u64 {
        match self {
            Self::Command(command) => command.not_after(),
            Self::Read(_) | Self::Follow(_) | Self::File(_) => u64::MAX,
        }
    }
}

/// A request of somebody whom the other domain does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// What is asked.
    pub wish: Wish,
    /// A fresh key for this one answer.
    pub reply: SealingPublic,
    /// Not to be opened later than this, Unix milliseconds; at most what the command says.
    pub not_after: u64,
    /// For later versions.
    pub ext: Extensions,
}

impl Ask {
    /// Seals it for a domain, to a key that [`key::SignedSealingKey::verify`] gave.
    ///
    /// # Errors
    /// [`ForwardError::NotForwardable`] for what no other domain takes, [`ForwardError::TooLarge`],
    /// [`ForwardError::Seal`] if the key is none.
    pub fn seal(&self, to: &Domain, sealing: &SealingPublic) -> Result<Forwarded, ForwardError> {
        if !self.wish.is_forwardable() {
            return Err(ForwardError::NotForwardable);
        }
        let id = key::id(sealing);
        let padded = pad(Bucket::Forwarded, &canonical::encode(self)).map_err(|_| ForwardError::TooLarge)?;
        let sealed =
            seal_to(sealing, HpkeLabel::Forward, &aad(to, &id), &padded).map_err(|_| ForwardError::Seal)?;
        Ok(Forwarded {
            to: to.clone(),
            key: id,
            sealed,
            ext: Extensions::none(),
        })
    }

    /// Opens a request that came to `domain`, with the one of its keys that the request names.
    /// That a command was carried out before is for the rules to see: its id lies in the order.
    ///
    /// # Errors
    /// [`ForwardError`], in the order of the checks: what costs least is looked at first.
    pub fn open(
        request: &Forwarded,
        domain: &Domain,
        sealing: &SealingKey,
        now: u64,
    ) -> Result<Self, ForwardError> {
        if !request.has_a_size() {
            return Err(ForwardError::Size);
        }
        if request.to != *domain || request.key != key::id(&sealing.public()) {
            return Err(ForwardError::WrongKey);
        }
        request.ext.check(&[]).map_err(|_| ForwardError::Form)?;
        let opened = sealing.open(HpkeLabel::Forward, &request.aad(), &request.sealed);
        let padded = opened.map_err(|_| ForwardError::Seal)?;
        let content = unpad(&padded).map_err(|_| ForwardError::Form)?;
        let ask: Self = canonical::decode(content).map_err(|_| ForwardError::Form)?;
        ask.ext.check(&[]).map_err(|_| ForwardError::Form)?;
        ask.judge(now)?;
        Ok(ask)
    }

    fn judge(&self, now: u64) -> Result<(), ForwardError> {
        if !self.wish.is_forwardable() {
            return Err(ForwardError::NotForwardable);
        }
        if now > self.not_after {
            return Err(ForwardError::Expired);
        }
        let ahead = self.not_after.saturating_sub(now) > MAX_NOT_AFTER_MS;
        if ahead || self.not_after > self.wish.not_after() {
            return Err(ForwardError::TooFarAhead);
        }
        Ok(())
    }
}
