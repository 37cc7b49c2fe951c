//! The actors of the house beside the sessions, and who keeps them.

pub(crate) mod mailbox;
pub(crate) mod registry;
pub(crate) mod supervisor;
