//! `verify`: walk every chain and name the first broken link.

use std::path::Path;

use serde::Serialize;
use telesphor_store::upkeep::Verified;
use telesphor_store::{Store, StoreError};
use telesphor_wire::error::ErrorCode;

use crate::fault::{Exit, Fault};
use crate::keys::Keys;
use crate::layout::Layout;
use crate::serve::{lock, store_config, store_fault};

use super::context::Context;

/// What was walked.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Walked {
    /// Mailboxes whose chain was walked from its beginning.
    pub mailboxes: u64,
    /// Events in them.
    pub events: u64,
    /// Payloads whose hash was made again.
    pub payloads: u64,
    /// Batches whose chain was walked.
    pub batches: u64,
    /// Entries of the dispense ledger that are what their steps make of them.
    pub ledger_entries: u64,
    /// Steps of those.
    pub ledger_steps: u64,
    /// Large files of which every chunk was hashed again.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
}

impl Walked {
    fn of(v: Verified, files: &telesphor_blobs::Verified) -> Self {
        Self {
            files: files.blobs,
            file_bytes: files.bytes,
            mailboxes: v.mailboxes,
            events: v.events,
            payloads: v.payloads,
            batches: v.batches,
            ledger_entries: v.entries,
            ledger_steps: v.steps,
        }
    }

    /// Walks a store, and reads every large file that belongs to it.
    pub(crate) fn walk(store: &Store, files: &Path) -> Result<Self, Fault> {
        let verified = store.upkeep().verify().map_err(|e| broken(&e))?;
        let files = telesphor_blobs::verify(files).map_err(|e| broken_file(&e))?;
        Ok(Self::of(verified, &files))
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        format!(
            "{} mailboxes, {} events, {} payloads, {} ledger steps and {} batches: every link holds. \
             {} large files ({} bytes): every chunk is what it was.",
            self.mailboxes,
            self.events,
            self.payloads,
            self.ledger_steps,
            self.batches,
            self.files,
            self.file_bytes
        )
    }
}

/// Carries it out. The relay must not run: a store has one owner.
pub(crate) fn run(context: &Context<'_>) -> Result<(), Fault> {
    let settings = context.settings(&[])?;
    let layout = Layout::new(&settings.data);
    let _lock = lock(&layout)?;
    let keys =
        Keys::read(&layout).map_err(|e| Fault::new(Exit::Machine, ErrorCode::RelayIo, e.to_string()))?;
    let store = Store::open(&layout.store(), store_config(&settings, &keys)?).map_err(|e| broken(&e))?;
    context
        .out
        .note("Walking every chain and every large file; this reads the whole store.");
    let walked = Walked::walk(&store, &layout.blobs())?;
    context.out.show(&walked, || walked.words());
    Ok(())
}

/// The first damaged chunk of a large file.
fn broken_file(broken: &telesphor_blobs::Broken) -> Fault {
    let mailbox = broken
        .mailbox
        .map_or(String::new(), |m| format!(", kept by mailbox {m}"));
    Fault::new(
        Exit::NotGenuine,
        ErrorCode::BlobDamaged,
        format!("{broken}{mailbox}; every other file can still be fetched"),
    )
}

/// The first broken link. Here, and only here, the mailbox is named: the operator must know
/// whom to tell, and the terminal is no log.
pub(crate) fn broken(error: &StoreError) -> Fault {
    match error {
        StoreError::BrokenChain { mailbox, seq } => Fault::new(
            Exit::NotGenuine,
            ErrorCode::StoreDamaged,
            format!(
                "the chain of mailbox {mailbox} breaks at event {seq}; repair nothing before a backup was made"
            ),
        ),
        StoreError::BrokenLedger { entry, seq } => Fault::new(
            Exit::NotGenuine,
            ErrorCode::StoreDamaged,
            format!(
                "the ledger entry {} breaks at step {seq}; repair nothing before a backup was made",
                entry.place()
            ),
        ),
        other => store_fault(other),
    }
}
