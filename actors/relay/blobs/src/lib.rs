//! Large ciphertext on one relay's disk: put, found and given by the hash of what it is.
//!
//! **What it does.** Takes blobs chunk by chunk, checks each chunk against the list that leads to
//! the blob's address, keeps each blob once, and accounts for it against every mailbox that keeps
//! it. In a cluster it also takes over what other relays say of a blob, and the blob from them.
//!
//! **What it deliberately does not know.** Who may: it is told a mailbox, and does what it is
//! asked. No order, no key, no clock of its own, nothing readable.
//!
//! **Where to start.** [`put`] for how a blob comes, [`card`] for who keeps it, [`give`] for how
//! it is read, [`pull`] for how it comes from another relay.
//!
//! **What always holds.** What stands under an address was checked against it. A blob that was
//! confirmed is on the disk with its card. What no mailbox keeps is gone from the disk. A chunk
//! that the disk has changed is never given.

pub mod card;
mod copy;
mod disk;
pub mod error;
pub mod give;
pub mod limits;
pub mod pull;
pub mod put;
mod state;
mod sweep;
mod telling;
mod uses;
mod verify;

pub use copy::copy;
pub use error::BlobsError;
pub use state::{Blobs, Totals};
pub use sweep::Swept;
pub use telling::Told;
pub use verify::{Broken, Verified, verify};
