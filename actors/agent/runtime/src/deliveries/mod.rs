//! Who fetched from the mailboxes that this identity owns, as their relay noted it.

pub(crate) mod came;
pub(crate) mod keys;
pub(crate) mod marks;
pub(crate) mod reader;
pub(crate) mod show;
#[cfg(test)]
mod tests;
