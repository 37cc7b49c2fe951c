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
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}
