//! What a mailbox is made of: genesis, policy, event header, event, and the chain.

use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;
use crate::ext::Extensions;
use crate::hash::{Digest, hash, hash_all, hash_bytes};
use crate::ids::MailboxId;
use crate::labels::HashLabel;
use crate::sign::PublicKey;
use crate::text::Domain;
use crate::{limits, list};

coded! {
    /// The two kinds of mailbox.
    pub enum MailboxKind {
        /// One owner reads; many depositors write, each under a deposit key of its own.
        1 => Personal,
        /// One MLS group reads and writes, under the access key of its epoch.
        2 => Shared,
    }
}

coded! {
    /// What happens when a mailbox is full.
    pub enum Overflow {
        /// New events are refused until the owner acknowledges old ones.
        1 => Refuse,
        /// The oldest payloads give way: for vitals, where the newest matters most.
        2 => DropOldest,
    }
}

coded! {
    /// Who may commit to a shared mailbox.
    pub enum CommitRule {
        /// Whoever holds the epoch's access key.
        1 => Open,
        /// Besides it, one of the owner's listed commit keys must sign (after a Rewind).
        2 => Listed,
    }
}

/// The owner's rules for one mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Ciphertext bytes kept, at most; the class of the opener bounds it further.
    pub max_bytes: u64,
    /// Events whose ciphertext is kept, at most.
    pub max_events: u64,
    /// What happens when one of the two is reached.
    pub overflow: Overflow,
    /// Ciphertexts older than this are dropped, milliseconds; `None` keeps them until acknowledged.
    pub keep_ms: Option<u64>,
    /// Nothing may be erased before this instant (Unix milliseconds, 0 = no such duty). May be
    /// moved later, never earlier: legal retention in mailboxes that an organisation owns.
    pub no_erase_before: u64,
    /// Legal hold: while set, nothing is erased, dropped or let go by acknowledgement.
    pub hold: bool,
    /// Who may commit (shared mailboxes).
    pub commits: CommitRule,
    /// The keys of [`CommitRule::Listed`], at most 16, sorted.
    #[serde(deserialize_with = "list::bounded::<{ limits::MAX_COMMIT_KEYS }, _, _>")]
    pub commit_keys: Vec<PublicKey>,
    /// For later versions.
    pub ext: Extensions,
}

impl Policy {
    /// 1 GiB, a million events, refuse when full, keep until acknowledged.
    pub fn standard() -> Self {
        Self {
            max_bytes: 1 << 30,
            max_events: 1 << 20,
            overflow: Overflow::Refuse,
            keep_ms: None,
            no_erase_before: 0,
            hold: false,
            commits: CommitRule::Open,
            commit_keys: Vec::new(),
            ext: Extensions::none(),
        }
    }

    /// For live vitals: a day's worth, the oldest gives way.
    pub fn vitals() -> Self {
        Self {
            max_bytes: 256 << 20,
            overflow: Overflow::DropOldest,
            keep_ms: Some(24 * 3600 * 1000),
            ..Self::standard()
        }
    }
}

/// What a mailbox starts from; its hash is the beginning of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// The id, random, chosen by the opener.
    pub mailbox: MailboxId,
    /// The cluster it lives at.
    pub domain: Domain,
    /// Personal or shared.
    pub kind: MailboxKind,
    /// The owner's key for this mailbox (never an identity key).
    pub owner: PublicKey,
    /// `H("next-key", next owner key)`: only the key behind it can rotate the owner.
    pub next_owner: Digest,
    /// The weakest MLS or HPKE suite (IANA code point) its readers accept.
    pub min_suite: u16,
    /// The first policy.
    pub policy: Policy,
    /// For later versions.
    pub ext: Extensions,
}

impl Genesis {
    /// `h(0)` of the chain.
    pub fn link(&self) -> Digest {
        hash(HashLabel::MailboxGenesis, self)
    }
}

/// The commitment to a key that is not shown yet: `H("next-key", {alg, key})`.
pub fn next_key(key: &PublicKey) -> Digest {
    hash(HashLabel::NextKey, key)
}

/// What an event is, as the relay sees it. A number, so that kinds of newer versions are
/// kept, chained and passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventKind(pub u16);

