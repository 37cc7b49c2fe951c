//! Studies: what a researcher, whoever takes part and the two who add up do.
//!
//! The researcher signs what is asked and opens a mailbox for it. Whoever is asked sees what would
//! leave, worked out from the own record; if it is a yes, exactly that goes, stripped and under a
//! key for this study alone, to the study's desk. Sums go in two halves to two who add up.
//!
//! Where to start: `part.rs` (whoever takes part), `desk.rs` (the researcher), `add.rs` (the two).

mod add;
mod answers;
mod desk;
mod judge;
mod keys;
mod part;
mod publish;
mod record;
mod results;
mod say;
#[cfg(test)]
mod tests;
mod verbs;
mod view;

pub use publish::StudyDraft;
pub(crate) use record::StudyJob;
