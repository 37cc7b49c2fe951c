//! The words inside the seal: documents, grants, contacts, receipts, device streams.
//!
//! **What it does.** The header and statement that an author signs; the field tree that lets
//! parts be shown later; what travels in groups and deposits; taking in FHIR R4 without
//! changing a byte of it.
//!
//! **What it deliberately does not know.** Whether a key was the author's (that is the identity
//! crate's question), how seals are made, where anything is stored, what time it is.
//!
//! **Where to start.** [`header`] for what a document says of itself, [`statement`] for what is
//! signed, [`document`] for making and reading one, [`message`] for what is sent, [`fhir`] for
//! where documents come from.
//!
//! **What always holds.** Original bytes are signed, never a re-serialisation. A signature
//! covers body, header and field root from the first day. What a newer version made is kept
//! byte for byte and passed on, or refused by its number if it says that it is critical.
//! Nothing a patient wrote has a `Debug` form.

#[macro_use]
pub mod open;

pub mod attention;
pub mod blob;
pub mod claim;
pub mod collection;
pub mod contact;
pub mod dicom;
pub mod document;
pub mod fhir;
pub mod fields;
pub mod grant;
pub mod header;
pub mod identifier;
pub mod instant;
pub mod invite;
pub mod lab;
pub mod limits;
pub mod mandate;
pub mod manifest;
pub mod message;
pub mod own_device;
pub mod present;
pub mod presentation;
pub mod receipt;
pub mod retraction;
pub mod role;
pub mod roster;
pub mod rx;
pub mod rx_word;
pub mod scope;
pub mod sdjwt;
pub mod self_entry;
pub mod standing;
pub mod standing_in;
pub mod statement;
pub mod stream;
pub mod stripped;
pub mod study;
pub mod sums;
pub mod team;
pub mod text;
