//! The demo as a test: every line of it must hold.

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_readable_at_the_relay() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/bundle.json"));
    let failed = telesphor_demo::story::tell(&folder.path().join("demo"), bundle)
        .await
        .unwrap();
    assert_eq!(failed, 0, "a line of the demo did not hold; it is printed above");
}
