//! For drills: every right at the relay that the keys in this vault prove.

use telesphor_sealing::GroupSession;
use telesphor_sealing::access::epoch_keys;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::sign::SigningKey;

use super::agent::Agent;
use crate::core::Core;
use crate::core::records::{Held, Known};
use crate::error::Result;
use crate::group::rows::Rows;
use crate::link::Credential;

impl Agent {
    /// Every right that this vault can prove now: as an owner with the present key and with the
    /// one committed to, as a member in every epoch whose keys are still here, as a depositor.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn credentials(&self) -> Result<Vec<Credential>> {
        self.shared.work(|core| core.credentials()).await
    }
}

impl Core {
    fn credentials(&self) -> Result<Vec<Credential>> {
        let snapshot = self.read()?;
        let mut all = Vec::new();
        for (_, bytes) in snapshot.scan(Table::Mailboxes)? {
            let Ok(held) = canonical::decode::<Held>(&bytes) else {
                continue;
            };
            if let Some(owner) = &held.owner {
                let next = SigningKey::from_seed(&owner.next_seed);
                all.extend([owner.key(), next].map(|key| Credential::owner(held.id, key)));
            }
            let Some(session) = GroupSession::load(&Rows(&snapshot), held.id)? else {
                continue;
            };
            for (branch, epoch) in session.kept_epochs() {
                let keys = epoch_keys(&Rows(&snapshot), held.id, branch, epoch)?;
                all.extend(
                    keys.map(|k| {
                        Credential::member(held.id, branch, epoch, k.access(), k.pseudonym().clone())
                    }),
                );
            }
        }
        for (_, bytes) in snapshot.scan(Table::Contacts)? {
            let Ok(known) = canonical::decode::<Known>(&bytes) else {
                continue;
            };
            let addresses = known.contact.record.addresses.iter();
            all.extend(
                addresses.map(|a| Credential::depositor(a.mailbox, SigningKey::from_seed(&a.deposit_seed))),
            );
        }
        Ok(all)
    }
}
