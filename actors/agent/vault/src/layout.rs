//! The bytes on the disk.
//!
//! ```text
//! a folder
//!   vault.head     key slots (see `slots`), replaced whole
//!   vault.redb     the records, one redb table "r": physical key -> sealed record
//!   vault.ring     two places for the keyring key, overwritten in place (see `ring_file`)
//!   vault.count    a counter that only rises (see `counter`); may stand elsewhere
//!   vault.session  the master key wrapped for a session, while one lasts (see `session`)
//!   vault.wanted   empty; locked by whoever waits for the vault (see `wanted`)
//!
//! physical key of a named record
//!   | table: u8 | 0x00 | K("vault-page", index key, table || 0x00 || name) : 32 |
//! physical key of a list entry
//!   | table: u8 | 0x01 | K("vault-page", index key, table || 0x01 || list) : 32 | position: u64 BE |
//! physical key of what came in while locked
//!   | 20: u8    | 0x02 | position: u64 BE |                      value = ciphertext as delivered
//!
//! sealed record  = nonce (24) || XChaCha20-Poly1305(record) || tag (16)
//!   key = K("vault-page", master key, 0x02 || physical key)      aad = physical key
//! record         = | length of name: u32 BE | name | value |
//! ```
//!
//! A position is in clear because order is what it is for, and it says only how many entries a
//! list has had. The name stands inside the seal as well, so that a table can be listed. The
//! key of a record depends on where it stands: a record moved elsewhere does not open.
//! Somebody who can write to the file can put back an *older* record of the same name; that is
//! found only as far as the counter and the relay's own order reach.

use zeroize::Zeroizing;

/// What is read from a record: wiped when dropped, because it may be a key.
pub type Value = Zeroizing<Vec<u8>>;
