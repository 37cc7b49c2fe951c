//! What is known of all blobs while the relay runs: how much each mailbox keeps, and what comes.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use telesphor_wire::blob::call::BlobStanding;
use telesphor_wire::blob::tree::ChunkHashes;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::MailboxId;

use crate::card::Card;
use crate::disk::{Disk, PartName};
use crate::error::BlobsError;
use crate::limits::{MAX_BLOBS_PER_MAILBOX, MAX_PARTS_PER_MAILBOX};

/// What counts against one mailbox.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    pub(crate) bytes: u64,
    pub(crate) blobs: u64,
    pub(crate) parts: usize,
}

/// A blob that is coming.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) length: u64,
    /// Chunks that are there and were checked; `None` until somebody goes on with it.
    pub(crate) have: Option<u32>,
    /// A connection is putting it.
    pub(crate) busy: bool,
    pub(crate) touched: u64,
}

/// How much is on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Whole blobs.
    pub blobs: u64,
    /// Their bytes: each blob once, however many mailboxes keep it.
    pub bytes: u64,
    /// Blobs that are coming.
    pub parts: u64,
    /// Blobs that were found damaged and have not been put again since.
    pub damaged: u64,
}

/// A blob that other relays have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) card: Card,
    /// It is being pulled.
    pub(crate) busy: bool,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) shares: HashMap<MailboxId, Share>,
    pub(crate) parts: HashMap<PartName, Part>,
    /// Found damaged since the start. Whoever keeps one may put it again.
    pub(crate) damaged: HashSet<Digest>,
    /// Blobs that are to come from other relays, and what is said of them.
    pub(crate) wanted: HashMap<Digest, Wanted>,
    pub(crate) totals: Totals,
}

impl State {
    /// Whether one more blob of this length fits.
    pub(crate) fn has_room(&self, mailbox: &MailboxId, length: u64, quota: u64) -> Result<(), BlobsError> {
        let share = self.shares.get(mailbox).copied().unwrap_or_default();
        let fits = share.bytes.saturating_add(length) <= quota
            && share.blobs < MAX_BLOBS_PER_MAILBOX
            && share.parts < MAX_PARTS_PER_MAILBOX;
        match fits {
            true => Ok(()),
            false => Err(BlobsError::Quota),
        }
    }

    pub(crate) fn counts(&mut self, mailbox: &MailboxId, length: u64) {
        let share = self.shares.entry(*mailbox).or_default();
        share.bytes = share.bytes.saturating_add(length);
        share.blobs += 1;
    }

    pub(crate) fn counts_no_more(&mut self, mailbox: &MailboxId, length: u64) {
        if let Some(share) = self.shares.get_mut(mailbox) {
            share.bytes = share.bytes.saturating_sub(length);
            share.blobs = share.blobs.saturating_sub(1);
            if share.blobs == 0 {
                self.shares.remove(mailbox);
            }
        }
    }

    pub(crate) fn add_part(&mut self, name: PartName, part: Part) {
        self.counts(&name.0, part.length);
        self.shares.entry(name.0).or_default().parts += 1;
        self.parts.insert(name, part);
        self.totals.parts += 1;
    }

    pub(crate) fn remove_part(&mut self, name: &PartName) -> Option<Part> {
        let part = self.parts.remove(name)?;
        if let Some(share) = self.shares.get_mut(&name.0) {
            share.parts = share.parts.saturating_sub(1);
        }
        self.counts_no_more(&name.0, part.length);
        self.totals.parts = self.totals.parts.saturating_sub(1);
        Some(part)
    }
}

/// The blobs of one relay. Every method blocks on the disk.
#[derive(Debug)]
pub struct Blobs {
    pub(crate) disk: Disk,
    /// Other relays have to hear what ends here.
    pub(crate) told: bool,
    state: Mutex<State>,
    /// Grows when anything is taken out of a mailbox: whoever is reading looks again.
    changes: AtomicU64,
}

