//! A disk in memory that keeps apart what was written and what was synced, and dies or fills
//! up at a chosen operation.

use redb::StorageBackend;
use std::sync::{Arc, Mutex};

use crate::error::VaultError;
use crate::storage::Disk;

/// What becomes of writes that were never synced when the power goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unsynced {
    Lost,
    Kept,
    /// Every second one arrives, and of the last one only the first half.
    Torn,
}

#[derive(Clone, Debug)]
enum Change {
    Write(u64, Vec<u8>),
    Len(u64),
}

#[derive(Debug, Default)]
struct State {
    durable: Vec<u8>,
    seen: Vec<u8>,
    unsynced: Vec<Change>,
    operations: u64,
    fail_at: Option<u64>,
    fail_for: u64,
    error: Option<std::io::ErrorKind>,
    open: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct LyingDisk(Arc<Mutex<State>>);

fn apply(image: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Len(len) => image.resize(usize::try_from(*len).unwrap(), 0),
        Change::Write(offset, data) => {
            let at = usize::try_from(*offset).unwrap();
            if image.len() < at + data.len() {
                image.resize(at + data.len(), 0);
            }
            image[at..at + data.len()].copy_from_slice(data);
        }
    }
}

impl LyingDisk {
    pub(super) fn operations(&self) -> u64 {
        self.0.lock().unwrap().operations
    }

    /// From operation `at` on, `count` writes and syncs fail.
    pub(super) fn fail(&self, at: u64, count: u64, error: std::io::ErrorKind) {
        let mut state = self.0.lock().unwrap();
        state.fail_at = Some(at);
        state.fail_for = count;
        state.error = Some(error);
    }

    pub(super) fn failed(&self) -> bool {
        let state = self.0.lock().unwrap();
        state.fail_at.is_some_and(|at| state.operations > at)
    }

    /// The power goes and comes back: a new disk with what survived.
    pub(super) fn after_power_cut(&self, unsynced: Unsynced) -> Self {
        let state = self.0.lock().unwrap();
        let mut image = state.durable.clone();
        match unsynced {
            Unsynced::Lost => {}
            Unsynced::Kept => state.unsynced.iter().for_each(|c| apply(&mut image, c)),
            Unsynced::Torn => {
                for (i, change) in state.unsynced.iter().enumerate() {
                    match change {
                        Change::Write(offset, data) if i + 1 == state.unsynced.len() => {
                            apply(
                                &mut image,
                                &Change::Write(*offset, data[..data.len() / 2].to_vec()),
                            );
                        }
                        Change::Write(..) if i % 2 == 1 => {}
                        other => apply(&mut image, other),
                    }
                }
            }
        }
        let fresh = State {
            durable: image.clone(),
            seen: image,
            ..State::default()
        };
        Self(Arc::new(Mutex::new(fresh)))
    }
}

impl Disk for LyingDisk {
    fn open(&self, _create: bool) -> Result<Box<dyn StorageBackend>, VaultError> {
        let mut state = self.0.lock().unwrap();
        if state.open {
            return Err(VaultError::InUse);
        }
        state.open = true;
        Ok(Box::new(self.clone()))
    }

    fn len(&self) -> Result<u64, VaultError> {
        Ok(self.0.lock().unwrap().seen.len() as u64)
    }
}

impl State {
    fn step(&mut self) -> std::io::Result<()> {
        let n = self.operations;
        self.operations += 1;
        match (self.fail_at, self.error) {
            (Some(at), Some(kind)) if n >= at && n - at < self.fail_for => Err(kind.into()),
            _ => Ok(()),
        }
    }

    fn change(&mut self, change: Change) -> std::io::Result<()> {
        self.step()?;
        apply(&mut self.seen, &change);
        self.unsynced.push(change);
        Ok(())
    }
}

impl StorageBackend for LyingDisk {
    fn len(&self) -> std::io::Result<u64> {
        Ok(self.0.lock().unwrap().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        let state = self.0.lock().unwrap();
        let at = usize::try_from(offset).unwrap();
        let found = state.seen.get(at..at + out.len());
        out.copy_from_slice(found.ok_or(std::io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.0.lock().unwrap().change(Change::Len(len))
    }

    fn sync_data(&self) -> std::io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.step()?;
        state.durable = state.seen.clone();
        state.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.0
            .lock()
            .unwrap()
            .change(Change::Write(offset, data.to_vec()))
    }

    fn close(&self) -> std::io::Result<()> {
        self.0.lock().unwrap().open = false;
        Ok(())
    }

    fn try_lock_range(
        &self,
        _: std::ops::Bound<u64>,
        _: std::ops::Bound<u64>,
    ) -> Result<bool, redb::BackendError> {
        Ok(true)
    }

    fn unlock_range(
        &self,
        _: std::ops::Bound<u64>,
        _: std::ops::Bound<u64>,
    ) -> Result<(), redb::BackendError> {
        Ok(())
    }
}
