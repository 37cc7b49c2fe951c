//! Our own rows beside those of openmls: where a session stands, and the access keys it knew.
//!
//! Row keys: `'r' || mailbox (32) || slot (1) || branch (u32 BE) || epoch (u64 BE)`; the
//! session record has slot 1 and no numbers, the keys of an epoch have slot 2, the stamp slot 3 and
//! no numbers.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::MailboxId;
use telesphor_wire::sign::PublicKey;
use zeroize::Zeroizing;

use crate::error::StateError;
use crate::limits::MAX_ROW_BYTES;
use crate::member::Member;
use crate::overlay::Overlay;

const VERSION: u8 = 1;

/// Where a session stands. Written in the same difference as openmls' rows, and compared
/// with them when loading: a torn or older state does not pass.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    version: u8,
    pub(crate) branch: u32,
    pub(crate) epoch: u64,
    /// MLS epoch authenticator (RFC 9420, section 8.7).
    pub(crate) authenticator: Bytes,
    pub(crate) pending: Option<Pending>,
    pub(crate) dead: Option<Dead>,
    /// Hash of the commit that removed us.
    pub(crate) removed: Option<Digest>,
    /// Proposals of our own that the mailbox's order has not shown yet: (payload hash, openmls'
    /// queued proposal). They count only once they come back, like everybody else's: a commit that
    /// names a proposal nobody else has would be void.
    pub(crate) proposals: Vec<(Digest, Bytes)>,
    /// Spans of epochs whose keys are kept: (branch, first, last).
    pub(crate) spans: Vec<(u32, u64, u64)>,
}

/// A commit of our own that waits for the mailbox's order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) commit: Digest,
    pub(crate) rewind: bool,
    pub(crate) next_access: PublicKey,
}

/// The void commit that won our epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dead {
    pub(crate) commit: Digest,
    /// Whom it would have removed, as far as MLS could tell.
    pub(crate) removed: Vec<Member>,
}

/// The secrets of one epoch's relay access.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EpochRow {
    version: u8,
    pub(crate) access: Secret,
    pub(crate) pseudonym: Secret,
}

impl EpochRow {
    pub(crate) const fn new(access: Secret, pseudonym: Secret) -> Self {
        Self {
            version: VERSION,
            access,
            pseudonym,
        }
    }
}

fn base(mailbox: &MailboxId, slot: u8) -> Vec<u8> {
    let mut key = Vec::with_capacity(46);
    key.push(b'r');
    key.extend_from_slice(&mailbox.0);
    key.push(slot);
    key
}

fn epoch_key(mailbox: &MailboxId, branch: u32, epoch: u64) -> Vec<u8> {
    let mut key = base(mailbox, 2);
    key.extend_from_slice(&branch.to_be_bytes());
    key.extend_from_slice(&epoch.to_be_bytes());
    key
}

/// Names one state of one group, and never another: whoever holds a group in memory knows by it
/// whether its memory is what the store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp([u8; 16]);

impl Stamp {
    /// A fresh one. A number that counts up would come again after a step that was given up.
    fn fresh() -> Self {
        let mut stamp = [0; 16];
        stamp.copy_from_slice(&Secret::random().expose()[..16]);
        Self(stamp)
    }

    /// That of the stored state; none if a version wrote it that had none.
    pub(crate) fn load(rows: &Overlay<'_>, mailbox: &MailboxId) -> Result<Option<Self>, StateError> {
        let row = rows.get_raw(&base(mailbox, 3))?;
        row.map(|row| <[u8; 16]>::try_from(row.as_slice()).map(Self))
            .transpose()
            .map_err(|_| StateError::Damaged)
    }

    /// Marks a new state.
    pub(crate) fn store(rows: &Overlay<'_>, mailbox: &MailboxId) -> Self {
        let stamp = Self::fresh();
        rows.put_raw(base(mailbox, 3), Zeroizing::new(stamp.0.to_vec()));
        stamp
    }
}

fn read<T: Serialize + serde::de::DeserializeOwned>(row: &[u8]) -> Result<T, StateError> {
    canonical::decode_bounded(row, MAX_ROW_BYTES).map_err(|_| StateError::Damaged)
}

impl Record {
    pub(crate) const fn new(branch: u32, spans: Vec<(u32, u64, u64)>) -> Self {
        Self {
            version: VERSION,
            branch,
            epoch: 0,
            authenticator: Bytes(Vec::new()),
            pending: None,
            dead: None,
            removed: None,
            proposals: Vec::new(),
            spans,
        }
    }

    pub(crate) fn load(rows: &Overlay<'_>, mailbox: &MailboxId) -> Result<Option<Self>, StateError> {
        let Some(row) = rows.get_raw(&base(mailbox, 1))? else {
            return Ok(None);
        };
        let record: Self = read(&row)?;
        if record.version != VERSION {
            return Err(StateError::OtherFormat);
        }
        Ok(Some(record))
    }

    pub(crate) fn store(&self, rows: &Overlay<'_>, mailbox: &MailboxId) {
        rows.put_raw(base(mailbox, 1), Zeroizing::new(canonical::encode(self)));
    }

    pub(crate) fn delete(rows: &Overlay<'_>, mailbox: &MailboxId) {
        rows.delete_raw(base(mailbox, 1));
        rows.delete_raw(base(mailbox, 3));
    }

    /// Notes that the keys of an epoch are kept.
    pub(crate) fn extend_span(&mut self, branch: u32, epoch: u64) {
        match self.spans.last_mut() {
            Some((b, _, last)) if *b == branch && *last + 1 == epoch => *last = epoch,
            Some((b, first, last)) if *b == branch && (*first..=*last).contains(&epoch) => {}
            _ => self.spans.push((branch, epoch, epoch)),
        }
    }

    /// Takes the epochs before (branch, epoch) out of the spans and returns them.
    pub(crate) fn cut_spans(&mut self, branch: u32, epoch: u64) -> Vec<(u32, u64)> {
        let mut cut = Vec::new();
        for (b, first, last) in std::mem::take(&mut self.spans) {
            let keep_from = match b.cmp(&branch) {
                std::cmp::Ordering::Less => last.saturating_add(1),
                std::cmp::Ordering::Equal => epoch.clamp(first, last.saturating_add(1)),
                std::cmp::Ordering::Greater => first,
            };
            cut.extend((first..keep_from).map(|e| (b, e)));
            if keep_from <= last {
                self.spans.push((b, keep_from, last));
            }
        }
        cut
    }
}

pub(crate) fn load_epoch(
    rows: &Overlay<'_>,
    mailbox: &MailboxId,
    branch: u32,
    epoch: u64,
) -> Result<Option<EpochRow>, StateError> {
    let Some(row) = rows.get_raw(&epoch_key(mailbox, branch, epoch))? else {
        return Ok(None);
    };
    let row: EpochRow = read(&row)?;
    if row.version != VERSION {
        return Err(StateError::OtherFormat);
    }
    Ok(Some(row))
}

pub(crate) fn store_epoch(rows: &Overlay<'_>, mailbox: &MailboxId, branch: u32, epoch: u64, row: &EpochRow) {
    rows.put_raw(
        epoch_key(mailbox, branch, epoch),
        Zeroizing::new(canonical::encode(row)),
    );
}

pub(crate) fn delete_epoch(rows: &Overlay<'_>, mailbox: &MailboxId, branch: u32, epoch: u64) {
    rows.delete_raw(epoch_key(mailbox, branch, epoch));
}
