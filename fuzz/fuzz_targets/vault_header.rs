#![no_main]
use std::sync::LazyLock;
use telesphor_vault::KeyFile;

static VAULT: LazyLock<(tempfile::TempDir, KeyFile)> = LazyLock::new(|| {
    let (folder, key) = (
        tempfile::tempdir().expect("a temporary folder"),
        KeyFile::generate(),
    );
    telesphor_fuzz::vault::prepare(folder.path(), &key);
    (folder, key)
});
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| telesphor_fuzz::vault::header(VAULT.0.path(), &VAULT.1, bytes));
