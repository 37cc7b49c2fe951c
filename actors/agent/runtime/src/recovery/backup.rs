//! The backup: records of the vault, sealed under a key that the kit gives, in the owner's own
//! mailbox.
//!
//! ```text
//! event payload = seal(backup key, aad = mailbox id, [generation, index, total, piece])
//! backup        = the pieces of one generation in order = what the vault exports
//! ```

use serde::{Deserialize, Serialize};
use telesphor_clinical::self_entry::{IntakeKeyEntry, MailboxUse};
use telesphor_identity::kit::root_derived;
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{OwnerAct, SignedVoucher};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{MailboxId, PartitionId};
use telesphor_wire::mailbox::{MailboxKind, Policy};
use telesphor_wire::seal;
use telesphor_wire::sign::SigningKey;

use crate::core::records::{Held, Job, MailboxState, OwnerKeys};
use crate::core::{Core, Ctx, names};
use crate::error::{Error, Result};
use crate::mailbox::leave::Letterbox;
use crate::mailbox::open::Plan;

/// What the mailbox is for: a number of this program's own, since nobody else ever sees it.
pub(crate) const BACKUP_USE: MailboxUse = MailboxUse::Other(64);
/// Bytes of one piece: with its framing well under one payload.
const PIECE: usize = 768 * 1024;
/// Where the records beside the vault's own stand, so that they are in the backup.
const BESIDE: &[u8] = b"backup-beside";

/// What a vault's backup leaves out and a new device needs.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Beside {
    pub(crate) helds: Vec<Held>,
    pub(crate) vouchers: Vec<SignedVoucher>,
    pub(crate) intake: Vec<IntakeKeyEntry>,
}

/// One piece, as sealed.
#[derive(Serialize, Deserialize)]
pub(crate) struct Piece {
    pub(crate) generation: Digest,
    pub(crate) index: u32,
    pub(crate) total: u32,
    pub(crate) bytes: Bytes,
}

impl Piece {
    /// A piece of no backup: the kit that leads here was replaced.
    fn replaced() -> Self {
        Self {
            generation: Digest([0; 32]),
            index: 0,
            total: 0,
            bytes: Bytes::default(),
        }
    }

    /// Whether it says so.
    pub(crate) const fn says_replaced(&self) -> bool {
        self.total == 0
    }
}

/// The keys of the backup mailbox, from the backup key alone.
pub(crate) struct BackupKeys {
    key: Secret,
}

impl BackupKeys {
    pub(crate) const fn new(key: Secret) -> Self {
        Self { key }
    }
    pub(crate) fn owner(&self) -> OwnerKeys {
        OwnerKeys {
            seed: root_derived(&self.key, "backup-owner", b""),
            next_seed: root_derived(&self.key, "backup-next-owner", b""),
            counter: 0,
        }
    }
    pub(crate) fn deposit_seed(&self) -> Secret {
        root_derived(&self.key, "backup-deposit", b"")
    }
    /// The `n`th place where the mailbox may be.
    pub(crate) fn place(&self, n: u32) -> MailboxId {
        MailboxId(*root_derived(&self.key, "backup-mailbox", &n.to_be_bytes()).expose())
    }
    fn seal(&self, mailbox: &MailboxId, piece: &Piece) -> Vec<u8> {
        let key = root_derived(&self.key, "backup-piece", b"");
        seal::seal(&key, &mailbox.0, &canonical::encode(piece))
    }
    pub(crate) fn open(&self, mailbox: &MailboxId, payload: &[u8]) -> Option<Piece> {
        let key = root_derived(&self.key, "backup-piece", b"");
        let plain = seal::open(&key, &mailbox.0, payload).ok()?;
        canonical::decode(&plain).ok()
    }
}

impl Ctx<'_, '_> {
    /// Opens the backup mailbox at the first place that lies in a voucher's partition.
    pub(crate) fn open_backup(&mut self, key: &Secret) -> Result<()> {
        let keys = BackupKeys::new(key.clone());
        let (drawn, voucher) = self.draw_mailbox()?;
        let count = self.profile.partitions;
        let partition = PartitionId::of(&drawn, count);
        let id = (0u32..)
            .map(|n| keys.place(n))
            .find(|id| PartitionId::of(id, count) == partition)
            .ok_or(Error::fault("backup place"))?;
        let plan = Plan {
            id,
            voucher,
            kind: MailboxKind::Personal,
            used: BACKUP_USE,
            with: None,
            min_suite: self.min_suite(),
            policy: Policy::standard(),
            access: None,
            deposit_keys: vec![SigningKey::from_seed(&keys.deposit_seed()).public()],
            name: String::new(),
        };
        self.open_mailbox_as(plan, keys.owner(), None)?;
        let mut profile = self.profile.clone();
        profile.backup = Some(id);
        self.put_profile(profile)
    }

