//! The story of an admission as a test: every line of it must hold.

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_opens_more_or_less_than_role_scope_and_turn_allow() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/bundle.json"));
    let failed = telesphor_demo::admission::tell(&folder.path().join("demo"), bundle)
        .await
        .unwrap();
    assert_eq!(failed, 0, "a line of the story did not hold; it is printed above");
}
