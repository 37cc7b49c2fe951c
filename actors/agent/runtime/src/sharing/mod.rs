//! Letting somebody look until: grants given, grants that came, who can see what, and the rooms
//! whose end the relay enforces.

pub(crate) mod came;
pub(crate) mod end;
pub(crate) mod give;
pub(crate) mod over;
pub(crate) mod room;
pub(crate) mod show;
