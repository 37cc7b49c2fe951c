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

impl FileView {
    /// A name that it may have here, whatever its sender called it.
    pub fn local_name(&self) -> String {
        let plain = |c: char| match c.is_control() || matches!(c, '/' | '\\' | ':') {
            true => '_',
            false => c,
        };
        let name: String = self.name.chars().map(plain).take(120).collect();
        match name.trim_matches(['.', ' ']) {
            "" => format!("file-{}", self.index),
            name => name.to_owned(),
        }
    }
}
