//! What a relay remembers of a mailbox: a small head that changes with every event, and a
//! profile that changes when its owner says so.

use std::sync::Arc;

use telesphor_wire::answer::Standing;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::{Cursor, MailboxKind, Policy};
use telesphor_wire::sign::PublicKey;

use crate::class::{self, Class};

/// One mailbox. Head and profile are kept apart because the head is written with each event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Which.
    pub id: MailboxId,
    /// What changes with each event.
    pub head: Head,
    /// What changes with the owner's settings.
    pub profile: Arc<Profile>,
}

/// The part of a mailbox that changes with each event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Last event; events are numbered from 1 without gaps.
    pub seq: u64,
    /// Its chain hash; at 0 the genesis link.
    pub hash: Digest,
    /// Stamp of the last event.
    pub stamp: u64,
    /// Branch, raised by each Rewind; 0 in personal mailboxes.
    pub branch: u32,
    /// Current epoch; 0 in personal mailboxes.
    pub epoch: u64,
    /// Current access key; the owner's first key in personal mailboxes, where nothing reads it.
    pub access: PublicKey,
    /// End of the current access key as its commit set it; `u64::MAX` in personal mailboxes.
    /// The end that counts is [`Mailbox::ends`].
    pub lease: u64,
    /// Owner's last accepted counter.
    pub counter: u64,
    /// Sizes of all payloads ever, summed up, bytes.
    pub total: u64,
    /// Sizes of the payloads still kept, bytes.
    pub kept_bytes: u64,
    /// Events whose payload is still kept.
    pub kept_events: u64,
    /// The owner has taken over everything up to here.
    pub acknowledged: u64,
    /// Payloads up to here are gone.
    pub floor: u64,
    /// [`Head::total`] as it was at `floor`.
    pub floor_total: u64,
    /// Stamp of the event after `floor`; `u64::MAX` if there is none.
    pub oldest: u64,
}

/// The part of a mailbox that changes only with its owner's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Personal or shared.
    pub kind: MailboxKind,
    /// `h(0)` of the chain.
    pub genesis: Digest,
    /// The weakest suite its readers accept, as the genesis said.
    pub min_suite: u16,
    /// Quota class of the voucher that opened it.
    pub class: u16,
    /// The owner's key.
    pub owner: PublicKey,
    /// Commitment to the owner's next key.
    pub next_owner: Digest,
    /// The end that no lease may pass; `u64::MAX` in personal mailboxes.
    pub ceiling: u64,
    /// Whether the owner has closed it.
    pub closed: bool,
    /// The last commit that carried `cut`; keys that began before it need the current one too.
    pub cut_at: u64,
    /// Key packages waiting for all contacts together, last-resort ones not counted.
    pub packages: u32,
    /// The owner's policy.
    pub policy: Policy,
    /// Deposit keys, sorted.
    pub deposit_keys: Vec<PublicKey>,
    /// Erased ranges above the floor, sorted, disjoint and not adjacent.
    pub holes: Vec<Hole>,
}

/// A range of events whose payloads were erased, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// First.
    pub from: u64,
    /// Last.
    pub to: u64,
}

/// The access key of one epoch of one branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessRecord {
    /// The key.
    pub key: PublicKey,
    /// The event that began the epoch: the key reads what comes after it. 0 for the first one.
    pub begins_at: u64,
    /// The event that ended it, which the key may still read; `None` while it is current.
    pub ended_at: Option<u64>,
    /// Chain hash of the event that ended it; all zero while it is current. Who holds an ended
    /// key is told this much of where the mailbox stands, and nothing later.
    pub ended_hash: Digest,
    /// Until when it serves, as its commit set it, Unix milliseconds.
    pub lease: u64,
}

impl Mailbox {
    /// Until when the current access key serves: its lease, bounded by the owner's ceiling.
    pub fn ends(&self) -> u64 {
        self.head.lease.min(self.profile.ceiling)
    }

    /// Whether access to this mailbox is over at `now`.
    pub fn is_over(&self, now: u64) -> bool {
        self.profile.kind == MailboxKind::Shared && now > self.ends()
    }

    /// Whether nothing may be erased, dropped or let go at `now`.
    pub fn is_protected(&self, now: u64) -> bool {
        self.profile.policy.hold || now < self.profile.policy.no_erase_before
    }

    /// Where it stands, for a refusal. `winner` is explained at [`Standing::winner`].
    pub fn standing(&self, winner: u64) -> Standing {
        let h = &self.head;
        Standing {
            branch: h.branch,
            epoch: h.epoch,
            seq: h.seq,
            hash: h.hash,
            winner,
        }
    }

    /// Where it stands as the holder of an access key may know it: an ended key learns of the
    /// event that ended it and of nothing later.
    pub fn standing_for(&self, record: &AccessRecord, branch: u32, epoch: u64) -> Standing {
        match record.ended_at {
            None => self.standing(0),
            Some(seq) => Standing {
                branch,
                epoch: epoch.saturating_add(1),
                seq,
                hash: record.ended_hash,
                winner: seq,
            },
        }
    }

    /// Where a reader who has read everything stands.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            seq: self.head.seq,
            hash: self.head.hash,
        }
    }

    /// The class; an unknown number has the narrowest bounds.
    pub fn class(&self) -> &'static Class {
        class::by_number(self.profile.class).unwrap_or(&class::DEVICE)
    }

    /// Bytes and events that may be kept: policy and class, whichever is stricter.
    pub fn quota(&self) -> (u64, u64) {
        let (class, policy) = (self.class(), &self.profile.policy);
        (
            policy.max_bytes.min(class.max_bytes),
            policy.max_events.min(class.max_events),
        )
    }

    /// Whether a contact may deposit here.
    pub fn may_deposit(&self, key: &PublicKey) -> bool {
        self.profile.deposit_keys.binary_search(key).is_ok()
    }
}
