//! What an identity does: contacts, conversations, documents, devices, kept in step with
//! other agents through a relay that cannot read any of it.
//!
//! **What it does.** Holds one profile: its vault, its connection, its outbox. Every verb a
//! person or a bridge needs is a method of the agent; every answer is a plain value of
//! [`views`].
//!
//! **What it deliberately does not know.** How anything is printed or asked for; how MLS, key
//! histories or the vault work inside; anything of the relay but its wire.
//!
//! **Where to start.** [`Agent`] for the verbs, [`views`] for what is shown, [`link`] for the way to the
//! relay.
//!
//! **What always holds.** What is to be sent lies in the vault as the very bytes before it
//! leaves, and goes again as the same bytes. What came is processed, judged and stored
//! together with the cursor in one transaction. An own change to a group counts when the order
//! confirms it, not before. Nothing here prints.

mod acts;
mod api;
mod attest;
mod blobs;
mod collection;
mod contacts;
mod core;
mod deliveries;
mod device;
mod disclose;
mod documents;
mod endpoints;
pub mod error;
mod exchange;
mod group;
mod lab;
pub mod link;
mod mailbox;
mod mandates;
mod people;
mod recovery;
mod role;
mod rx;
mod sharing;
mod study;
mod sync;
mod team;
#[cfg(test)]
mod testing;
pub mod views;
mod ward;

pub use acts::amend::Correction;
pub use acts::retract::RetractRequest;
pub use api::{
    Agent, Aside, Created, Door, Key, NewProfile, ParcelDraft, Passphrase, Stolen, Tried, kit_text,
};
pub use attest::verdict::Asked;
pub use blobs::fetch::FileFault;
pub use blobs::seal::{FileToSeal, SealedFiles};
pub use collection::BundleDraft;
pub use device::stream::Measured;
pub use disclose::{Disclosure, SdJwtFile, Shown};
pub use documents::write::Draft;
pub use error::{Error, Result};
pub use lab::{LabDraft, LabReport, LabTerms};
pub use mandates::give::MandateDraft;
pub use role::{RoleAddress, RoleSend, Then};
pub use rx::{RxDraft, RxPaperMade};
pub use sharing::give::ShareRequest;
pub use study::StudyDraft;
pub use team::{Mischief, TeamRequest, TeamStand, Turn};
pub use telesphor_vault::PassphraseCost;
