//! A mailbox being changed by one command, and the event that the command appends.

use std::sync::Arc;

use telesphor_wire::answer::Refusal;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::mailbox::{EventHeader, EventKind, link, payload_hash};

use crate::decide::Case;
use crate::effects::{Changed, Decision, Effects, Gave, NewEvent, StockChange};
use crate::facts::Facts;
use crate::retain::{self, Room};
use crate::state::{AccessRecord, Hole, Mailbox, Profile};

/// A mailbox on its way from one state to the next. Dropping it changes nothing.
pub(crate) struct Draft {
    pub(crate) mailbox: Mailbox,
    before: Option<Arc<Profile>>,
    event: Option<NewEvent>,
    pub(crate) access: Vec<(u32, u64, AccessRecord)>,
    pub(crate) release: Vec<Hole>,
    pub(crate) stock: Vec<StockChange>,
    pub(crate) spent: Option<(Digest, u64)>,
}

/// What an event says of itself; the rest of its header follows from the mailbox.
pub(crate) struct Words {
    pub(crate) kind: EventKind,
    pub(crate) branch: u32,
    pub(crate) epoch: u64,
}

impl Draft {
    /// Begins with a mailbox as it stands.
    pub(crate) fn of(mailbox: Mailbox) -> Self {
        let before = Some(mailbox.profile.clone());
        Self {
            before,
            ..Self::opening(mailbox)
        }
    }

    /// Begins with a mailbox that this command opens.
    pub(crate) fn opening(mailbox: Mailbox) -> Self {
        Self {
            mailbox,
            before: None,
            event: None,
            access: Vec::new(),
            release: Vec::new(),
            stock: Vec::new(),
            spent: None,
        }
    }

    /// The profile, to be changed.
    pub(crate) fn profile(&mut self) -> &mut Profile {
        Arc::make_mut(&mut self.mailbox.profile)
    }

    /// Appends the event of a deposit, whose payload stays where it is.
    pub(crate) fn append_deposit<F: Facts>(
        &mut self,
        case: &Case<'_, F>,
        words: Words,
        len: usize,
    ) -> Result<(), Refusal> {
        self.append(case, words, len, case.prepared.payload, None, Room::Quota)
    }

    /// Appends an event that the rules make out of a command.
    pub(crate) fn append_own<F: Facts>(
        &mut self,
        case: &Case<'_, F>,
        words: Words,
        payload: Vec<u8>,
        room: Room,
    ) -> Result<(), Refusal> {
        let hash = payload_hash(&payload);
        self.append(case, words, payload.len(), hash, Some(Bytes(payload)), room)
    }

    fn append<F: Facts>(
        &mut self,
        case: &Case<'_, F>,
        words: Words,
        len: usize,
        payload_hash: Digest,
        payload: Option<Bytes>,
        room: Room,
    ) -> Result<(), Refusal> {
        let size = u32::try_from(len).map_err(|_| ErrorCode::TooLarge)?;
        retain::make_room(case, self, u64::from(size), room)?;
        let head = &mut self.mailbox.head;
        let seq = head.seq.checked_add(1).ok_or(ErrorCode::Internal)?;
        let total = head
            .total
            .checked_add(u64::from(size))
            .ok_or(ErrorCode::Internal)?;
        let stamp = case.at.now.max(head.stamp);
        let header = EventHeader {
            seq,
            kind: words.kind,
            branch: words.branch,
            epoch: words.epoch,
            stamp,
            size,
            ext: Extensions::none(),
        };
        head.seq = seq;
        head.hash = link(&head.hash, &header, &payload_hash);
        head.stamp = stamp;
        head.total = total;
        head.kept_bytes = head.kept_bytes.saturating_add(u64::from(size));
        head.kept_events = head.kept_events.saturating_add(1);
        head.oldest = head.oldest.min(stamp);
        self.event = Some(NewEvent {
            header,
            payload_hash,
            total,
            payload,
        });
        Ok(())
    }

    /// The decision to carry it out.
    pub(crate) fn accept<F>(self, case: &Case<'_, F>, gave: Gave) -> Decision {
        let profile_changed = !self
            .before
            .as_ref()
            .is_some_and(|b| Arc::ptr_eq(b, &self.mailbox.profile));
        let changed = Changed {
            id: self.mailbox.id,
            head: self.mailbox.head,
            opened: self.before.is_none(),
            profile: self.mailbox.profile,
            profile_changed,
        };
        Decision::Accepted(Box::new(Effects {
            mailbox: Some(changed),
            event: self.event,
            access: self.access,
            release: self.release,
            stock: self.stock,
            spent: self.spent,
            ..case.effects(gave)
        }))
    }
}
