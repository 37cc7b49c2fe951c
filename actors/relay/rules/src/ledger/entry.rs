//! What a ledger entry remembers, and what each step makes of it.

use telesphor_wire::hash::Digest;
use telesphor_wire::ids::EntryId;
use telesphor_wire::ledger::{EntryStanding, Step, StepKind};
use telesphor_wire::limits::{RX_ENTRY_LIFE_MS, RX_PARTS};
use telesphor_wire::sign::PublicKey;

/// Parts that are set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// For whose key.
    pub key: PublicKey,
    /// How many.
    pub parts: u64,
    /// Until when, Unix milliseconds.
    pub until: u64,
}

/// A pharmacist's stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Whose.
    pub key: PublicKey,
    /// Until when, Unix milliseconds.
    pub until: u64,
}

/// One entry. Made by its first step; nothing in it says what it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When its first step was made, Unix milliseconds.
    pub opened: u64,
    /// Number of its last step.
    pub seq: u64,
    /// That step's hash.
    pub hash: Digest,
    /// Parts handed over. Never more than there are.
    pub confirmed: u64,
    /// Parts supplied without the ledger beyond what there was.
    pub over: u64,
    /// Keys that ever reserved or settled.
    pub fills: u32,
    /// When the prescriber ended it; 0 if not.
    pub cancelled: u64,
    /// The step that did so; 0 if none has.
    pub cancelled_by: u64,
    /// A pharmacist's stop.
    pub hold: Option<Hold>,
    /// What is set aside, at most four; those whose time is over give way to new ones.
    pub open: Vec<Reservation>,
}

/// What is known of one key in one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Parts of its ticket.
    pub parts: u64,
    /// The step that reserved or settled them.
    pub began: u64,
    /// The step that confirmed or released them; 0 if none has, and for what was settled.
    pub ended: u64,
    /// How they stand.
    pub state: FillState,
    /// The step that stopped the entry; 0 if this key never did.
    pub held: u64,
    /// The step that ended that stop; 0 if none has.
    pub lifted: u64,
}

/// How the parts of one key stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillState {
    /// Set aside, or let go by time.
    Reserved,
    /// Handed over.
    Confirmed,
    /// Let go by its pharmacy.
    Released,
    /// Supplied without the ledger.
    Settled,
}

impl Entry {
    /// Before its first step, at an instant.
    pub fn new(id: &EntryId, now: u64) -> Self {
        Self {
            opened: now,
            seq: 0,
            hash: Digest(id.0),
            confirmed: 0,
            over: 0,
            fills: 0,
            cancelled: 0,
            cancelled_by: 0,
            hold: None,
            open: Vec::new(),
        }
    }

    /// The instant after which it takes part in nothing.
    pub fn ends(&self) -> u64 {
        self.opened.saturating_add(RX_ENTRY_LIFE_MS)
    }

    /// How long the entry itself is remembered: so long that no step of it can outlive it in a
    /// batch whose age is known, and that nobody opens it a second time meanwhile.
    pub fn kept_until(&self) -> u64 {
        self.ends().saturating_add(RX_ENTRY_LIFE_MS)
    }

    /// Parts that are not handed over.
    pub fn left(&self) -> u64 {
        RX_PARTS.saturating_sub(self.confirmed)
    }

    /// Reservations that run at `now`.
    pub fn running(&self, now: u64) -> impl Iterator<Item = &Reservation> {
        self.open.iter().filter(move |r| now <= r.until)
    }

    /// Parts set aside at `now`.
    pub fn reserved(&self, now: u64) -> u64 {
        self.running(now).fold(0, |sum, r| sum.saturating_add(r.parts))
    }

    /// Parts that can be reserved at `now`.
    pub fn free(&self, now: u64) -> u64 {
        match self.cancelled_by {
            0 => self.left().saturating_sub(self.reserved(now)),
            _ => 0,
        }
    }

    /// The stop that runs at `now`.
    pub fn held(&self, now: u64) -> Option<&Hold> {
        self.hold.as_ref().filter(|h| now <= h.until)
    }

    /// How it stands at `now`.
    pub fn standing(&self, now: u64) -> EntryStanding {
        EntryStanding {
            now,
            free: self.free(now),
            confirmed: self.confirmed,
            reserved: self.reserved(now),
            next_free: self.running(now).map(|r| r.until).min().unwrap_or(0),
            over: self.over,
            held_until: self.held(now).map_or(0, |h| h.until),
            cancelled: self.cancelled,
        }
    }

    /// The entry after a step, if the step follows the last one and keeps what always holds: no
    /// more is handed over than there is. Whether it was *allowed* is decided elsewhere.
    pub fn after(&self, step: &Step) -> Option<Self> {
        if step.seq != self.seq.checked_add(1)? || step.previous != self.hash {
            return None;
        }
        let mut next = self.clone();
        next.seq = step.seq;
        next.hash = step.digest();
        match step.kind {
            StepKind::Reserved => {
                next.open.retain(|r| step.stamp <= r.until);
                next.open.push(Reservation {
                    key: step.key,
                    parts: step.parts,
                    until: step.until,
                });
                next.fills = next.fills.checked_add(1)?;
            }
            StepKind::Confirmed => {
                next.let_go(&step.key);
                next.confirmed = next.confirmed.checked_add(step.parts)?;
            }
            StepKind::Released => next.let_go(&step.key),
            StepKind::Cancelled => {
                next.cancelled = step.stamp;
                next.cancelled_by = step.seq;
                next.open.clear();
            }
            StepKind::Held => {
                next.hold = Some(Hold {
                    key: step.key,
                    until: step.until,
                });
            }
            StepKind::Lifted => next.hold = None,
            StepKind::Settled => {
                next.confirmed = next.confirmed.checked_add(step.parts.checked_sub(step.over)?)?;
                next.over = next.over.checked_add(step.over)?;
                next.fills = next.fills.checked_add(1)?;
            }
        }
        (next.confirmed <= RX_PARTS).then_some(next)
    }

    fn let_go(&mut self, key: &PublicKey) {
        self.open.retain(|r| r.key != *key);
    }
}

impl Fill {
    /// What a step makes of the record of its key; `None` where the two do not fit, and for a
    /// step that no fill made.
    pub fn after(before: Option<&Self>, step: &Step) -> Option<Self> {
        let began = |state| Self {
            parts: step.parts,
            began: step.seq,
            ended: 0,
            state,
            held: 0,
            lifted: 0,
        };
        match (step.kind, before) {
            (StepKind::Reserved, None) => Some(began(FillState::Reserved)),
            (StepKind::Settled, None) => Some(began(FillState::Settled)),
            (StepKind::Confirmed | StepKind::Released, Some(fill))
                if fill.state == FillState::Reserved && fill.parts == step.parts =>
            {
                Some(Self {
                    ended: step.seq,
                    state: match step.kind {
                        StepKind::Confirmed => FillState::Confirmed,
                        _ => FillState::Released,
                    },
                    ..*fill
                })
            }
            (StepKind::Held, Some(fill)) if fill.held == 0 => Some(Self {
                held: step.seq,
                ..*fill
            }),
            (StepKind::Lifted, Some(fill)) if fill.held != 0 && fill.lifted == 0 => Some(Self {
                lifted: step.seq,
                ..*fill
            }),
            _ => None,
        }
    }
}
