//! One encrypted, transactional store of everything an endpoint knows.
//!
//! **What it does.** Keeps records under names and in ordered lists; every record is sealed
//! and every name hidden. One transaction covers all tables, is durable when it returns, and
//! leaves either everything or nothing after a crash. Several keys (passphrase, key file, a
//! session) open the same vault. Documents can be erased so that their keys are gone for
//! good, and be taken out in an encrypted backup.
//!
//! **What it deliberately does not know.** What the records mean: no MLS, no documents, no
//! network. It reads no clock; instants are handed in. It never decides; it keeps.
//!
//! **Where to start.** [`Vault`] to make and open one, [`Records`] for reading, [`Tx`] for
//! writing, [`Table`] for what there is, [`layout`] for the bytes on the disk.
//!
//! **What always holds.** The file shows how many records of which table there are, how large
//! they are and the numbers of list entries; nothing else. A record cannot be moved to another
//! name or table. No file content, however damaged, makes the process panic: it is
//! [`VaultError::Damaged`] and nothing more is written. MLS state never leaves in a backup,
//! because restoring it would use sending keys twice.

mod backup;
mod counter;
mod error;
mod files;
mod guard;
mod guarded;
mod head;
mod intake;
mod key_slots;
mod keyring;
// Reachable only inside this crate; `pub` because a sealed trait names it.
#[allow(unreachable_pub)]
mod keys;
pub mod layout;
pub mod limits;
mod own_head;
mod records;
mod ring_file;
mod session;
mod slots;
mod snapshot;
mod storage;
mod table;
mod tx;
mod vault;
mod wanted;
mod write;

pub use backup::BackupSummary;
pub use error::{Damage, VaultError};
pub use guarded::Guarded;
pub use layout::Value;
pub use records::{Entry, Records};
pub use session::{end_session, session_lasts};
pub use slots::{KeyFile, PassphraseCost, SlotInfo, SlotKind, Unlock};
pub use snapshot::Snapshot;
pub use table::Table;
pub use tx::Tx;
pub use vault::{OpenOptions, Vault, VaultPaths};

#[cfg(test)]
mod tests;
