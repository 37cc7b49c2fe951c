//! An agent's outbox for other domains: a personal mailbox of its own at home.
//!
//! What is to be passed on is an event in it ([`Passing`], kind 6), and so is what became of it
//! ([`News`], kind 7). So it is ordered, durable and under quota as everything else, and a relay
//! that forgets everything finds in the mailbox what is still to be done.

use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::error::ErrorCode;
use crate::ext::Extensions;
use crate::forward::Forwarded;
use crate::forward::reply::ForwardedReply;
use crate::hash::Digest;
use crate::ids::Nonce;
use crate::limits::MAX_PAYLOAD_BYTES;
use crate::text::SupportCode;

/// A request, as handed to home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passing {
    /// Random, one for each mailbox over there: what has the same lane is passed on in its
    /// order, and home learns no more of where it goes.
    pub lane: Nonce,
    /// Printed by the client, noted by the relays of both domains.
    pub support: SupportCode,
    /// What is passed on.
    pub request: Forwarded,
    /// For later versions.
    pub ext: Extensions,
}

impl Passing {
    /// Whether it has one of the sizes that requests have, and nothing that a reader must know
    /// and does not.
    pub fn is_sound(&self) -> bool {
        self.request.has_a_size() && self.request.ext.check(&[]).is_ok() && self.ext.check(&[]).is_ok()
    }
}

tagged! {
    /// What became of a request.
    pub enum News {
        /// The other domain has answered. Only the asker can open it.
        1 => Answered(ForwardedReply),
        /// It was not carried out, as far as home knows, and is not tried any more.
        2 => Undelivered(Undelivered),
    }
}

/// A request that came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undelivered {
    /// [`Forwarded::digest`] of it.
    pub to: Digest,
    /// Why: who must act is what the code says.
    pub code: ErrorCode,
    /// When it was given up, Unix milliseconds.
    pub at: u64,
    /// For later versions.
    pub ext: Extensions,
}

impl News {
    /// Whether an event can carry it. What another domain answers may be larger: then nobody could be told.
    pub fn lies_in_an_outbox(&self) -> bool {
        canonical::encode(self).len() <= MAX_PAYLOAD_BYTES
    }

    /// Which request it is about.
    pub const fn of(&self) -> Digest {
        match self {
            Self::Answered(reply) => reply.to,
            Self::Undelivered(back) => back.to,
        }
    }
}
