//! A short round of the campaign.

use telesphor_chaos::campaign::{Plan, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_event_lost_doubled_or_reordered_by_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan {
        kills: 10,
        seed: 20_261_120,
        mailboxes: 4,
        in_flight: 16,
        payload_bytes: 700,
    };
    let outcome = run(folder.path(), &plan, |_, _| {}).await.unwrap();
    assert!(outcome.verdict.holds(), "{outcome:?}");
    assert_eq!(outcome.surprises, 0, "{outcome:?}");
    assert!(outcome.disk_verified, "{outcome:?}");
    assert!(
        outcome.verdict.receipts > 500,
        "too little happened to prove anything: {outcome:?}"
    );
}
