//! How a command is answered: exactly once, by one of these.

use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;
use crate::command::SignedVoucher;
use crate::error::ErrorCode;
use crate::ext::Extensions;
use crate::hash::Digest;
use crate::ledger::LedgerAnswer;
use crate::limits;
use crate::receipt::Receipt;
use crate::session::Page;

tagged! {
    /// The answer to one command.
    pub enum Answer {
        /// Done and durable. A repeated command gets the receipt of the first time.
        1 => Durable(Box<Receipt>),
        /// Refused; nothing was changed.
        2 => Refused(Refusal),
        /// Too much at once; nothing was changed. Send the same bytes again after this many milliseconds.
        3 => Busy(u64),
        /// Ordered, but not yet on a majority of relays; ask again with the same bytes.
        4 => NotYetDurable(u64),
        /// A key package was taken.
        5 => Taken(Box<Taken>),
        /// Vouchers for an admission token.
        6 => Enrolled(Vec<SignedVoucher>) at most limits::MAX_VOUCHERS,
        /// An act on a ledger entry was carried out, or it was looked at.
        7 => Ledger(Box<LedgerAnswer>),
        /// An admission token is worth from now on what was said.
        8 => Admitted(Extensions),
        /// A page of a mailbox: to another domain's reader alone.
        9 => Page(Box<Page>),
        /// A piece of a file, bytes as they lie there: to another domain's reader alone.
        10 => Piece(Bytes),
    }
}

/// A key package, with the proof that it is gone from the stock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// As its owner sealed it.
    pub package: Bytes,
    /// Whether it was the last-resort one, which others may hold too.
    pub last_resort: bool,
    /// One-time packages left for this contact.
    pub left: u32,
    /// That the taking is durable.
    pub receipt: Receipt,
}

/// A typed refusal: a stable code, and where it helps the winner's place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which.
    pub code: ErrorCode,
    /// For conflicts: where the mailbox stands, so the sender can look and decide.
    pub standing: Option<Standing>,
    /// For later versions.
    pub ext: Extensions,
}

impl Refusal {
    /// A refusal that needs no more than its code.
    pub const fn of(code: ErrorCode) -> Self {
        Self {
            code,
            standing: None,
            ext: Extensions::none(),
        }
    }

    /// A refusal that says where the mailbox stands.
    pub const fn standing(code: ErrorCode, standing: Standing) -> Self {
        Self {
            code,
            standing: Some(standing),
            ext: Extensions::none(),
        }
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self::of(code)
    }
}

/// Where a mailbox stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Branch.
    pub branch: u32,
    /// Epoch.
    pub epoch: u64,
    /// Last event.
    pub seq: u64,
    /// Its chain hash.
    pub hash: Digest,
    /// For a lost commit: the event that won. For a wrong counter: the last one accepted.
    pub winner: u64,
}
