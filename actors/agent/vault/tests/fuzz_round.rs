//! The fuzz targets' functions for this crate, run for a short and always equal round.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../../fuzz/parsers/mutate.rs"]
mod mutate;
#[path = "../../../../fuzz/parsers/vault.rs"]
mod vault;

use telesphor_vault::KeyFile;

#[test]
fn mutated_headers_break_the_opening() {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyFile::generate();
    let header = vault::prepare(folder.path(), &key);
    mutate::round(&[header], 1_500, |bytes| {
        vault::header(folder.path(), &key, bytes)
    });
}

#[test]
fn mutated_key_files_break_the_reading() {
    let line = KeyFile::generate().to_text().as_bytes().to_vec();
    mutate::round(&[line], 4_000, vault::key_file);
}
