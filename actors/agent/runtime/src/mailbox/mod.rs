//! Mailboxes of this identity: opening them, and owning them.

mod early;
pub(crate) mod enrol;
pub(crate) mod inbox;
pub(crate) mod intake;
pub(crate) mod kept;
pub(crate) mod leave;
pub(crate) mod open;
pub(crate) mod own;
pub(crate) mod owner;
pub(crate) mod tend;
