//! What the order carries: commands, each with the authority under which it was admitted.

use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::ext::Extensions;
use crate::ids::MailboxId;
use crate::session::Right;
use crate::sign::PublicKey;

/// The word of the relay that held the session: "the holder of this key proved this right".
///
/// The rules look the right up again when the command is applied. Commands that carry their
/// own signature need no such word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionWord {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// Which right.
    pub right: Right,
    /// Branch the key belongs to.
    pub branch: u32,
    /// Epoch the key belongs to.
    pub epoch: u64,
    /// Deposit key, or the epoch's access key (never the pseudonym: replicas must not store it).
    pub key: PublicKey,
}

/// One command, ready to be ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// Who says that the sender may, where the command does not say it itself.
    pub word: Option<SessionWord>,
    /// What to do.
    pub command: Command,
}

/// One record of a partition's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The submitter's clock, Unix milliseconds; the rules never let time fall.
    pub stamp: u64,
    /// In the order in which they are to be decided.
    pub submissions: Vec<Submission>,
    /// For later versions.
    pub ext: Extensions,
}
