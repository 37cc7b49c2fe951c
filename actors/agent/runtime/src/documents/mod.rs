//! Documents: taken in, signed, sent, received, opened; and what became of them.

pub(crate) mod came;
pub(crate) mod keep;
pub(crate) mod receipts;
pub(crate) mod send;
pub(crate) mod show;
pub(crate) mod stamp;
pub(crate) mod write;
