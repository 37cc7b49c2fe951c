//! A store in a temporary directory, driven one batch at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use telesphor_rules::read::ReadSpan;
use telesphor_store::{Applied, Applier, Done, Fatal, Ordered, Outcome, Reader, Store, StoreConfig, Upkeep};
use telesphor_wire::batch::{Batch, Submission};
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{MailboxId, PartitionId};
use telesphor_wire::mailbox::Event;

use crate::support::{NOW, domain};

/// Everything of a mailbox.
pub const ALL: ReadSpan = ReadSpan {
    after: 0,
    to: u64::MAX,
    handshake_only: false,
    not_before: 0,
};

pub struct At {
    pub path: PathBuf,
    pub applier: Applier,
    pub reader: Reader,
    pub upkeep: Upkeep,
    pub incarnation: telesphor_wire::ids::Incarnation,
}

pub fn config() -> StoreConfig {
    StoreConfig {
        cache_bytes: 64 << 10,
        block_cache_bytes: 4 << 20,
        write_buffer_bytes: 8 << 20,
        direct_writes: true,
        ..StoreConfig::new(domain(1))
    }
}

impl At {
    pub fn create(path: &Path) -> Self {
        Self::of(path, Store::create(path, config()).unwrap())
    }

    pub fn open(path: &Path) -> Self {
        Self::of(path, Store::open(path, config()).unwrap())
    }

    pub fn of(path: &Path, store: Store) -> Self {
        Self {
            path: path.to_owned(),
            reader: store.reader(),
            upkeep: store.upkeep(),
            incarnation: store.incarnation(),
            applier: store.into_applier(),
        }
    }

    /// Closes and opens the store again.
    pub fn again(self) -> Self {
        let path = self.path.clone();
        drop(self);
        Self::open(&path)
    }

    pub fn next_position(&self, partition: u16) -> u64 {
        self.reader.partition(PartitionId(partition)).unwrap().position + 1
    }

    pub fn try_batch(&mut self, submissions: Vec<Submission>, stamp: u64) -> Result<Applied, Fatal> {
        let ordered = ordered(0, self.next_position(0), submissions, stamp);
        self.applier
            .apply(&[ordered])
            .map(|mut applied| applied.remove(0))
    }

    pub fn batch(&mut self, submissions: Vec<Submission>, stamp: u64) -> Applied {
        self.try_batch(submissions, stamp).unwrap()
    }

    #[track_caller]
    pub fn must(&mut self, submission: Submission) -> Done {
        match self.batch(vec![submission], NOW).outcomes.remove(0) {
            Outcome::Accepted(done) => done,
            other => panic!("expected acceptance, got {other:?}"),
        }
    }

    pub fn events(&self, id: &MailboxId) -> Vec<Event> {
        self.reader
            .events(id, 0, &ALL, usize::MAX, usize::MAX)
            .unwrap()
            .events
    }
}

impl At {
    /// The same, where the mailbox may not be here.
    pub fn events_or_none(&self, home: &crate::support::commands::Home) -> Vec<Event> {
        match self.reader.mailbox(&home.id).unwrap() {
            Some(_) => self.events(&home.id),
            None => Vec::new(),
        }
    }
}

pub fn ordered(partition: u16, position: u64, submissions: Vec<Submission>, stamp: u64) -> Ordered {
    let batch = Arc::new(Batch {
        stamp,
        submissions,
        ext: Extensions::none(),
    });
    Ordered {
        partition: PartitionId(partition),
        position,
        batch,
        hashed: Vec::new(),
    }
}
