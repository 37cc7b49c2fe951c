//! Key packages left for contacts: sealed for one contact each, topped up before they run out.

use telesphor_clinical::contact::ContactRecord;
use telesphor_sealing::limits::{LAST_RESORT_LIFE_MS, PACKAGE_LIFE_MS};
use telesphor_sealing::package::{PackageHandle, forget_packages, make_packages, seal_package};
use telesphor_sealing::{PackageAddress, Suite};
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::command::{OwnerAct, PublishKeyPackages};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::SigningKey;

use crate::core::Ctx;
use crate::core::records::{Job, Known};
use crate::error::{Error, Result};
use crate::group::rows::{Rows, apply};
use crate::mailbox::owner::COMMAND_LIFE_MS;
use crate::mailbox::tend::DAY_MS;

/// Key packages left for a contact at once.
pub(crate) const STOCK: u32 = 4;
/// Below this the stock is topped up.
const LOW: u32 = 2;
/// After so long the last-resort package is replaced, milliseconds (20 days): it lives 30, and one
/// with less than a week left is not taken.
const LAST_RESORT_MS: u64 = 20 * DAY_MS;
/// After so long what nobody took is replaced, milliseconds (70 days of 84).
const STOCK_MS: u64 = 70 * DAY_MS;
/// Private halves looked at in one go.
const LOOK_AT: usize = 256;

impl Ctx<'_, '_> {
    /// Leaves key packages for whoever holds the deposit key of a record that was given.
    pub(crate) fn leave_packages(&mut self, given: &ContactRecord, after: Option<u64>) -> Result<u64> {
        self.leave(given, STOCK, after)
    }

    /// Leaves `count` key packages, and a last-resort one in the place of the one before.
    fn leave(&mut self, given: &ContactRecord, count: u32, after: Option<u64>) -> Result<u64> {
        let address = given.addresses.first().ok_or(Error::fault("address"))?;
        let to = PackageAddress {
            mailbox: address.mailbox,
            contact: SigningKey::from_seed(&address.deposit_seed).public(),
        };
        let mut sealed = Vec::new();
        for (count, last_resort) in [(count as usize, false), (1, true)] {
            let step = make_packages(
                &Rows(self.tx),
                &self.keys.member,
                Suite::default(),
                count,
                last_resort,
                self.now,
            )?;
            for package in step.commit(|diff, _| apply(self.tx, diff))? {
                let life = if last_resort {
                    LAST_RESORT_LIFE_MS
                } else {
                    PACKAGE_LIFE_MS
                };
                self.push(
                    Table::Scratch,
                    made_list(last_resort),
                    &(self.now + life, package.handle()),
                )?;
                sealed.push(seal_package(
                    &package,
                    &self.keys.member,
                    &self.keys.endpoint,
                    &to,
                    &given.contact_secret,
                )?);
            }
        }
        let last_resort = sealed.pop();
        let act = OwnerAct::PublishKeyPackages(PublishKeyPackages {
            contact: to.contact,
            packages: sealed,
            last_resort,
        });
        self.enqueue_act(to.mailbox, act, Job::Nothing(true), after)
    }

    /// One package less: more are left if few remain.
    pub(crate) fn top_up(&mut self, contact: &IdentityId) -> Result<()> {
        let Some(mut known) = self.get::<Known>(Table::Contacts, &contact.0)? else {
            return Ok(());
        };
        let Some(given) = known.contact.given.clone() else {
            return Ok(());
        };
        if known.packages >= LOW {
            return Ok(());
        }
        self.leave(&given, STOCK, None)?;
        known.packages += STOCK;
        known.stocked = self.now;
        known.last_resort = self.now;
        self.put(Table::Contacts, &contact.0, &known)
    }

    /// Replaces what grows old, for every contact, and deletes private halves whose time is over.
    pub(crate) fn tend_packages(&mut self) -> Result<()> {
        for mut known in self.all_known()? {
            let Some(given) = known.contact.given.clone() else {
                continue;
            };
            let old = self.now.saturating_sub(known.stocked) >= STOCK_MS;
            let worn = self.now.saturating_sub(known.last_resort) >= LAST_RESORT_MS;
            if known.removed || !(old || worn || known.packages < LOW) {
                continue;
            }
            let count = match (old, known.packages < LOW) {
                (true, _) => STOCK,
                (_, true) => STOCK - known.packages,
                _ => 0,
            };
            self.leave(&given, count, None)?;
            known.packages = if old { STOCK } else { known.packages + count };
            if count > 0 {
                known.stocked = self.now;
            }
            known.last_resort = self.now;
            let id = known.contact.record.identity;
            self.put(Table::Contacts, &id.0, &known)?;
        }
        for last_resort in [false, true] {
            self.forget_old(last_resort)?;
        }
        Ok(())
    }

