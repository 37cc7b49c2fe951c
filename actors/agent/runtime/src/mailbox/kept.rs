//! Letting the relay drop what it needs not keep any more of the personal mailbox.
//!
//! Whatever was read lies in this vault. The relay's copy still serves one's other endpoints, and
//! a device that is recovered from the kit: so what is in a durable backup may go (if nobody else
//! reads), or what is so old that no endpoint is away for that long, or all that was read before
//! the mailbox is full and nobody can write any more.

use serde::{Deserialize, Serialize};
use telesphor_vault::Table;
use telesphor_wire::command::OwnerAct;
use telesphor_wire::mailbox::{Event, Policy};

use super::tend::DAY_MS;
use crate::core::records::{Held, Job};
use crate::core::{Ctx, names};
use crate::error::Result;

/// What is older is not waited for by anybody, milliseconds.
const AWAY_MS: u64 = 60 * DAY_MS;
/// Days that are marked at most.
const MARKS: usize = 64;

/// What is known of what the relay keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Up to here the relay was told that it may let go.
    acknowledged: u64,
    /// The first event of each day in which something came, with its stamp.
    days: Vec<(u64, u64)>,
    /// Read since all was acknowledged.
    bytes: u64,
    events: u64,
}

impl Kept {
    fn note(&mut self, event: &Event) {
        let header = &event.header;
        self.bytes = self.bytes.saturating_add(u64::from(header.size));
        self.events = self.events.saturating_add(1);
        let another = |(_, at): &(u64, u64)| header.stamp >= at.saturating_add(DAY_MS);
        if self.days.last().is_none_or(another) {
            self.days.push((header.seq, header.stamp));
            if self.days.len() > MARKS {
                self.days.remove(0);
            }
        }
    }

    /// Up to where the relay may let go, if that is further than it knows.
    fn may_go(&self, read: u64, now: u64, policy: &Policy) -> Option<u64> {
        let full = self.bytes >= policy.max_bytes / 2 || self.events >= policy.max_events / 2;
        let old = self
            .days
            .iter()
            .rev()
            .find(|(_, at)| at.saturating_add(AWAY_MS) <= now)
            .map_or(0, |(seq, _)| seq.saturating_sub(1));
        let upto = if full { read } else { old.min(read) };
        (upto > self.acknowledged).then_some(upto)
    }
}

impl Ctx<'_, '_> {
    /// An event of the personal mailbox has come.
    pub(crate) fn count_inbox(&mut self, held: &Held, event: &Event) -> Result<()> {
        if self.profile.inbox != Some(held.id) {
            return Ok(());
        }
        let mut kept: Kept = self.get(Table::Scratch, names::INBOX)?.unwrap_or_default();
        kept.note(event);
        self.put(Table::Scratch, names::INBOX, &kept)
    }

    /// How far the personal mailbox has been read.
    pub(crate) fn inbox_at(&self) -> Result<u64> {
        match self.profile.inbox {
            Some(inbox) => Ok(self.cursor(&inbox)?.seq),
            None => Ok(0),
        }
    }

    /// Acknowledges what may go by its age or must for want of room.
    pub(crate) fn tend_inbox(&mut self) -> Result<()> {
        let kept: Kept = self.get(Table::Scratch, names::INBOX)?.unwrap_or_default();
        let policy = Policy::standard();
        match kept.may_go(self.inbox_at()?, self.now, &policy) {
            Some(upto) => self.acknowledge(upto, None),
            None => Ok(()),
        }
    }

    /// A backup that holds everything up to `seq` is on its way. Once it is durable, the relay
    /// needs not keep that for a recovery; other endpoints may still have to read it.
    pub(crate) fn backed_up(&mut self, seq: u64, after: Option<u64>) -> Result<()> {
        if self.endpoint_keys(&self.me())?.len() > 1 {
            return Ok(());
        }
        self.acknowledge(seq, after)
    }

    fn acknowledge(&mut self, upto: u64, after: Option<u64>) -> Result<()> {
        let Some(inbox) = self.profile.inbox else {
            return Ok(());
        };
        let mut kept: Kept = self.get(Table::Scratch, names::INBOX)?.unwrap_or_default();
        if upto <= kept.acknowledged {
            return Ok(());
        }
        kept.acknowledged = upto;
        kept.days.retain(|(seq, _)| *seq > upto);
        if upto == self.inbox_at()? {
            (kept.bytes, kept.events) = (0, 0);
        }
        self.put(Table::Scratch, names::INBOX, &kept)?;
        self.enqueue_act(inbox, OwnerAct::Acknowledge(upto), Job::Nothing(true), after)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use telesphor_wire::ext::Extensions;
    use telesphor_wire::hash::Digest;
    use telesphor_wire::mailbox::{EventHeader, EventKind};

    use super::*;

    fn came(kept: &mut Kept, seq: u64, day: u64, size: u32) {
        kept.note(&Event {
            header: EventHeader {
                seq,
                kind: EventKind::MESSAGE,
                branch: 0,
                epoch: 0,
                stamp: day * DAY_MS,
                size,
                ext: Extensions::none(),
            },
            payload_hash: Digest([0; 32]),
            payload: None,
        });
    }

    #[test]
    fn the_relay_keeps_what_an_endpoint_that_was_away_has_still_to_read() {
        let (mut kept, policy) = (Kept::default(), Policy::standard());
        for day in 1..=100 {
            came(&mut kept, day * 10, day, 2048);
        }
        assert_eq!(
            kept.may_go(1000, 100 * DAY_MS, &policy),
            Some(399),
            "older than 60 days"
        );
        kept.acknowledged = 399;
        assert_eq!(kept.may_go(1000, 100 * DAY_MS, &policy), None, "said once");
        assert_eq!(kept.may_go(1000, 101 * DAY_MS, &policy), Some(409));
        assert_eq!(
            kept.may_go(405, 101 * DAY_MS, &policy),
            Some(405),
            "never beyond what was read"
        );
        assert!(kept.days.len() <= MARKS);
    }

    #[test]
    fn a_mailbox_that_fills_up_is_relieved_before_nobody_can_write() {
        let (mut kept, policy) = (Kept::default(), Policy::standard());
        for seq in 1..=1024 {
            came(&mut kept, seq, 1, 1 << 20);
        }
        assert_eq!(kept.may_go(1024, DAY_MS, &policy), Some(1024));
    }
}
