//! What people do with a document after it was sent: accept it, correct it, take it back.

pub(crate) mod amend;
pub(crate) mod answers;
pub(crate) mod pass_on;
pub(crate) mod retract;
pub(crate) mod standing;
pub(crate) mod unsent;
pub(crate) mod views;
