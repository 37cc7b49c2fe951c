//! Letting go of what is needed no more: ciphertext that was kept for a relay which loses its
//! newest events, and the keys that showed this endpoint at the relay in epochs long over.
//!
//! MLS itself keeps nothing of an epoch that has ended. Its access key is kept as long as
//! something sealed in it may have to be offered again: no longer than the relay remembers ids.

use std::collections::HashMap;

use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::MailboxKind;

use super::rows::Rows;
use crate::core::records::{Archived, Entry, Held, Via};
use crate::core::{Ctx, names};
use crate::error::{Error, Result};
use crate::sync::reoffer::KEEP_MS;

/// Entries looked at in one go. The oldest epoch is among the first: they lie in the order in
/// which they were answered.
const PAGE: usize = 256;

/// An epoch on a branch.
type Place = (u32, u64);

impl Ctx<'_, '_> {
    /// Forgets ciphertext past its time, and the access keys that nothing needs any more.
    pub(crate) fn tend_epochs(&mut self) -> Result<()> {
        let under_way = self.sealed_places()?;
        let mut lists: Vec<MailboxId> = Vec::new();
        for known in self.all_known()? {
            lists.extend(known.contact.record.addresses.iter().map(|a| a.mailbox));
        }
        let mut groups = Vec::new();
        for (_, bytes) in self.tx.scan(Table::Mailboxes)? {
            let Ok(held) = canonical::decode::<Held>(&bytes) else {
                continue;
            };
            lists.push(held.id);
            if held.kind == MailboxKind::Shared {
                groups.push(held);
            }
        }
        lists.sort_unstable();
        lists.dedup();
        let mut kept = HashMap::new();
        for mailbox in lists {
            kept.extend(self.trim_archive(&mailbox)?.map(|place| (mailbox, place)));
        }
        for held in groups {
            let needed = [kept.get(&held.id), under_way.get(&held.id)];
            let oldest = needed.into_iter().flatten().min().copied();
            let (branch, epoch) = oldest.unwrap_or((held.branch, held.epoch));
            let Some(session) = self.lend_group(&held.id)? else {
                continue;
            };
            if session.kept_epochs().first() < Some(&(branch, epoch)) {
                let step = session.forget_epochs(&Rows(self.tx), branch, epoch)?;
                self.write_group(step)?;
            }
        }
        Ok(())
    }

    /// Of each group the oldest epoch in which something was sealed that is not settled yet.
    fn sealed_places(&self) -> Result<HashMap<MailboxId, Place>> {
        let mut places = HashMap::new();
        for (_, bytes) in self.tx.range(Table::Outbox, names::OUTBOX, 0, usize::MAX)? {
            let entry: Entry = canonical::decode(&bytes).map_err(|_| Error::fault("outbox"))?;
            if let Via::Member(member) = entry.via {
                let place = (member.branch, member.epoch);
                let oldest = places.entry(member.mailbox).or_insert(place);
                *oldest = place.min(*oldest);
            }
        }
        Ok(places)
    }

    /// Drops what is past its time; gives the oldest epoch of what stays.
    fn trim_archive(&mut self, mailbox: &MailboxId) -> Result<Option<Place>> {
        let list = names::archive(mailbox);
        loop {
            let page = self.tx.range(Table::Scratch, &list, 0, PAGE)?;
            let (all, mut dropped, mut oldest) = (page.len(), 0, None);
            for (position, bytes) in page {
                let archived: Archived = canonical::decode(&bytes).map_err(|_| Error::fault("archive"))?;
                if archived.at.saturating_add(KEEP_MS) < self.now {
                    self.tx.delete_at(Table::Scratch, &list, position)?;
                    dropped += 1;
                } else if let Via::Member(member) = archived.via {
                    let place = (member.branch, member.epoch);
                    oldest = Some(oldest.map_or(place, |other: Place| other.min(place)));
                }
            }
            if dropped < all || all == 0 {
                return Ok(oldest);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::Ordering;

    use telesphor_sealing::GroupSession;
    use telesphor_vault::{Records, Table};

    use super::{KEEP_MS, Rows};
    use crate::core::names;
    use crate::testing::Paper;

    #[test]
    fn the_keys_of_an_epoch_are_kept_for_ever_or_go_while_something_sealed_in_it_may_go_again() {
        let mut paper = Paper::new();
        let mut core = paper.person("aino");
        let own = core.profile.own.unwrap();
        let epochs = |core: &crate::core::Core| {
            let snapshot = core.read().unwrap();
            let session = GroupSession::load(&Rows(&snapshot), own).unwrap().unwrap();
            session.kept_epochs()
        };
        let archived = |core: &crate::core::Core| {
            let list = names::archive(&own);
            core.read()
                .unwrap()
                .range(Table::Scratch, &list, 0, usize::MAX)
                .unwrap()
                .len()
        };
        for _ in 0..3 {
            core.write(|ctx| ctx.renew_leaf(&own)).unwrap();
            paper.carry(&mut core);
            paper.show(&mut core, own).unwrap();
            paper.carry(&mut core);
            paper.show(&mut core, own).unwrap();
        }
        let all = epochs(&core);
        assert_eq!(all.len(), 4, "{all:?}");
        core.write(|ctx| ctx.tend_epochs()).unwrap();
        // It announced itself in each of them, which a relay that was restored would be told again.
        assert!(
            epochs(&core).len() >= 3 && archived(&core) > 0,
            "{:?}",
            epochs(&core)
        );
        paper.clock.fetch_add(KEEP_MS + 1, Ordering::SeqCst);
        core.write(|ctx| ctx.tend_epochs()).unwrap();
        assert_eq!(epochs(&core), all[3..], "only the present one's");
        assert_eq!(archived(&core), 0, "nothing is kept for ever");
    }
}
