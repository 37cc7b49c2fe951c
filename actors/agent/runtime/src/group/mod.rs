//! Groups: begun, joined, listened to. The sealing layer does MLS; here is who may and what follows.

pub(crate) mod begin;
pub(crate) mod change;
pub(crate) mod forget;
pub(crate) mod hold;
pub(crate) mod join;
pub(crate) mod letter;
pub(crate) mod listen;
pub(crate) mod policy;
pub(crate) mod pseudonym;
pub(crate) mod rows;
pub(crate) mod trouble;
