//! Documents that go together: a patient gives a chosen history to another doctor, and asks those
//! who treated him before for everything they have.
//!
//! Each document travels as it is, under its author's signature. Behind them goes a signed list
//! ([`telesphor_clinical::collection`]) by which the reader sees what is here, what is missing, and
//! from whom each came.

mod check;
mod gather;
mod give;
mod verbs;

pub use give::BundleDraft;
