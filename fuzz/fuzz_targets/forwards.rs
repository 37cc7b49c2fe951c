#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| telesphor_fuzz::wire::forwards(bytes));
