//! The keys to which deposits are sealed: a new one every 30 days and whenever an endpoint goes,
//! the old ones kept while deposits to them may be under way, then destroyed (crypto profile, 5).

use telesphor_clinical::message::DepositMessage;
use telesphor_clinical::self_entry::{IntakeKeyEntry, SelfEntry};
use telesphor_vault::Table;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::seal::SealingKey;

use super::tend::DAY_MS;
use crate::core::records::{Acquaintance, Job, Padding};
use crate::core::{Ctx, names};
use crate::error::{Error, Result};

/// How long an intake key is told to contacts, milliseconds.
const LIFE_MS: u64 = 30 * DAY_MS;
/// How long it opens after a newer one took its place, milliseconds.
const GRACE_MS: u64 = 30 * DAY_MS;

/// A fresh key.
pub(crate) fn fresh_intake(now: u64) -> IntakeKeyEntry {
    IntakeKeyEntry {
        id: Digest(*Secret::random().expose()),
        key: SealingKey::generate(),
        until: now.saturating_add(LIFE_MS),
    }
}

/// What is left of the keys (newest first) at an instant. One that was replaced opens for a
/// while; the newest always does.
fn still_open(keys: Vec<IntakeKeyEntry>, now: u64) -> Vec<IntakeKeyEntry> {
    let mut keys = keys.into_iter();
    let newest = keys.next();
    let older = keys.filter(|key| key.until.saturating_add(GRACE_MS) > now);
    newest.into_iter().chain(older).collect()
}

impl Ctx<'_, '_> {
    /// Makes a new intake key and tells it to one's other endpoints and to every contact: every
    /// 30 days, and when an endpoint has gone that knew the old one.
    pub(crate) fn renew_intake_key(&mut self) -> Result<()> {
        self.new_intake_key()?;
        self.tell_intake_key()
    }

    /// Makes a new intake key; the contacts are told by whoever calls this.
    pub(crate) fn new_intake_key(&mut self) -> Result<()> {
        let mut keys = self.intake_keys()?;
        if let Some(newest) = keys.first_mut() {
            // Its grace begins when it is replaced, not when that was due.
            newest.until = self.now;
        }
        let fresh = fresh_intake(self.now);
        keys.insert(0, fresh.clone());
        self.put(Table::IdentityKeys, names::INTAKE_KEYS, &keys)?;
        self.own(SelfEntry::IntakeKey(fresh))
    }

    /// Tells the present intake key to every contact that was told another one.
    fn tell_intake_key(&mut self) -> Result<()> {
        let keys = self.intake_keys()?;
        let newest = keys.first().ok_or(Error::fault("intake key"))?.id;
        for mut known in self.all_known()? {
            let settled = !known.removed && known.state == Acquaintance::Settled;
            let Some(given) = known.contact.given.clone().filter(|_| settled) else {
                continue;
            };
            if given.intake.id == newest {
                continue;
            }
            let renewed = self.renewed_record(&given)?;
            known.contact.given = Some(Box::new(renewed.clone()));
            let id = known.contact.record.identity;
            self.put(Table::Contacts, &id.0, &known)?;
            let message = DepositMessage::Contact(Box::new(renewed));
            self.deposit_for(&id, message, Padding::Message, Job::Nothing(true))?;
        }
        Ok(())
    }

    /// Renews the key if that is due and destroys what nobody can mean any more. Only to be
    /// called when the personal mailbox has been read to its end: what lies there unread may be
    /// sealed to any of them.
    pub(crate) fn tend_intake_keys(&mut self) -> Result<()> {
        let keys = self.intake_keys()?;
        match keys.first().is_none_or(|newest| newest.until <= self.now) {
            true => self.renew_intake_key()?,
            // Somebody may have been told the old one since: by an invitation made before.
            false => self.tell_intake_key()?,
        }
        let before = self.intake_keys()?;
        let count = before.len();
        let open = still_open(before, self.now);
        if open.len() < count {
            self.put(Table::IdentityKeys, names::INTAKE_KEYS, &open)?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::testing::Paper;

    #[test]
    fn an_intake_key_is_renewed_in_time_and_the_old_one_destroyed_only_when_nobody_can_mean_it() {
        let mut paper = Paper::new();
        let mut core = paper.person("aino");
        let inbox = core.profile.inbox.unwrap();
        paper.show(&mut core, inbox).unwrap();
        core.index.followed.get_mut(&inbox).unwrap().head = Some(0);
        let keys = |core: &mut crate::core::Core| {
            core.write(|ctx| ctx.tend_intake_keys()).unwrap();
            core.write(|ctx| ctx.intake_keys()).unwrap()
        };
        let later = |days: u64| paper.clock.fetch_add(days * DAY_MS, Ordering::SeqCst);
        let first = keys(&mut core);
        assert_eq!(first.len(), 1);
        later(31);
        let second = keys(&mut core);
        assert_eq!(second.len(), 2, "a new one, and the old one still opens");
        assert_ne!(second[0].id, first[0].id);
        assert_eq!(second[1].id, first[0].id);
        later(29);
        assert_eq!(keys(&mut core).len(), 2, "it opens for 30 days more");
        later(1);
        let third = keys(&mut core);
        assert_eq!(third.len(), 2);
        assert!(third.iter().all(|k| k.id != first[0].id), "destroyed");
    }
}
