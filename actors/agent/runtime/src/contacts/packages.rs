//! Key packages left for contacts: sealed for one contact each, topped up before they run out.

use telesphor_clinical::contact::ContactRecord;
use telesphor_sealing::package::{make_packages, seal_package};
use telesphor_sealing::{PackageAddress, Suite};
use telesphor_vault::Table;
use telesphor_wire::command::{OwnerAct, PublishKeyPackages};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::SigningKey;

use crate::core::Ctx;
use crate::core::records::{Job, Known};
use crate::error::{Error, Result};
use crate::group::rows::{Rows, apply};

/// Key packages left for a contact at once.
pub(crate) const STOCK: u32 = 4;
/// Below this the stock is topped up.
const LOW: u32 = 2;

impl Ctx<'_, '_> {
    /// Leaves key packages for whoever holds the deposit key of a record that was given.
    pub(crate) fn leave_packages(&mut self, given: &ContactRecord, after: Option<u64>) -> Result<u64> {
        let address = given.addresses.first().ok_or(Error::fault("address"))?;
        let to = PackageAddress {
            mailbox: address.mailbox,
            contact: SigningKey::from_seed(&address.deposit_seed).public(),
        };
        let mut sealed = Vec::new();
        for (count, last_resort) in [(STOCK as usize, false), (1, true)] {
            let step = make_packages(
                &Rows(self.tx),
                &self.keys.member,
                Suite::default(),
                count,
                last_resort,
                self.now,
            )?;
            for package in step.commit(|diff, _| apply(self.tx, diff))? {
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
        self.leave_packages(&given, None)?;
        known.packages += STOCK;
        self.put(Table::Contacts, &contact.0, &known)
    }
}
