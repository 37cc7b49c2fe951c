//! A short round of the race.

use std::time::Duration;

use telesphor_chaos::race::{Plan, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_that_race_and_are_killed_part_get_stuck_or_lose_or_double_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan {
        program: env!("CARGO_BIN_EXE_race").into(),
        members: 6,
        epochs: 12,
        seed: 20_261_126,
        kill_one_in: 2,
        kill_relay_one_in: 5,
        say_one_in: 2,
        patience: Duration::from_secs(120),
        at_most: Duration::from_secs(600),
    };
    let outcome = run(folder.path(), &plan, |_| {}).await.unwrap();
    assert!(outcome.reckoning.holds(), "{outcome:?}");
    assert!(outcome.disk_verified, "{outcome:?}");
    let (progress, reckoning) = (outcome.progress, outcome.reckoning);
    let enough =
        reckoning.commits >= 12 && reckoning.notes > 0 && progress.kills > 0 && progress.relay_kills > 0;
    assert!(enough, "too little happened to prove anything: {outcome:?}");
}
