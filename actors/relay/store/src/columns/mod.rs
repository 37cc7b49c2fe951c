//! What is kept: one column family per family of keys, one file for each, with its layout.
//!
//! All integers are big-endian. Values are frozen by [`meta::FORMAT`]; a new layout is a new
//! format number.

pub(crate) mod access;
pub(crate) mod batches;
pub(crate) mod codec;
pub(crate) mod cursors;
pub(crate) mod events;
pub(crate) mod heads;
pub(crate) mod husks;
pub(crate) mod ledger;
pub(crate) mod memory;
pub(crate) mod meta;
pub(crate) mod ordered;
pub(crate) mod outboxes;
pub(crate) mod packages;
pub(crate) mod profiles;
pub(crate) mod records;
pub(crate) mod standings;
pub(crate) mod tokens;
pub(crate) mod vouchers;

/// Every column family, in the order of their handles.
pub(crate) const ALL: [&str; 16] = [
    meta::NAME,
    cursors::NAME,
    batches::NAME,
    heads::NAME,
    profiles::NAME,
    events::NAME,
    husks::NAME,
    access::NAME,
    memory::NAME,
    packages::NAME,
    tokens::NAME,
    vouchers::NAME,
    records::NAME,
    ordered::NAME,
    standings::NAME,
    ledger::NAME,
];
