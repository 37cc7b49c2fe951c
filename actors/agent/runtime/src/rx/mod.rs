//! Prescriptions and their dispense ledger: what prescriber, patient and pharmacy do.
//!
//! The prescriber writes a document whose ledger entry only the patient's key opens. The patient
//! gives a pharmacy a ticket: one amount, one key of the pharmacy's. The pharmacy reserves,
//! confirms, and hands over after that. What is asked of the ledger lies in the outbox like
//! everything else; every word in it has its effect once, however often it goes.

mod check;
mod far;
mod fill;
mod first;
mod key;
mod ledger;
mod letters;
pub(crate) mod record;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod ticket;
mod verbs;
mod view;
mod word;
mod write;

pub use verbs::RxPaperMade;
pub use write::RxDraft;
