#![no_main]
use std::sync::LazyLock;

static GROUP: LazyLock<std::collections::BTreeMap<Vec<u8>, Vec<u8>>> =
    LazyLock::new(telesphor_fuzz::sealing::group);
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| telesphor_fuzz::sealing::events(&GROUP, bytes));