impl EventKind {
    /// A sealed deposit, or an MLS application message.
    pub const MESSAGE: Self = Self(1);
    /// An MLS proposal.
    pub const PROPOSAL: Self = Self(2);
    /// An MLS commit that won its epoch; payload: canonical [`crate::command::Commit`].
    pub const COMMIT: Self = Self(3);
    /// The owner's rewind; payload: canonical [`crate::command::SignedOwnerCommand`], so that
    /// members check the owner's own signature and need not take the relay's word.
    pub const REWIND: Self = Self(4);
    /// Another owner command; payload: canonical [`crate::command::SignedOwnerCommand`].
    pub const OWNER: Self = Self(5);
    /// A request for another domain, to be passed on by the relay; payload: canonical
    /// [`crate::forward::outbox::Passing`].
    pub const FORWARD: Self = Self(6);
    /// What became of one; payload: canonical [`crate::forward::outbox::News`].
    pub const FORWARDED: Self = Self(7);
    /// First number that clients of newer versions may deposit and this version passes on.
    pub const FIRST_FOREIGN: u16 = 64;

    /// Whether a deposit may be of this kind.
    pub const fn may_be_deposited(self) -> bool {
        matches!(
            self,
            Self::MESSAGE | Self::PROPOSAL | Self::FORWARD | Self::FORWARDED
        ) || self.0 >= Self::FIRST_FOREIGN
    }
}

/// The part of an event that the chain covers beside its payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventHeader {
    /// Position in the mailbox, from 1, without gaps.
    pub seq: u64,
    /// What it is.
    pub kind: EventKind,
    /// Branch, raised by each Rewind.
    pub branch: u32,
    /// MLS epoch of a shared mailbox in which it was sent; 0 in personal ones.
    pub epoch: u64,
    /// The order's clock, Unix milliseconds, never falling.
    pub stamp: u64,
    /// Payload length, bytes.
    pub size: u32,
    /// For later versions.
    pub ext: Extensions,
}

/// One entry of a mailbox as a reader gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What the chain covers.
    pub header: EventHeader,
    /// `H("payload", payload)`.
    pub payload_hash: Digest,
    /// The ciphertext; `None` once it was erased or let go. The hash stays, so the chain verifies.
    pub payload: Option<Bytes>,
}

/// `H("payload", ciphertext)`.
pub fn payload_hash(payload: &[u8]) -> Digest {
    hash_bytes(HashLabel::Payload, payload)
}

/// [`payload_hash`] of each of these.
pub fn payload_hashes(payloads: &[&[u8]]) -> Vec<Digest> {
    hash_all(HashLabel::Payload, payloads)
}

/// `h(n) = H("event", {h(n-1), header, payload hash})`.
pub fn link(previous: &Digest, header: &EventHeader, payload_hash: &Digest) -> Digest {
    hash(HashLabel::Event, &(previous, header, payload_hash))
}

/// A reader found the chain broken: the relay changed, lost or reordered something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chain of this mailbox breaks at event {seq}")]
pub struct BrokenChain {
    /// The first event that does not fit.
    pub seq: u64,
}

/// Where a reader stands: how much it has read, and the hash it ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The last event read; 0 = none yet.
    pub seq: u64,
    /// Its chain hash; at 0 the genesis link.
    pub hash: Digest,
}

impl Cursor {
    /// Checks that `event` is the next one and steps over it.
    ///
    /// # Errors
    /// [`BrokenChain`] if the sequence, the payload or a hash does not fit. The cursor stays.
    pub fn advance(&mut self, event: &Event) -> Result<(), BrokenChain> {
        let seq = event.header.seq;
        let whole = match &event.payload {
            Some(p) => payload_hash(p) == event.payload_hash && p.len() == event.header.size as usize,
            None => true,
        };
        // A position at the very end of the numbers is a relay's invention: nothing follows it.
        let expected = self.seq.checked_add(1);
        if Some(seq) != expected || !whole {
            return Err(BrokenChain {
                seq: expected.unwrap_or(u64::MAX),
            });
        }
        *self = Self {
            seq,
            hash: link(&self.hash, &event.header, &event.payload_hash),
        };
        Ok(())
    }
}