    fn forget_old(&mut self, last_resort: bool) -> Result<()> {
        let mut gone = Vec::new();
        for (position, bytes) in self
            .tx
            .range(Table::Scratch, made_list(last_resort), 0, LOOK_AT)?
        {
            let (end, handle): (u64, PackageHandle) =
                canonical::decode(&bytes).map_err(|_| Error::fault("package list"))?;
            // A Welcome for it may be under way for as long as commands live.
            if end.saturating_add(COMMAND_LIFE_MS) > self.now {
                break;
            }
            self.tx
                .delete_at(Table::Scratch, made_list(last_resort), position)?;
            gone.push(handle);
        }
        forget_packages(&gone).commit(|diff, ()| apply(self.tx, diff))
    }
}

const fn made_list(last_resort: bool) -> &'static [u8] {
    if last_resort {
        b"packages-last"
    } else {
        b"packages"
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::core::Core;
    use crate::core::records::What;
    use crate::testing::{Paper, Told};

    fn stock(core: &mut Core) -> u32 {
        core.write(|ctx| Ok(ctx.all_known()?[0].packages)).unwrap()
    }

    #[test]
    fn a_contact_always_finds_a_package_that_is_not_too_old() {
        let mut paper = Paper::new();
        let (mut aino, mut doctor) = (paper.person("aino"), paper.person("doctor"));
        paper.tell(&mut aino, &mut doctor, Told::Both);
        let mut tend = |days: u64| {
            paper.clock.fetch_add(days * DAY_MS, Ordering::SeqCst);
            aino.write(|ctx| ctx.tend_packages()).unwrap();
            let left = paper.published(&mut aino);
            (
                left.iter().map(|p| p.packages.len()).sum::<usize>(),
                left.iter().any(|p| p.last_resort.is_some()),
            )
        };
        assert_eq!(tend(19), (0, false), "all of it is fresh");
        assert_eq!(
            tend(1),
            (0, true),
            "the last resort lives 30 days and is replaced in time"
        );
        assert_eq!(tend(20), (0, true));
        assert_eq!(
            tend(30),
            (STOCK as usize, true),
            "what nobody took in 70 days is replaced"
        );
        assert_eq!(tend(1), (0, false));
        assert_eq!(stock(&mut aino), STOCK);
    }

    #[test]
    fn whoever_joins_by_the_last_resort_brings_fresh_keys_and_leaves_new_packages_at_once() {
        let mut paper = Paper::new();
        let (mut aino, mut doctor) = (paper.person("aino"), paper.person("doctor"));
        let told = paper.tell(&mut aino, &mut doctor, Told::Both);
        paper.converse(&mut doctor, &told, true);
        let inbox = aino.profile.inbox.unwrap();
        paper.show(&mut aino, inbox).unwrap();
        assert_eq!(stock(&mut aino), STOCK, "counted down to none, and filled up");
        let queued: Vec<crate::core::records::Entry> = aino
            .write(|ctx| {
                let all = ctx.tx.range(Table::Outbox, crate::core::names::OUTBOX, 0, 64)?;
                Ok(all
                    .iter()
                    .map(|(_, bytes)| canonical::decode(bytes).unwrap())
                    .collect())
            })
            .unwrap();
        assert!(
            queued.iter().any(|e| matches!(e.job, Job::Commit(_))),
            "fresh keys"
        );
        assert!(queued.iter().any(|e| matches!(&e.what, What::Owner(say)
            if matches!(&say.act, OwnerAct::PublishKeyPackages(p) if p.packages.len() == STOCK as usize))));
        // The commit counts when it is ordered, and both go on in the new epoch.
        paper.carry(&mut aino);
        let conversation = aino
            .write(|ctx| Ok(ctx.all_known()?[0].conversations[0]))
            .unwrap();
        for core in [&mut aino, &mut doctor] {
            paper.show(core, conversation).unwrap();
            assert_eq!(core.index.followed[&conversation].epoch, 2);
        }
    }
}
