//! Live mailboxes in memory, bounded by bytes: an idle mailbox costs disk only.

use std::collections::HashMap;
use std::sync::Arc;

use telesphor_rules::state::{Head, Hole, Mailbox, Profile};
use telesphor_wire::ids::MailboxId;

/// Two generations: what is used stays or moves into the young one; when the young one is
/// full it grows old, and what was old goes. Ids are drawn by clients, so the map keeps the
/// standard, keyed hash.
pub(crate) struct Cache {
    young: HashMap<MailboxId, (Head, Arc<Profile>)>,
    old: HashMap<MailboxId, (Head, Arc<Profile>)>,
    young_bytes: usize,
    half: usize,
}

/// What an entry weighs besides its lists: key, head, map slot, profile.
const FIXED: usize = 32 + size_of::<Head>() + 48 + size_of::<Profile>() + 16;

fn weight(profile: &Profile) -> usize {
    FIXED
        + profile.deposit_keys.len() * 32
        + profile.policy.commit_keys.len() * 32
        + profile
            .policy
            .ext
            .iter()
            .map(|e| 40 + e.body.len())
            .sum::<usize>()
        + profile.holes.len() * size_of::<Hole>()
}

impl Cache {
    /// At most so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            young_bytes: 0,
            half: bytes / 2,
        }
    }

    /// A mailbox, if it is held.
    pub(crate) fn get(&mut self, id: &MailboxId) -> Option<Mailbox> {
        if let Some((head, profile)) = self.young.get(id) {
            return Some(Mailbox {
                id: *id,
                head: *head,
                profile: profile.clone(),
            });
        }
        let (head, profile) = self.old.remove(id)?;
        let mailbox = Mailbox {
            id: *id,
            head,
            profile,
        };
        self.put(&mailbox);
        Some(mailbox)
    }

    /// Holds a mailbox as it now stands.
    pub(crate) fn put(&mut self, mailbox: &Mailbox) {
        let added = weight(&mailbox.profile);
        if let Some((_, before)) = self
            .young
            .insert(mailbox.id, (mailbox.head, mailbox.profile.clone()))
        {
            self.young_bytes = self.young_bytes.saturating_sub(weight(&before));
        } else {
            self.old.remove(&mailbox.id);
        }
        self.young_bytes = self.young_bytes.saturating_add(added);
        if self.young_bytes > self.half {
            // Swapped and emptied, so that the room of the map is used again.
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
            self.young_bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telesphor_wire::hash::Digest;
    use telesphor_wire::mailbox::{MailboxKind, Policy};
    use telesphor_wire::sign::PublicKey;

    fn mailbox(n: u32, seq: u64) -> Mailbox {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&n.to_be_bytes());
        let key = PublicKey([1; 32]);
        Mailbox {
            id: MailboxId(id),
            head: Head {
                seq,
                hash: Digest([0; 32]),
                stamp: 0,
                branch: 0,
                epoch: 0,
                access: key,
                lease: 0,
                counter: 0,
                total: 0,
                kept_bytes: 0,
                kept_events: 0,
                acknowledged: 0,
                floor: 0,
                floor_total: 0,
                oldest: 0,
            },
            profile: Arc::new(Profile {
                kind: MailboxKind::Personal,
                genesis: Digest([0; 32]),
                min_suite: 0,
                class: 1,
                owner: key,
                next_owner: Digest([0; 32]),
                ceiling: 0,
                closed: false,
                cut_at: 0,
                packages: 0,
                policy: Policy::standard(),
                deposit_keys: vec![key; 8],
                holes: Vec::new(),
            }),
        }
    }

    #[test]
    fn a_million_mailboxes_do_not_fill_the_memory() {
        let each = weight(&mailbox(0, 0).profile);
        let mut cache = Cache::new(each * 100);
        for n in 0..1000 {
            cache.put(&mailbox(n, 1));
            assert!(cache.young.len() + cache.old.len() <= 101);
        }
        assert!(cache.get(&mailbox(0, 0).id).is_none());
        assert!(cache.get(&mailbox(999, 0).id).is_some());
    }

    #[test]
    fn a_mailbox_that_is_used_stays_and_is_never_shown_as_it_was() {
        let each = weight(&mailbox(0, 0).profile);
        let mut cache = Cache::new(each * 20);
        for n in 1..500u32 {
            cache.put(&mailbox(0, u64::from(n)));
            cache.put(&mailbox(n, 0));
            assert_eq!(
                cache.get(&mailbox(0, 0).id).map(|m| m.head.seq),
                Some(u64::from(n))
            );
        }
    }
}
