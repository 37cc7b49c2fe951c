//! Letting somebody look until: grants given, grants that came, who can see what.

pub(crate) mod came;
pub(crate) mod give;
pub(crate) mod show;
