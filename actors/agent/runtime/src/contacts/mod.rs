//! Contacts: made by invitation, kept with what each side told the other.

pub(crate) mod accept;
pub(crate) mod invite;
pub(crate) mod packages;
pub(crate) mod record;
pub(crate) mod show;
