//! Reading, the same in a snapshot and inside a write.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::Bound;
use telesphor_wire::canonical;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::DocumentId;

use crate::error::VaultError;
use crate::keys;
use crate::layout::Value;
use crate::limits;
use crate::table::Table;

// Reachable only inside this crate; `pub` because a public trait stands on it.
#[allow(unreachable_pub)]
pub(crate) mod raw {
    use crate::error::VaultError;
    use crate::keys::Keys;

    /// A physical key and its sealed record.
    pub type Pair = (Vec<u8>, Vec<u8>);

    /// The bytes under the seal. Nobody outside this crate implements it.
    pub trait Raw {
        fn raw_get(&self, physical: &[u8]) -> Result<Option<Vec<u8>>, VaultError>;
        /// At most `limit` pairs of `[from, to)`, from the end if `backwards`.
        fn raw_range(
            &self,
            from: &[u8],
            to: &[u8],
            limit: usize,
            backwards: bool,
        ) -> Result<Vec<Pair>, VaultError>;
        fn keys(&self) -> &Keys;
        /// The keyring key of a generation, if it still exists.
        fn ring_key(&self, generation: u64) -> Result<Option<telesphor_wire::hash::Secret>, VaultError>;
    }
}

/// An entry of a list: its position and its value.
pub type Entry = (u64, Value);

/// Reading records. Implemented by [`crate::Snapshot`] (one instant, never blocks a writer)
/// and by [`crate::Tx`] (sees what the transaction has written so far).
///
/// Every method fails with [`VaultError::Damaged`] where the bytes do not hold, never with a
/// record left out.
pub trait Records: raw::Raw {
    /// The value of a named record.
    ///
    /// # Errors
    /// As the trait says.
    fn get(&self, table: Table, name: &[u8]) -> Result<Option<Value>, VaultError> {
        let physical = self.keys().named(table, name);
        match self.raw_get(&physical)? {
            Some(sealed) => Ok(Some(self.keys().open(&physical, &sealed)?.1)),
            None => Ok(None),
        }
    }

    /// Whether there is a record of this name. Does not open it.
    ///
    /// # Errors
    /// As the trait says.
    fn contains(&self, table: Table, name: &[u8]) -> Result<bool, VaultError> {
        Ok(self.raw_get(&self.keys().named(table, name))?.is_some())
    }

    /// A typed value, as [`crate::Tx::put_value`] wrote it.
    ///
    /// # Errors
    /// As the trait says; [`VaultError::Form`] if the bytes are of another type.
    fn get_value<T: DeserializeOwned + Serialize>(
        &self,
        table: Table,
        name: &[u8],
    ) -> Result<Option<T>, VaultError>
    where
        Self: Sized,
    {
        self.get(table, name)?.map(|value| decode(&value)).transpose()
    }

    /// All named records of a table as (name, value), ordered by name. Opens them all: for
    /// tables of bounded size.
    ///
    /// # Errors
    /// As the trait says.
    fn scan(&self, table: Table) -> Result<Vec<(Value, Value)>, VaultError> {
        let (from, to) = keys::all_named(table);
        let mut records = Vec::new();
        for (physical, sealed) in self.raw_range(&from, &to, usize::MAX, false)? {
            records.push(self.keys().open(&physical, &sealed)?);
        }
        records.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(records)
    }

    /// The entry of a list at a position.
    ///
    /// # Errors
    /// As the trait says.
    fn at(&self, table: Table, list: &[u8], position: u64) -> Result<Option<Value>, VaultError> {
        let physical = self.keys().listed(table, list, position);
        match self.raw_get(&physical)? {
            Some(sealed) => Ok(Some(self.keys().open(&physical, &sealed)?.1)),
            None => Ok(None),
        }
    }

    /// At most `limit` entries of a list whose position is at least `from`, in order. Ask again
    /// from the last position plus one for more; never more than [`limits::MAX_RANGE`] at once.
    ///
    /// # Errors
    /// As the trait says.
    fn range(&self, table: Table, list: &[u8], from: u64, limit: usize) -> Result<Vec<Entry>, VaultError> {
        self.list_part(table, list, Bound::Included(from), Bound::Unbounded, limit, false)
    }

    /// At most `limit` entries of a list whose position is below `before`, newest first.
    ///
    /// # Errors
    /// As the trait says.
    fn newest(&self, table: Table, list: &[u8], before: u64, limit: usize) -> Result<Vec<Entry>, VaultError> {
        self.list_part(
            table,
            list,
            Bound::Unbounded,
            Bound::Excluded(before),
            limit,
            true,
        )
    }

    #[doc(hidden)]
    fn list_part(
        &self,
        table: Table,
        list: &[u8],
        from: Bound<u64>,
        to: Bound<u64>,
        limit: usize,
        backwards: bool,
    ) -> Result<Vec<Entry>, VaultError> {
        let first = match from {
            Bound::Included(n) => n,
            Bound::Excluded(n) => n.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match to {
            Bound::Included(n) => n.saturating_add(1),
            Bound::Excluded(n) => n,
            Bound::Unbounded => u64::MAX,
        };
        let lower = self.keys().listed(table, list, first);
        let upper = self.keys().listed(table, list, end);
        if lower >= upper {
            return Ok(Vec::new());
        }
        self.raw_range(&lower, &upper, limit.min(limits::MAX_RANGE), backwards)?
            .into_iter()
            .map(|(physical, sealed)| {
                Ok((
                    keys::position_of(&physical)?,
                    self.keys().open(&physical, &sealed)?.1,
                ))
            })
            .collect()
    }

    /// The position that [`crate::Tx::push`] will give next: one more than any ever given.
    ///
    /// # Errors
    /// As the trait says.
    fn next_position(&self, table: Table, list: &[u8]) -> Result<u64, VaultError> {
        let end: Option<u64> = match self.get(Table::Meta, &list_end_name(table, list))? {
            Some(value) => Some(decode(&value)?),
            None => None,
        };
        Ok(end.unwrap_or(1))
    }

    /// The key of a document, or `None` if there is none (never held, or erased).
    ///
    /// # Errors
    /// As the trait says.
    fn document_key(&self, document: &DocumentId) -> Result<Option<Secret>, VaultError> {
        crate::keyring::document_key(self, document)
    }

    /// The bytes of a document.
    ///
    /// # Errors
    /// As the trait says; [`VaultError::NoDocumentKey`] if there are bytes but no key.
    fn body(&self, document: &DocumentId) -> Result<Option<Value>, VaultError> {
        crate::keyring::body(self, document)
    }

    /// The end of an own mailbox or stream as this vault knows it; see [`crate::Vault::compare_own_head`].
    ///
    /// # Errors
    /// As the trait says.
    fn own_head(&self, name: &[u8]) -> Result<Option<u64>, VaultError> {
        self.get(Table::OwnHeads, name)?
            .map(|value| decode(&value))
            .transpose()
    }
}

pub(crate) fn decode<T: DeserializeOwned + Serialize>(value: &[u8]) -> Result<T, VaultError> {
    canonical::decode_bounded(value, limits::MAX_VALUE_BYTES).map_err(|_| VaultError::Form)
}

pub(crate) fn list_end_name(table: Table, list: &[u8]) -> Vec<u8> {
    [&b"end"[..], &[table.number()], list].concat()
}
