//! Telling a newcomer everything: what is so now, as entries of the self mailbox. The other
//! endpoints read the same entries and find nothing new in them.

use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::own_device::{BackupEntry, VoucherShare};
use telesphor_clinical::self_entry::SelfEntry;
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::SignedVoucher;
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::mailbox::MailboxKind;
use telesphor_wire::sign::PublicKey;

use super::mailboxes::{concerns_all, owner_entry, room_entry};
use crate::attest::trust::anchors;
use crate::core::records::{Held, Job, MailboxState, Padding};
use crate::core::{Ctx, names};
use crate::documents::keep::all_kept;
use crate::documents::show::all_sent;
use crate::error::{Error, Result};

/// Vouchers that an endpoint keeps for itself when it shares.
const KEPT_VOUCHERS: usize = 4;

impl Ctx<'_, '_> {
    /// Says everything that a new endpoint must know, in an order in which each entry finds what
    /// it needs: keys, people, mailboxes, contacts, grants, documents, groups.
    pub(crate) fn brief(&mut self, endpoint: PublicKey) -> Result<()> {
        let own = self.profile.own.ok_or(Error::fault("self mailbox"))?;
        self.brief_keys()?;
        self.brief_people(own)?;
        self.share_vouchers(endpoint)?;
        let mailboxes = self.open_mailboxes()?;
        for held in mailboxes.iter().filter(|h| h.kind == MailboxKind::Personal) {
            self.describe_mailbox(held)?;
        }
        for known in self.all_known()? {
            if !known.removed {
                self.own(SelfEntry::Contact(Box::new(known.contact)))?;
            }
        }
        for anchor in anchors(self.tx)? {
            self.own(SelfEntry::Anchor(canonical::encode(&anchor).into()))?;
        }
        for kept in all_kept(self.tx)? {
            self.describe_record(&kept)?;
        }
        for kept in crate::mandates::record::all_mandates(self.tx)? {
            self.own(SelfEntry::Mandate(Box::new(kept.signed)))?;
        }
        self.brief_grants()?;
        for sent in all_sent(self.tx)? {
            self.describe_sent(&sent)?;
        }
        self.brief_answers()?;
        self.brief_place()?;
        for held in mailboxes.iter().filter(|h| h.kind == MailboxKind::Shared) {
            self.tell_group(held)?;
        }
        self.brief_teams()
    }

    fn tell_group(&mut self, held: &Held) -> Result<()> {
        use telesphor_clinical::self_entry::MailboxUse;
        match held.used {
            _ if !concerns_all(held) => Ok(()),
            // The newcomer sits there already; whoever is left must be able to own it.
            MailboxUse::Own => match &held.owner {
                Some(owner) => self.own(owner_entry(held.id, owner)),
                None => Ok(()),
            },
            _ => self.describe_mailbox(held),
        }
    }

    fn brief_keys(&mut self) -> Result<()> {
        let stored = self.keys.stored.clone();
        if let Some(root) = stored.root {
            self.own(SelfEntry::RootSecret(root))?;
        }
        if let Some(key) = stored.backup {
            self.own(SelfEntry::Backup(BackupEntry {
                key,
                mailbox: self.profile.backup,
            }))?;
        }
        if let Some(guarded) = stored.guarded {
            self.own(SelfEntry::IdentityKey(canonical::encode(&guarded).into()))?;
        }
        for key in self.intake_keys()? {
            self.own(SelfEntry::IntakeKey(key))?;
        }
        Ok(())
    }

    /// Histories, attestations and status lists: they prove themselves, whoever brings them.
    fn brief_people(&mut self, own: MailboxId) -> Result<()> {
        let mut people: Vec<IdentityId> = Vec::new();
        for (name, _) in self.tx.scan(Table::Histories)? {
            people.extend(<[u8; 32]>::try_from(name.as_slice()).ok().map(IdentityId));
        }
        for id in people {
            let proofs = Bytes(self.proofs_about(&id)?.to_bytes());
            let padding = match Padding::Message.bucket().size_for(proofs.len() + 1024) {
                Some(_) => Padding::Message,
                None => Padding::Handshake,
            };
            self.say(
                own,
                &GroupMessage::Credentials(proofs),
                padding,
                Job::Nothing(true),
            )?;
        }
        Ok(())
    }

    /// Half of the permissions to open mailboxes go to the newcomer.
    fn share_vouchers(&mut self, endpoint: PublicKey) -> Result<()> {
        let all = self.tx.range(Table::Mailboxes, names::VOUCHERS, 0, 512)?;
        let keep = (all.len() / 2).max(KEPT_VOUCHERS);
        let mut vouchers = Vec::new();
        for (position, bytes) in all.into_iter().skip(keep) {
            self.tx.delete_at(Table::Mailboxes, names::VOUCHERS, position)?;
            vouchers.extend(canonical::decode::<SignedVoucher>(&bytes).ok());
        }
        if vouchers.is_empty() {
            return Ok(());
        }
        self.own(SelfEntry::Vouchers(VoucherShare { endpoint, vouchers }))
    }

    fn open_mailboxes(&self) -> Result<Vec<Held>> {
        let mut all = Vec::new();
        for (_, bytes) in self.tx.scan(Table::Mailboxes)? {
            if let Ok(held) = canonical::decode::<Held>(&bytes)
                && held.state == MailboxState::Open
            {
                all.push(held);
            }
        }
        Ok(all)
    }

    fn brief_grants(&mut self) -> Result<()> {
        use crate::sharing::give::Given;
        use telesphor_clinical::grant::SignedGrant;
        use telesphor_clinical::self_entry::GrantEnded;
        for (name, bytes) in self.tx.scan(Table::Grants)? {
            if let Ok(given) = canonical::decode::<Given>(&bytes) {
                let id = given.signed.grant.id();
                let room = room_entry(&given, self.profile.domain());
                self.own(SelfEntry::Grant(Box::new(given.signed)))?;
                self.own(room)?;
                if given.revoked.is_some() {
                    self.own(SelfEntry::GrantEnded(GrantEnded {
                        grant: id,
                        at: self.instant(),
                        why: None,
                        ext: telesphor_wire::ext::Extensions::none(),
                    }))?;
                }
            } else if name.len() == 32
                && let Ok(signed) = canonical::decode::<SignedGrant>(&bytes)
            {
                self.own(SelfEntry::Grant(Box::new(signed)))?;
            }
        }
        Ok(())
    }
}
