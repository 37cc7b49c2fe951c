//! A short race for prescriptions.

use telesphor_chaos::fills::{Plan, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_pharmacies_and_a_relay_that_is_killed_hand_out_more_than_was_prescribed() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan {
        kills: 3,
        seed: 20_261_126,
        prescriptions: 6,
        units: 60,
        pharmacies: 12,
        fills: 1_500,
    };
    let outcome = run(folder.path(), &plan, |_, _| {}).await.unwrap();
    assert!(outcome.holds(), "{outcome:?}");
    assert!(
        outcome.emptied == 6 && outcome.confirmed > 100,
        "too little happened to prove anything: {outcome:?}"
    );
}
