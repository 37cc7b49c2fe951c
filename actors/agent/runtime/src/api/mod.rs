//! The verbs: one file per family, each method one thing a person or a bridge wants done.

pub(crate) mod agent;
mod attest;
mod contacts;
pub(crate) mod create;
mod device;
mod documents;
mod drill;
mod export;
mod identity;
mod open;
mod recover;
mod share;
mod status;
mod verify;

pub use agent::{Agent, Passphrase};
pub use create::{Created, NewProfile};
pub use identity::kit_text;
pub use open::Key;
