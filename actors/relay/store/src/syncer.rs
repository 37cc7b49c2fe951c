//! The sync of what was written ahead, and the note of what was attested after it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use telesphor_wire::hash::Digest;
use telesphor_wire::ids::PartitionId;

use crate::ahead::Written;
use crate::database::Database;
use crate::error::{Fatal, StoreError};
use crate::faults::Operation;
use crate::note::Note;

/// Syncs beside the writer; cheap to clone.
#[derive(Clone)]
pub struct Syncer {
    database: Arc<Database>,
    note: Arc<Mutex<Note>>,
}

impl Syncer {
    pub(crate) fn new(database: Arc<Database>, note: Note) -> Self {
        Self {
            database,
            note: Arc::new(Mutex::new(note)),
        }
    }

    /// No code panics while holding the lock, so a poisoned one is still whole.
    fn note(&self) -> MutexGuard<'_, Note> {
        self.note.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a group durable that was written ahead, and all before it: readers see it from here
    /// on, and it may be answered.
    ///
    /// # Errors
    /// [`Fatal`]: nothing of it may be acknowledged, and the process must end.
    pub fn sync(&self, group: Written) -> Result<(), Fatal> {
        self.database.check()?;
        self.try_sync(group).map_err(|e| self.database.fatal(e))
    }

    fn try_sync(&self, group: Written) -> Result<(), StoreError> {
        self.database.faults.before(Operation::Sync)?;
        self.database.db.flush_wal(true)?;
        // ---- The promise is kept from here on: a crash before this line loses groups that
        // nobody was told of, a crash after it loses nothing.
        self.database.ahead.synced(group);
        Ok(self.database.faults.before(Operation::Answer)?)
    }

    /// Notes what this relay has attested, so that a store which lost it is found out when it
    /// is opened next. Cheap; call it after each group. Synced by [`Syncer::sync_note`].
    ///
    /// # Errors
    /// [`Fatal`] if the note cannot be written.
    pub fn note_attested(&self, partition: PartitionId, position: u64, head: &Digest) -> Result<(), Fatal> {
        self.database.check()?;
        let written = self
            .database
            .faults
            .before(Operation::Note)
            .and_then(|()| self.note().write(partition, position, *head));
        written.map_err(|e| self.database.fatal(e.into()))
    }

    /// Syncs the note of attested heads: about once a second, and before the process ends.
    ///
    /// # Errors
    /// [`Fatal`] if the sync fails.
    pub fn sync_note(&self) -> Result<(), Fatal> {
        self.database.check()?;
        self.note().sync().map_err(|e| self.database.fatal(e.into()))
    }
}
