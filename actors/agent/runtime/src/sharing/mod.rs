//! Letting somebody look until: grants as they come.

pub(crate) mod came;
