//! What the caller keeps for this crate: rows of bytes, read from one snapshot and written
//! as one difference.
//!
//! openmls writes its state in many steps, and a state torn between two of them locks a
//! member out without any error. So nothing here writes: every operation collects its rows in
//! a [`StateDiff`], and its result is a [`Step`] that holds difference and output together.
//! The caller writes the difference in one transaction with its cursor, outbox and documents.

use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The caller's store could not be read. Nothing was changed; the session is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored state cannot be read")]
pub struct StateUnreadable;

/// One consistent snapshot of the rows that earlier differences wrote.
///
/// All reads of one operation must come from the same snapshot. A row that was never put, or
/// was deleted, is `None`; a store that cannot tell must say [`StateUnreadable`], never `None`:
/// an absent row would be taken for a fact.
pub trait MlsStateRead {
    /// The row under `key`.
    ///
    /// # Errors
    /// [`StateUnreadable`].
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateUnreadable>;
}

/// Rows in memory: for tests, tools and as the base of a scratch copy.
impl MlsStateRead for BTreeMap<Vec<u8>, Vec<u8>> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateUnreadable> {
        Ok(BTreeMap::get(self, key).cloned())
    }
}

/// What one or several operations changed. Values are wiped when dropped: they hold keys.
#[derive(Clone, Default)]
pub struct StateDiff(pub(crate) BTreeMap<Vec<u8>, Option<Zeroizing<Vec<u8>>>>);

impl StateDiff {
    /// Nothing changed.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Every changed row by rising key; `None` means the row is deleted.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.0
            .iter()
            .map(|(k, v)| (k.as_slice(), v.as_ref().map(|v| v.as_slice())))
    }

    /// Number of changed rows.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lays a later difference over this one.
    pub fn append(&mut self, later: StateDiff) {
        self.0.extend(later.0);
    }

    /// Writes the rows into a map: the whole of a store in memory.
    pub fn apply_to(&self, rows: &mut BTreeMap<Vec<u8>, Vec<u8>>) {
        for (key, value) in self.iter() {
            match value {
                Some(v) => rows.insert(key.to_vec(), v.to_vec()),
                None => rows.remove(key),
            };
        }
    }
}

/// Keys and contents are not for printing.
impl std::fmt::Debug for StateDiff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StateDiff({} rows)", self.0.len())
    }
}

/// A snapshot with differences laid over it that are not written yet: for several operations in
/// one transaction, and for walking ahead on a scratch copy.
#[derive(Clone, Copy)]
pub struct Layered<'a> {
    base: &'a dyn MlsStateRead,
    over: &'a StateDiff,
}

impl<'a> Layered<'a> {
    /// Lays `over` on `base`.
    pub const fn new(base: &'a dyn MlsStateRead, over: &'a StateDiff) -> Self {
        Self { base, over }
    }
}

impl MlsStateRead for Layered<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateUnreadable> {
        match self.over.0.get(key) {
            Some(change) => Ok(change.as_ref().map(|v| v.to_vec())),
            None => self.base.get(key),
        }
    }
}

/// The result of an operation, not yet real.
///
/// Sender state must be on disk before a ciphertext leaves: a key and nonce used twice would
/// open both messages. So the output comes out only through [`Step::commit`], which writes
/// first. A dropped step never happened: load the session again from the store.
#[must_use = "a dropped step never happened; commit it"]
#[derive(Debug)]
pub struct Step<T> {
    diff: StateDiff,
    output: T,
}

impl<T> Step<T> {
    pub(crate) const fn new(diff: StateDiff, output: T) -> Self {
        Self { diff, output }
    }

    /// Runs the caller's transaction and releases the output only if it succeeded.
    ///
    /// `write` gets the output as well, because an outbox row holds the ciphertext and must be
    /// written in the same transaction. It must not send anything.
    ///
    /// # Errors
    /// The caller's own; the step is then gone.
    pub fn commit<E>(self, write: impl FnOnce(&StateDiff, &T) -> Result<(), E>) -> Result<T, E> {
        write(&self.diff, &self.output)?;
        Ok(self.output)
    }

    /// Puts the step into a larger transaction: `batch` must be written, in one piece, before
    /// anything of the output leaves this machine. The next operation reads through
    /// [`Layered`].
    pub fn stack(self, batch: &mut StateDiff) -> T {
        batch.append(self.diff);
        self.output
    }

    /// What would be written.
    pub const fn diff(&self) -> &StateDiff {
        &self.diff
    }

    /// Changes the output, as in [`Option::map`].
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Step<U> {
        Step {
            diff: self.diff,
            output: f(self.output),
        }
    }
}
