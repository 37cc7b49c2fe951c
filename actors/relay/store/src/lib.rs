//! What a relay keeps: one RocksDB for all its partitions.
//!
//! **What it does.** [`Applier::apply`] lets the rules decide a group of ordered batches and
//! writes everything that follows in one atomic, synced write; [`Applier::write_ahead`] leaves the
//! sync to a [`Syncer`], which does it while the next group is decided. [`Reader`]s serve events,
//! heads and receipts. [`Upkeep`] verifies, reclaims, backs up and restores.
//!
//! **What it deliberately does not know.** Who may read (that is `rules`), who ordered the
//! batches, keys that sign, sockets, clocks. Time comes with each batch.
//!
//! **Where to start.** [`applier`] for the one write path, then one file per column family
//! with its byte layout.
//!
//! **What always holds.** Nothing is answered before it is synced. After a failed write
//! nothing is answered at all: the store is poisoned and its process must end. What a reader
//! sees is durable. A mailbox's chain and a partition's chain of batches can be walked from
//! their beginning at any time. A sleeping mailbox costs disk only.
//!
//! **How far it is trusted.** With the ciphertexts: not at all, and it holds no key. With the
//! order of events: as far as the chains reach. Its thief counts mailboxes and sizes.

mod ahead;
pub mod applied;
pub mod applier;
mod cache;
pub mod closed;
mod columns;
mod database;
pub mod error;
pub mod faults;
mod files;
mod keep;
mod ledger;
mod note;
mod overlay;
pub mod part;
pub mod reader;
mod reclaim;
pub mod records;
mod rows;
mod sheet;
mod store;
pub mod syncer;
pub mod upkeep;
mod verify;
mod verify_ledger;

pub use ahead::Written;
pub use applied::{Applied, Done, Fresh, Ordered, Outcome};
pub use applier::Applier;
pub use closed::Closed;
pub use error::{Fatal, StoreError};
pub use keep::Keep;
pub use part::{End, Row};
pub use reader::Reader;
pub use records::RecordKeeper;
pub use store::{Store, StoreConfig};
pub use syncer::Syncer;
pub use upkeep::Upkeep;
