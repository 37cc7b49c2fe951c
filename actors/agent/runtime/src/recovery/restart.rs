//! The new device takes the identity over: new keys by the kit, every other endpoint ended, the
//! owner keys rotated, the contacts told.

use telesphor_clinical::message::DepositMessage;
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_identity::endpoint::{EndReason, SignedEndpoint};
use telesphor_identity::event::{Change, EndEndpoint, Rotation};
use telesphor_identity::history::History;
use telesphor_identity::keys::{KeySet, NextKeys};
use telesphor_identity::kit::RecoveryKit;
use telesphor_vault::{Records, Table, Vault};
use telesphor_wire::canonical;
use telesphor_wire::command::{OwnerAct, RotateOwner};
use telesphor_wire::domain::SignedDomainRecord;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::{Cursor, MailboxKind, next_key};
use telesphor_wire::sign::SigningKey;

use crate::api::agent::Passphrase;
use crate::api::create::{NewProfile, endpoint_record};
use crate::core::profile::StoredKeys;
use crate::core::records::{Acquaintance, Job, Known, MailboxState, Padding};
use crate::core::shared::clock;
use crate::core::{Core, Ctx, Profile, names};
use crate::endpoints::guard::guard_key;
use crate::endpoints::mailboxes::owner_entry;
use crate::error::{Error, Result};
use crate::people;
use crate::recovery::backup::BACKUP_USE;

/// Makes the identity's new keys and writes them over what the backup brought.
pub(crate) fn take_over(
    vault: &Vault,
    kit: &RecoveryKit,
    new: &NewProfile,
    home: SignedDomainRecord,
    passphrase: &Passphrase,
) -> Result<Core> {
    let refused = Error::of(ErrorCode::InputRefused);
    let snapshot = vault.read()?;
    let mut profile: Profile = snapshot
        .get_value(Table::Settings, names::PROFILE)?
        .ok_or(refused.clone())?;
    if profile.identity != kit.identity {
        return Err(refused);
    }
    let (mut history, verified) =
        people::history(&snapshot, &profile, &profile.identity)?.ok_or(refused.clone())?;
    drop(snapshot);
    let (n, key) = kit
        .find_next_key(&verified.now().next)
        .ok_or(Error::of(ErrorCode::KitReplaced))?;
    let (endpoint, leaf) = (SigningKey::generate(), SigningKey::generate());
    extend(&mut history, kit, n, &key, (&endpoint, &leaf), new, &profile)?;

    let stored = StoredKeys {
        identity: profile.identity,
        guarded: Some(guard_key(&profile.identity, &key, passphrase, new.cost)?),
        endpoint_seed: endpoint.seed(),
        leaf_seed: leaf.seed(),
        root: Some(kit.root_secret()),
        backup: Some(kit.backup_key(b"")),
    };
    profile.endpoint.clone_from(&new.endpoint);
    profile.home = home;
    profile.incarnation = None;
    profile.own = None;
    profile.refused = None;
    vault.write(|tx| {
        tx.put_value(Table::IdentityKeys, names::KEYS, &stored)?;
        tx.put(Table::Histories, &profile.identity.0, &history.to_bytes())?;
        tx.put_value(Table::Settings, names::PROFILE, &profile)?;
        Ok::<_, Error>(())
    })?;
    let mut core = Core::load(vault.clone())?;
    core.write(|ctx| ctx.restart())?;
    Ok(core)
}

fn extend(
    history: &mut History,
    kit: &RecoveryKit,
    n: u32,
    key: &SigningKey,
    (endpoint, leaf): (&SigningKey, &SigningKey),
    new: &NewProfile,
    profile: &Profile,
) -> Result<()> {
    let domains = people::domains(profile);
    let broken = |e: telesphor_identity::history::HistoryError| Error::of(e.code());
    let before = history.verify(&domains).map_err(broken)?;
    let now = clock();
    let rotation = Rotation {
        keys: KeySet::single(key.public()),
        next: NextKeys::single(&kit.next_key(n + 1).public()),
        custody: before.now().custody.clone(),
        recovery: before.now().recovery.clone(),
    };
    history
        .extend(Change::Rotate(Box::new(rotation)), now, &[key], &domains)
        .map_err(broken)?;
    for lost in before.now().live_endpoints() {
        let end = EndEndpoint {
            endpoint: lost.record.key,
            since: now,
            reason: EndReason::Stolen,
        };
        history
            .extend(Change::EndEndpoint(end), now, &[key], &domains)
            .map_err(broken)?;
    }
    let record = endpoint_record(profile.identity, endpoint, leaf, new)?;
    let add = Change::AddEndpoint(Box::new(SignedEndpoint::sign(record, endpoint)));
    history.extend(add, now, &[key], &domains).map_err(broken)?;
    Ok(())
}

