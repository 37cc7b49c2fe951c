//! A folder with a vault in it.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use std::path::{Path, PathBuf};
use telesphor_vault::{OpenOptions, PassphraseCost, Unlock, Vault, VaultError, VaultPaths};

pub const PASS: &str = "correct horse battery staple";

pub struct Home {
    pub paths: VaultPaths,
    dir: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("vault")).unwrap();
        Self {
            paths: VaultPaths::in_folder(&dir.path().join("vault")),
            dir,
        }
    }

    pub fn folder(&self) -> &Path {
        &self.paths.folder
    }

    pub fn elsewhere(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn create(&self) -> Vault {
        Vault::create(&self.paths, PASS, PassphraseCost::least()).unwrap()
    }

    pub fn open(&self, passphrase: &str) -> Result<Vault, VaultError> {
        Vault::open(
            &self.paths,
            Unlock::Passphrase(passphrase),
            OpenOptions::default(),
        )
    }
}

pub fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (
                entry.file_name().into_string().unwrap(),
                std::fs::read(entry.path()).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}
