//! Entries of the self mailbox, applied in its order. Each says what is so, not what to do:
//! applying one twice, or one's own come back, changes nothing more.

use telesphor_clinical::own_device::{BackupEntry, RecordEntry, RecordWay, VoucherShare};
use telesphor_clinical::self_entry::{IntakeKeyEntry, SelfEntry};
use telesphor_identity::attestation::SignedAttestation;
use telesphor_identity::history::{History, VerifiedHistory};
use telesphor_identity::trust::Anchor;
use telesphor_vault::{Guarded, Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;

use crate::core::profile::StoredKeys;
use crate::core::records::{Held, MailboxState, Refused};
use crate::core::{Ctx, names};
use crate::error::{Error, Result};

/// Intake keys kept: older ones open nothing that is still on its way.
const INTAKE_KEYS: usize = 8;

impl Ctx<'_, '_> {
    /// An entry of the self mailbox, from another endpoint or one's own come back.
    pub(crate) fn apply_own(&mut self, entry: SelfEntry) -> Result<()> {
        let malformed = |_| Error::of(ErrorCode::Malformed);
        match entry {
            SelfEntry::Grant(signed) => self.grant_told(*signed),
            SelfEntry::GrantEnded(ended) => self.grant_end_told(&ended),
            SelfEntry::Contact(contact) => self.contact_told(*contact),
            SelfEntry::ContactRemoved(id) => self.contact_gone(&id),
            SelfEntry::DepositKey(entry) => self.deposit_key_told(&entry),
            SelfEntry::OwnerKey(entry) => self.owner_key_told(entry),
            SelfEntry::RootSecret(root) => self.change_keys(|keys| keys.root = Some(root)),
            SelfEntry::IntakeKey(entry) => self.intake_key_told(entry),
            SelfEntry::Mailbox(entry) => self.mailbox_told(&entry),
            SelfEntry::Document(document) => self.record_told(RecordEntry {
                document,
                way: RecordWay::Own,
                from: None,
                arrived: self.now,
                opened: None,
                until: None,
                ext: Extensions::none(),
            }),
            SelfEntry::Record(entry) => self.record_told(*entry),
            SelfEntry::Sent(bytes) => self.sent_told(&bytes),
            SelfEntry::Anchor(bytes) => {
                let anchor: Anchor = canonical::decode(&bytes).map_err(malformed)?;
                if anchor.words.is_empty() {
                    self.tx.delete(Table::Trust, &anchor.identity.0)?;
                    return Ok(());
                }
                self.put(Table::Trust, &anchor.identity.0, &anchor)
            }
            SelfEntry::Attestation(bytes) => {
                let signed: SignedAttestation = canonical::decode(&bytes).map_err(malformed)?;
                self.keep_attestation(&signed)
            }
            SelfEntry::History(bytes) => {
                let history = History::from_bytes(&bytes).map_err(|e| Error::of(e.code()))?;
                self.history_grew(&history.id(), &bytes)
            }
            SelfEntry::Seen(heads) => self.heads_told(&heads),
            SelfEntry::Seat(request) => self.seat_asked(request),
            SelfEntry::SeatGiven(given) => self.seat_given(*given),
            SelfEntry::Vouchers(share) => self.vouchers_told(share),
            SelfEntry::Backup(entry) => self.backup_told(entry),
            SelfEntry::IdentityKey(bytes) => {
                let guarded: Guarded = canonical::decode(&bytes).map_err(malformed)?;
                self.change_keys(|keys| keys.guarded = Some(guarded))
            }
            SelfEntry::Answer(signed) => self.answer_told(&signed),
            SelfEntry::Team(bytes) => self.team_told(&bytes),
            SelfEntry::Staff(bytes) => self.place_told(&bytes),
            SelfEntry::Mandate(signed) => self.keep_mandate(&signed),
            // An invitation is carried through by the endpoint that made it.
            SelfEntry::Invitation(_) | SelfEntry::Foreign(_) => Ok(()),
        }
    }

    /// Changes the private keys as they are stored.
    pub(crate) fn change_keys(&mut self, change: impl FnOnce(&mut StoredKeys)) -> Result<()> {
        let mut keys: StoredKeys = self
            .get(Table::IdentityKeys, names::KEYS)?
            .ok_or(Error::fault("keys"))?;
        change(&mut keys);
        self.put(Table::IdentityKeys, names::KEYS, &keys)?;
        self.fx.keys = true;
        Ok(())
    }

    /// One more key opens deposits; the newest is told to contacts.
    pub(crate) fn intake_key_told(&mut self, entry: IntakeKeyEntry) -> Result<()> {
        let mut keys = self.intake_keys()?;
        if keys.iter().any(|k| k.id == entry.id) {
            return Ok(());
        }
        keys.push(entry);
        keys.sort_by_key(|k| std::cmp::Reverse((k.until, k.id)));
        keys.truncate(INTAKE_KEYS);
        self.put(Table::IdentityKeys, names::INTAKE_KEYS, &keys)
    }

    fn vouchers_told(&mut self, share: VoucherShare) -> Result<()> {
        if share.endpoint != self.keys.endpoint.public() {
            return Ok(());
        }
        for voucher in share.vouchers {
            self.tx
                .push(Table::Mailboxes, names::VOUCHERS, &canonical::encode(&voucher))?;
        }
        Ok(())
    }

    fn backup_told(&mut self, entry: BackupEntry) -> Result<()> {
        let same = self
            .get::<StoredKeys>(Table::IdentityKeys, names::KEYS)?
            .is_some_and(|keys| keys.backup.as_ref() == Some(&entry.key));
        if same {
            return Ok(());
        }
        self.change_keys(|keys| keys.backup = Some(entry.key))?;
        let mut profile = self.profile.clone();
        profile.backup = entry.mailbox;
        profile.kit_due = false;
        self.put_profile(profile)
    }

    /// One's own history has grown: groups are brought in line, or this endpoint has ended.
    pub(crate) fn own_history_grew(&mut self, history: &VerifiedHistory) -> Result<()> {
        let here = self.keys.endpoint.public();
        let ended = history.now().endpoint(&here).is_none_or(|e| e.ended.is_some());
        if !ended {
            return self.reconcile_all();
        }
        for (_, bytes) in self.tx.scan(Table::Mailboxes)? {
            if let Ok(mut held) = canonical::decode::<Held>(&bytes) {
                held.state = MailboxState::Ended;
                self.put_held(&held)?;
            }
        }
        let mut profile = self.profile.clone();
        profile.refused = Some(Refused {
            code: ErrorCode::EndpointEnded,
            support: None,
        });
        self.put_profile(profile)
    }
}
