//! Whom the owner of a large team has still to hear from: who has not said yet under which key it
//! appears at the relay in an epoch (0071).
//!
//! As long as somebody may still speak, a key that nobody announced is no alarm. As soon as
//! everybody has spoken, it is one, however short a time has passed.

use serde::{Deserialize, Serialize};
use telesphor_clinical::message::PseudonymAnnouncement;
use telesphor_vault::{Records, Table};
use telesphor_wire::ids::MailboxId;
use telesphor_wire::records::DeliveryRecord;
use telesphor_wire::sign::PublicKey;

use super::papers::{CROWD, SAID_MS};
use crate::core::Ctx;
use crate::core::records::Held;
use crate::error::Result;

/// Those of one epoch who have not spoken.
#[derive(Clone, Serialize, Deserialize)]
struct Unheard {
    branch: u32,
    epoch: u64,
    /// Until when it is waited for them, Unix milliseconds.
    until: u64,
    /// Their devices.
    who: Vec<PublicKey>,
}

fn name(mailbox: &MailboxId) -> Vec<u8> {
    [b"team-unheard/", &mailbox.0[..]].concat()
}

fn read(records: &impl Records, mailbox: &MailboxId) -> Result<Vec<Unheard>> {
    Ok(records
        .get_value(Table::Groups, &name(mailbox))?
        .unwrap_or_default())
}

/// Whether a member of the epoch in which something was fetched may still have to say under which
/// key it appears in it.
pub(crate) fn may_be_unsaid(records: &impl Records, record: &DeliveryRecord, now: u64) -> Result<bool> {
    let there = |u: &Unheard| (u.branch, u.epoch) == (record.branch, record.epoch);
    let all = read(records, &record.mailbox)?;
    Ok(all.iter().any(|u| there(u) && now < u.until))
}

impl Ctx<'_, '_> {
    /// An epoch of a team has begun: its owner notes whom it will hear from by and by. In a small
    /// team they speak at once, unless they hold words since it was larger.
    pub(crate) fn listen_for_all(&mut self, held: &Held) -> Result<()> {
        if held.owner.is_none() {
            return Ok(());
        }
        let Some(seats) = self.look_group(&held.id, telesphor_sealing::GroupSession::members)? else {
            return Ok(());
        };
        let here = self.keys.endpoint.public();
        let who = seats?.into_iter().map(|seat| seat.member.endpoint);
        let who: Vec<PublicKey> = who.filter(|key| *key != here).collect();
        self.listen_for(&held.id, held.branch, held.epoch, who)
    }

    fn listen_for(
        &mut self,
        mailbox: &MailboxId,
        branch: u32,
        epoch: u64,
        who: Vec<PublicKey>,
    ) -> Result<()> {
        let mut all = read(self.tx, mailbox)?;
        all.retain(|u| self.now < u.until);
        // The owner's own device sits there too.
        if who.len() + 1 >= CROWD || !all.is_empty() {
            all.push(Unheard {
                branch,
                epoch,
                until: self.now + SAID_MS,
                who,
            });
        }
        self.put(Table::Groups, &name(mailbox), &all)
    }

    /// A device has said under which key it appears in an epoch.
    pub(crate) fn has_spoken(&mut self, mailbox: &MailboxId, said: &PseudonymAnnouncement) -> Result<()> {
        let mut all = read(self.tx, mailbox)?;
        let there = |u: &Unheard| (u.branch, u.epoch) == (said.branch, said.epoch);
        let Some(epoch) = all.iter_mut().find(|u| there(u)) else {
            return Ok(());
        };
        epoch.who.retain(|key| *key != said.endpoint);
        all.retain(|u| !u.who.is_empty());
        self.put(Table::Groups, &name(mailbox), &all)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use telesphor_wire::ext::Extensions;
    use telesphor_wire::ids::Nonce;
    use telesphor_wire::session::Right;
    use telesphor_wire::sign::SigningKey;

    use super::*;
    use crate::core::Core;
    use crate::testing::Paper;

    fn keys(count: usize) -> Vec<PublicKey> {
        (0..count).map(|_| SigningKey::generate().public()).collect()
    }

    fn is_waited_for(core: &Core, mailbox: MailboxId, epoch: u64, now: u64) -> bool {
        let record = DeliveryRecord {
            mailbox,
            right: Right::Read,
            branch: 0,
            epoch,
            key: SigningKey::generate().public(),
            session: Nonce::random(),
            ranges: Vec::new(),
            payloads: 1,
            first: now,
            last: now,
            ext: Extensions::none(),
        };
        may_be_unsaid(&core.read().unwrap(), &record, now).unwrap()
    }

    #[test]
    fn a_thief_has_until_the_slowest_member_could_speak_although_all_have_spoken() {
        let mut core = Paper::new().person("aino");
        let own = core.profile.own.unwrap();
        let now = (core.clock)();
        let (few, many) = (keys(CROWD - 2), keys(CROWD - 1));
        let says = |core: &mut Core, epoch: u64, endpoint: PublicKey| {
            let said = PseudonymAnnouncement {
                branch: 0,
                epoch,
                identity: core.profile.identity,
                endpoint,
                pseudonym: SigningKey::generate().public(),
            };
            core.write(|ctx| ctx.has_spoken(&own, &said)).unwrap();
        };
        core.write(|ctx| ctx.listen_for(&own, 0, 3, few.clone())).unwrap();
        assert!(!is_waited_for(&core, own, 3, now), "few speak at once");

        core.write(|ctx| ctx.listen_for(&own, 0, 4, many.clone()))
            .unwrap();
        core.write(|ctx| ctx.listen_for(&own, 0, 5, few.clone())).unwrap();
        assert!(
            !is_waited_for(&core, own, 3, now),
            "of an epoch before all is said"
        );
        // They held their words since they were many; each epoch is waited for by itself.
        many.iter().for_each(|key| says(&mut core, 4, *key));
        assert!(!is_waited_for(&core, own, 4, now));
        assert!(is_waited_for(&core, own, 5, now));
        few[1..].iter().for_each(|key| says(&mut core, 5, *key));
        says(&mut core, 4, few[0]);
        assert!(is_waited_for(&core, own, 5, now), "one has not spoken");
        assert!(!is_waited_for(&core, own, 5, now + SAID_MS), "nor ever will");
        says(&mut core, 5, few[0]);
        assert!(!is_waited_for(&core, own, 5, now));
    }
}
