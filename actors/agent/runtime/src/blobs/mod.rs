//! Large files: sealed into a folder beside the vault, put at the relay by themselves, and told
//! of once they are there.
//!
//! A document goes its usual way at once and names its files by hash. Where their ciphertext lies
//! and how it opens follows in a word of its own ([`telesphor_clinical::blob::PartsWord`]), said
//! when the relay keeps them and shows them in the mailbox where it is said. So a scan of a
//! gigabyte holds up nothing that is said beside it, and a program that is killed goes on from
//! the last whole chunk.
//!
//! **What always holds.** The keys of a document's files lie under the document's own key, and go
//! with it. Nothing readable of a file lies on the disk before somebody asks for it, and nothing
//! is written of a piece that is not what its author signed.

pub(crate) mod came;
mod erase;
pub(crate) mod fetch;
mod keep;
pub(crate) mod open;
pub(crate) mod record;
pub(crate) mod seal;
pub(crate) mod shelf;
pub(crate) mod source;
pub(crate) mod task;
