//! The verbs: one file per family, each method one thing a person or a bridge wants done.

mod acts;
mod admit;
pub(crate) mod agent;
mod attest;
mod contacts;
pub(crate) mod create;
mod device;
mod disclose;
mod documents;
mod door;
mod drill;
mod endpoints;
mod export;
mod files;
mod identity;
mod log;
mod mandates;
mod open;
mod recover;
mod rights;
mod share;
mod status;
mod stolen;
mod verify;
mod ward;

pub use agent::{Agent, Passphrase};
pub use create::{Created, NewProfile};
pub use disclose::ParcelDraft;
pub use door::Door;
pub use identity::kit_text;
pub use open::{Aside, Key};
pub(crate) use share::share_plan;
pub use stolen::{Stolen, Tried};
