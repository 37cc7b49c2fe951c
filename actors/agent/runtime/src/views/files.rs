//! Files of documents.

/// One file of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileView {
    /// Its number, from 0.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// Length, bytes.
    pub size: u64,
    /// It is known where it lies.
    pub told: bool,
    /// Its ciphertext is on this machine.
    pub here: bool,
}
