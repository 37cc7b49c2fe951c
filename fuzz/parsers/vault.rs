//! What a damaged disk may hand to the vault.

use std::path::Path;

use telesphor_vault::{KeyFile, OpenOptions, Unlock, Vault, VaultPaths};

/// A folder with a vault that `key` opens; gives the bytes of its header.
pub fn prepare(folder: &Path, key: &KeyFile) -> Vec<u8> {
    let paths = VaultPaths::in_folder(folder);
    drop(Vault::create_with_key_file(&paths, key).expect("an empty folder"));
    std::fs::read(folder.join("vault.head")).expect("the header was just written")
}

/// Any bytes as the header of the vault in `folder`: refused, or it opens as it was.
pub fn header(folder: &Path, key: &KeyFile, bytes: &[u8]) {
    std::fs::write(folder.join("vault.head"), bytes).expect("a folder of our own");
    let paths = VaultPaths::in_folder(folder);
    if let Ok(vault) = Vault::open(&paths, Unlock::KeyFile(key), OpenOptions::default()) {
        assert!(vault.verify().is_ok(), "a vault that opens under another header");
    }
}

/// Any bytes as a line of a key file.
pub fn key_file(bytes: &[u8]) {
    if let Ok(line) = std::str::from_utf8(bytes)
        && let Ok(key) = KeyFile::from_text(line)
    {
        assert!(KeyFile::from_text(&key.to_text()).is_ok());
    }
}