    /// Puts what a vault's backup leaves out where the backup takes it along.
    fn note_beside(&mut self) -> Result<()> {
        let mut helds = Vec::new();
        for (_, bytes) in self.tx.scan(Table::Mailboxes)? {
            if let Ok(held) = canonical::decode::<Held>(&bytes)
                && held.owner.is_some()
                && held.state != MailboxState::Ended
            {
                helds.push(held);
            }
        }
        let mut vouchers = Vec::new();
        for (_, bytes) in self.tx.range(Table::Mailboxes, names::VOUCHERS, 0, 512)? {
            vouchers.extend(canonical::decode::<SignedVoucher>(&bytes).ok());
        }
        let beside = Beside {
            helds,
            vouchers,
            intake: self.intake_keys()?,
        };
        self.put(Table::Settings, BESIDE, &beside)
    }

    /// Puts one piece into the backup mailbox; gives the outbox entry.
    fn put_piece(&mut self, mailbox: MailboxId, keys: &BackupKeys, piece: &Piece) -> Result<u64> {
        let at = Letterbox {
            domain: self.profile.domain().clone(),
            mailbox,
            seed: keys.deposit_seed(),
        };
        self.leave_at(at, keys.seal(&mailbox, piece), Job::Nothing(true), None)
    }

    /// Leaves word in the backup mailbox of a kit that there is a newer kit, and gives up what
    /// lies there.
    pub(crate) fn mark_replaced(&mut self, mailbox: MailboxId, key: Secret) -> Result<()> {
        let keys = BackupKeys::new(key);
        let marked = self.put_piece(mailbox, &keys, &Piece::replaced())?;
        let seen = self.cursor(&mailbox)?.seq;
        if seen > 0 {
            self.enqueue_act(
                mailbox,
                OwnerAct::Acknowledge(seen),
                Job::Nothing(true),
                Some(marked),
            )?;
        }
        Ok(())
    }

    pub(crate) fn beside(&self) -> Result<Beside> {
        self.get(Table::Settings, BESIDE)?
            .ok_or(Error::of(ErrorCode::InputRefused))
    }
}

impl Core {
    /// Queues a backup of everything as it is now; gives the outbox entries to wait for.
    pub(crate) fn back_up(&mut self) -> Result<Vec<u64>> {
        if self.profile.kit_due {
            return Err(ErrorCode::NewKitDue.into());
        }
        let (Some(mailbox), Some(key)) = (self.profile.backup, self.keys.stored.backup.clone()) else {
            return Err(ErrorCode::NotYetDurable.into());
        };
        let inbox = self.write(|ctx| {
            ctx.note_beside()?;
            ctx.inbox_at()
        })?;
        let keys = BackupKeys::new(key.clone());
        let mut whole = Vec::new();
        self.vault.export_backup(&key, &mut whole)?;
        let pieces: Vec<&[u8]> = whole.chunks(PIECE).collect();
        let total = u32::try_from(pieces.len()).map_err(|_| Error::of(ErrorCode::TooLarge))?;
        let generation = Digest(*Secret::random().expose());
        let seen = self
            .index
            .followed
            .get(&mailbox)
            .map_or(0, |f| f.head.map_or(f.seq, |head| head.max(f.seq)));
        self.write(|ctx| {
            let mut queued = Vec::new();
            for (index, bytes) in (0u32..).zip(pieces) {
                let piece = Piece {
                    generation,
                    index,
                    total,
                    bytes: bytes.into(),
                };
                queued.push(ctx.put_piece(mailbox, &keys, &piece)?);
            }
            // The backup before this one may go once this one is durable, and what it holds of the
            // personal mailbox with it.
            let after = queued.last().copied();
            ctx.backed_up(inbox, after)?;
            if seen > 0 {
                ctx.enqueue_act(mailbox, OwnerAct::Acknowledge(seen), Job::Nothing(true), after)?;
            }
            Ok(queued)
        })
    }
}