impl Ctx<'_, '_> {
    /// Takes over what the backup says of mailboxes, shuts the old keys out, tells everybody.
    fn restart(&mut self) -> Result<()> {
        let beside = self.beside()?;
        self.put(Table::IdentityKeys, names::INTAKE_KEYS, &beside.intake)?;
        // The thief knows the old one. The contacts are told below, with the new history.
        self.new_intake_key()?;
        for voucher in beside.vouchers {
            self.tx
                .push(Table::Mailboxes, names::VOUCHERS, &canonical::encode(&voucher))?;
        }
        for mut held in beside.helds {
            let personal = held.kind == MailboxKind::Personal;
            // Personal mailboxes are read on from their end; groups cannot be entered again.
            held.state = if personal {
                MailboxState::Open
            } else {
                MailboxState::Ended
            };
            self.put_held(&held)?;
            self.put_cursor(
                &held.id,
                &Cursor {
                    seq: 0,
                    hash: held.genesis,
                },
            )?;
            if held.used != BACKUP_USE {
                self.replace_owner(&held.id)?;
            }
            if held.used == MailboxUse::Conversation {
                let close = OwnerAct::Close(Extensions::none());
                self.enqueue_act(held.id, close, Job::Nothing(true), None)?;
            }
        }
        self.open_own()?;
        // Whoever has the lost device knows where backups go and how they open.
        self.no_backup_before_new_kit()?;
        self.tell_everybody()
    }

    /// Replaces the owner key by one that nobody else can know. Whoever had this vault has the
    /// key committed to as well, so the first rotation does not shut him out; the second does.
    pub(crate) fn replace_owner(&mut self, mailbox: &MailboxId) -> Result<()> {
        self.rotate_owner(mailbox, Job::OwnerReplaced(*mailbox))?;
        Ok(())
    }

    /// The first of the two rotations is durable.
    pub(crate) fn owner_replaced(&mut self, mailbox: &MailboxId) -> Result<()> {
        let rotated = self.rotate_owner(mailbox, Job::Nothing(true))?;
        match self.held(mailbox)?.owner {
            Some(owner) if self.keys.siblings => self.own_after(owner_entry(*mailbox, &owner), Some(rotated)),
            _ => Ok(()),
        }
    }

    /// Replaces the owner key by the one committed to, and commits to a fresh one.
    fn rotate_owner(&mut self, mailbox: &MailboxId, job: Job) -> Result<u64> {
        let mut held = self.held(mailbox)?;
        let owner = held.owner.as_mut().ok_or(Error::of(ErrorCode::NotOwner))?;
        let next = Secret::random();
        owner.seed = std::mem::replace(&mut owner.next_seed, next);
        let reveal = owner.key().public();
        let act = OwnerAct::RotateOwner(RotateOwner {
            reveal,
            next: next_key(&SigningKey::from_seed(&owner.next_seed).public()),
        });
        held.owner_key = reveal;
        self.put_held(&held)?;
        self.enqueue_act(*mailbox, act, job, None)
    }

    /// The contacts learn the new endpoint and where to write; conversations begin anew.
    fn tell_everybody(&mut self) -> Result<()> {
        let history = self.my_history()?;
        for mut known in self.all_known()? {
            if known.removed || known.state != Acquaintance::Settled {
                continue;
            }
            let id = known.contact.record.identity;
            known.conversations.clear();
            known.opening = false;
            known.packages = 0;
            self.put::<Known>(Table::Contacts, &id.0, &known)?;
            let message = DepositMessage::History(history.clone().into());
            self.deposit_for(&id, message, Padding::Message, Job::Nothing(true))?;
            if let Some(given) = known.contact.given.clone() {
                let renewed = self.renewed_record(&given)?;
                self.leave_packages(&renewed, None)?;
                let message = DepositMessage::Contact(Box::new(renewed.clone()));
                self.deposit_for(&id, message, Padding::Message, Job::Nothing(true))?;
                known.contact.given = Some(Box::new(renewed));
                self.put::<Known>(Table::Contacts, &id.0, &known)?;
            }
        }
        Ok(())
    }
}