impl Blobs {
    /// Opens the folder, made if it is not there, and counts what is in it. A blob whose card or
    /// list is damaged is found when it is asked for; it stops nobody else's.
    ///
    /// `told`: whether this is one of several relays, which hear from each other what is kept.
    ///
    /// # Errors
    /// As the disk says.
    pub fn open(root: &Path, told: bool) -> Result<Self, BlobsError> {
        let disk = Disk::open(root)?;
        let mut state = State::default();
        for address in disk.all()? {
            if on_its_way_out(&disk, &address)? {
                disk.remove(&address)?;
                continue;
            }
            let found = disk
                .card(&address)
                .and_then(|card| Ok((card, disk.hashes(&disk.blob(&address), &address)?)));
            let (card, length) = match found {
                Ok((Some(card), hashes)) => (card, hashes.length()),
                // Left by a copy that was cut short: nobody's.
                Ok((None, _)) => continue,
                Err(_) => {
                    state.damaged.insert(address);
                    continue;
                }
            };
            for used in card.uses().filter(|u| u.kept) {
                state.counts(&used.mailbox, length);
            }
            state.totals.blobs += 1;
            state.totals.bytes += length;
        }
        for (name, touched) in disk.parts()? {
            // A folder without a whole list was begun by nobody.
            let Ok(hashes) = disk.hashes(&disk.part(&name), &name.1) else {
                disk.drop_part(&name)?;
                continue;
            };
            let part = Part {
                length: hashes.length(),
                have: None,
                busy: false,
                touched,
            };
            state.add_part(name, part);
        }
        Ok(Self {
            disk,
            told,
            state: Mutex::new(state),
            changes: AtomicU64::new(0),
        })
    }

    /// No code panics while holding the lock, so a poisoned one is still whole.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn changed(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// How much is on the disk.
    pub fn totals(&self) -> Totals {
        let state = self.state();
        Totals {
            damaged: state.damaged.len() as u64,
            ..state.totals
        }
    }

    pub(crate) fn is_damaged(&self, address: Digest) {
        self.state().damaged.insert(address);
    }

    /// Bytes that count against a mailbox.
    pub fn used(&self, mailbox: &MailboxId) -> u64 {
        self.state().shares.get(mailbox).map_or(0, |s| s.bytes)
    }

    /// Where a blob stands in a mailbox, if it does.
    ///
    /// # Errors
    /// As the disk says, or [`BlobsError::Card`].
    pub fn standing(
        &self,
        mailbox: &MailboxId,
        address: &Digest,
    ) -> Result<Option<BlobStanding>, BlobsError> {
        let used = self.disk.card(address)?.and_then(|card| card.of(mailbox));
        if let Some(used) = used {
            let hashes = self.disk.hashes(&self.disk.blob(address), address)?;
            let mut standing = whole(&hashes, used.kept);
            if self.state().damaged.contains(address) {
                (standing.have, standing.complete) = (0, false);
            }
            return Ok(Some(standing));
        }
        let state = self.state();
        Ok(state.parts.get(&(*mailbox, *address)).map(|part| BlobStanding {
            length: part.length,
            have: part.have.unwrap_or(0),
            complete: false,
            kept: true,
        }))
    }
}

/// Whether the power went between a blob's card without the blob and its removal. The card that was
/// written later says what was meant.
fn on_its_way_out(disk: &Disk, address: &Digest) -> Result<bool, BlobsError> {
    let Some(ended) = disk.ended_card(address)? else {
        return Ok(false);
    };
    let Ok(Some(mut card)) = disk.card(address) else {
        return Ok(false);
    };
    card.merge(&ended);
    match card.is_kept() {
        // It has come back since.
        true => disk.drop_ended(address)?,
        false => return Ok(true),
    }
    Ok(false)
}

pub(crate) fn whole(hashes: &ChunkHashes, kept: bool) -> BlobStanding {
    BlobStanding {
        length: hashes.length(),
        have: u32::try_from(hashes.count()).unwrap_or(u32::MAX),
        complete: true,
        kept,
    }
}

pub(crate) fn missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof
    )
}
