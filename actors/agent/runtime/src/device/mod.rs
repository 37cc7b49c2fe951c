//! Machines and their streams.

pub(crate) mod came;
