//! Laboratory orders whose patient the laboratory does not know: what orderer, hospital,
//! laboratory and patient do.
//!
//! The laboratory tells a hospital where orders go. The hospital gives its people a pass for the
//! day, the same to all of one cost centre. An order goes sealed, under the pass and from nobody,
//! to the laboratory's desk; the answer comes, sealed, into a mailbox that was opened for this
//! order alone. Whose sample it was stands in a document that only orderer and patient have.

mod came;
mod desk;
mod keys;
mod order;
mod place;
mod prove;
mod record;
mod tend;
#[cfg(test)]
mod tests;
mod verbs;
mod view;

pub use order::LabDraft;
pub use place::LabTerms;
pub(crate) use record::LabJob;
pub use verbs::LabReport;
