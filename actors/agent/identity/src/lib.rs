//! Who is who: key histories, endpoints, attestations, and the verdict on a signed document.
//!
//! **What it does.** Makes identities and checks their histories from the first key to the last;
//! issues and judges attestations and status lists; decides, offline and in a fixed order,
//! whether a document is genuine, and says so in words. Makes and reads the recovery kit.
//!
//! **What it deliberately does not know.** Where histories are fetched, what is stored, who is a
//! contact, MLS. It has no clock: now is an argument.
//!
//! **Where to start.** [`inception`] and [`history`] for identities, [`verify`] for documents,
//! [`signing`] for the list of everything that is signed, [`kit`] for recovery.
//!
//! **What always holds.** Nothing counts because an author says so: not his date (only evidence
//! of time), not his role (only attestations by authorities that the verifier chose). A history
//! is asked only after all of it was checked. What cannot be proved is said, never assumed.

pub mod attestation;
pub mod bundle;
pub mod compare;
pub mod endpoint;
pub mod event;
pub mod evidence;
pub mod export;
pub mod fork;
pub mod guardians;
pub mod history;
pub mod inception;
pub mod joining;
pub mod judge;
pub mod keys;
pub mod kit;
pub mod known;
pub mod limits;
pub mod locator;
pub mod mandate;
pub mod opener;
pub mod parcel;
mod parts;
pub mod problem;
pub mod recovery;
pub mod report;
pub mod signing;
pub mod state;
pub mod status;
pub mod trust;
pub mod verify;
pub mod words;
