//! MLS rows in the vault: read through a transaction or a snapshot, written as one difference.

use telesphor_sealing::state::{MlsStateRead, StateDiff, StateUnreadable};
use telesphor_vault::{Records, Table, Tx};

use crate::error::Result;

/// The rows of openmls and of the sealing layer, as one reader sees them.
pub(crate) struct Rows<'a, R: Records>(pub(crate) &'a R);

impl<R: Records> MlsStateRead for Rows<'_, R> {
    fn get(&self, key: &[u8]) -> std::result::Result<Option<Vec<u8>>, StateUnreadable> {
        match self.0.get(Table::Mls, key) {
            Ok(value) => Ok(value.map(|v| v.to_vec())),
            Err(_) => Err(StateUnreadable),
        }
    }
}

/// Writes a difference into the transaction it was read through.
pub(crate) fn apply(tx: &Tx<'_>, diff: &StateDiff) -> Result<()> {
    for (key, value) in diff.iter() {
        match value {
            Some(value) => tx.put(Table::Mls, key, value)?,
            None => {
                tx.delete(Table::Mls, key)?;
            }
        }
    }
    Ok(())
}
