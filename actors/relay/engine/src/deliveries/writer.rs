//! The thread that seals what was noted and writes it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Instant;

use telesphor_rules::records::Gathered;
use telesphor_store::records::Seal;
use telesphor_store::{Fatal, RecordKeeper, StoreError};
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::records::{DeliveryRecord, key_of};
use telesphor_wire::seal::SealingPublic;

use super::notes::{LOOK, Who, Work};
use crate::config::FatalHook;
use crate::core::Core;

/// The running writer of records.
pub(crate) type Begun = JoinHandle<()>;

/// Starts the writer. It ends when the notes are closed and all of them are written.
///
/// # Errors
/// If the thread cannot be started.
pub(crate) fn begin(core: Arc<Core>, keeper: RecordKeeper, on_fatal: FatalHook) -> std::io::Result<Begun> {
    std::thread::Builder::new()
        .name("telesphor-records".into())
        .spawn(move || {
            let _will = Will {
                core: core.clone(),
                on_fatal: on_fatal.clone(),
            };
            let writer = Writer {
                core: core.clone(),
                keeper,
            };
            if let Err(fatal) = writer.run() {
                end(&core, &on_fatal, &fatal);
            }
        })
}

/// Nothing is confirmed after this, and nothing handed to anybody.
fn end(core: &Core, on_fatal: &FatalHook, fatal: &Fatal) {
    core.fail();
    core.notes.close();
    tracing::error!(target: "telesphor::engine", "the store failed at a delivery record; nothing more is confirmed");
    on_fatal(fatal);
}

/// However the writer ends, nobody waits for it. A panic counts as a failed store.
struct Will {
    core: Arc<Core>,
    on_fatal: FatalHook,
}

impl Drop for Will {
    fn drop(&mut self) {
        if std::thread::panicking() {
            end(&self.core, &self.on_fatal, &Fatal::Store(StoreError::Poisoned));
        }
        self.core.notes.over();
    }
}

struct Writer {
    core: Arc<Core>,
    keeper: RecordKeeper,
}

impl Writer {
    fn run(mut self) -> Result<(), Fatal> {
        self.keeper.begin(self.core.clock.now_ms())?;
        let (mut dirty, mut synced) = (false, Instant::now());
        loop {
            match self.core.notes.wait() {
                Work::Due(due) => dirty |= self.write(due)?,
                Work::Idle => {}
                Work::Over => return self.keeper.end(),
            }
            if dirty && synced.elapsed() >= LOOK {
                self.keeper.sync()?;
                (dirty, synced) = (false, Instant::now());
            }
        }
    }

    /// Gives whether anything was written.
    fn write(&mut self, due: Vec<(Who, Gathered)>) -> Result<bool, Fatal> {
        let most = self.core.limits.mailbox_records;
        let mut sealing: Vec<(MailboxId, Seal<'_>)> = Vec::with_capacity(due.len());
        let notes = &self.core.notes;
        for (who, gathered) in due {
            // The key as it is now: the owner may have given another since.
            let Some(key) = self.key(&who.mailbox)? else {
                notes.unsealed.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            let seal = move |number| {
                let sealed = record(&who, gathered).seal(&key, number).ok();
                if sealed.is_none() {
                    notes.unsealed.fetch_add(1, Ordering::Relaxed);
                }
                sealed
            };
            sealing.push((who.mailbox, Box::new(seal)));
        }
        let (written, gone) = self.keeper.write(sealing, most)?;
        notes.written.fetch_add(written, Ordering::Relaxed);
        notes.overwritten.fetch_add(gone, Ordering::Relaxed);
        Ok(written > 0)
    }

    fn key(&self, mailbox: &MailboxId) -> Result<Option<SealingPublic>, Fatal> {
        let mailbox = self.core.reader.mailbox(mailbox)?;
        Ok(mailbox.and_then(|m| key_of(&m.profile.policy).ok().flatten()))
    }
}

fn record(who: &Who, gathered: Gathered) -> DeliveryRecord {
    DeliveryRecord {
        mailbox: who.mailbox,
        right: who.right,
        branch: who.branch,
        epoch: who.epoch,
        key: who.key,
        session: who.session,
        ranges: gathered.ranges,
        payloads: gathered.payloads,
        first: gathered.first,
        last: gathered.last,
        ext: Extensions::none(),
    }
}
