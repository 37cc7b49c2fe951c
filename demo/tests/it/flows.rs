//! The story of the flows as a test: every line of it must hold.

#[test]
fn a_step_of_a_visit_tells_somebody_more_than_it_says_or_the_relay_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/bundle.json"));
    let failed = telesphor_demo::flows::tell(&folder.path().join("demo"), bundle).unwrap();
    assert_eq!(failed, 0, "a line of the story did not hold; it is printed above");
}
