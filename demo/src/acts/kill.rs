//! Act 3: the relay is killed while messages are under way.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::cast::{Cast, settle};
use crate::page::{Page, grouped};
use crate::stage::StageError;
use telesphor_chaos::campaign::{admit, read_all, wait_for};
use telesphor_chaos::history::{Verdict, judge};
use telesphor_chaos::relay::Relay;
use telesphor_chaos::sender::{self, Shared};
use telesphor_chaos::tenant::Tenant;

/// Mailboxes under load beside the five people.
const LOADED: usize = 4;
/// Deposits each keeps on the way.
const IN_FLIGHT: usize = 32;
/// Receipts before the kill, and at least as many after it.
const RECEIPTS: u64 = 900;
/// Nothing new for so long: stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// Load from four strangers and the heart monitor; `kill -9`; start; reckon up.
///
/// # Errors
/// Whatever kept it from being carried through.
pub async fn play(page: &mut Page, cast: &Cast, relay: &mut Relay) -> Result<(), Box<dyn std::error::Error>> {
    page.section("The relay is killed while messages are under way");
    let mut tenant = Tenant::enrol(&admit(relay)?, LOADED).await?;
    let mut mailboxes = Vec::new();
    {
        let (session, _pushes) = tenant.session().await?;
        for _ in 0..LOADED {
            mailboxes.push(tenant.open(&session).await?);
        }
    }
    let tenant = Arc::new(tenant);
    let shared = Arc::new(Shared::default());
    let senders: Vec<_> = mailboxes
        .iter()
        .map(|m| {
            tokio::spawn(sender::run(
                Arc::clone(&tenant),
                m.clone(),
                Arc::clone(&shared),
                1024,
                IN_FLIGHT,
            ))
        })
        .collect();
    let stream = cast
        .monitor
        .spawn(&["--json", "device", "simulate", "--for", "4s"])?;
    wait_for(&shared, RECEIPTS).await?;
    let pid = relay.pid().unwrap_or_default();
    let before = shared.receipts.load(Ordering::Relaxed);
    relay.kill()?;
    page.fact(
        "Killed",
        &format!("kill -9 {pid}; receipts given so far {}", grouped(before)),
    );
    let back = relay.start()?;
    page.fact(
        "Back",
        &format!(
            "ready again after {:.1} s, with no command to repair anything",
            back.as_secs_f64()
        ),
    );
    wait_for(&shared, before + RECEIPTS).await?;
    shared.stop.store(true, Ordering::Relaxed);
    let mut verdict = Verdict::default();
    let mut sent = 0;
    for (sender, mailbox) in senders.into_iter().zip(&mailboxes) {
        let record = tokio::time::timeout(PATIENCE, sender).await??;
        sent += record.payloads.len() as u64;
        let now = read_all(&tenant, mailbox).await?;
        verdict.add(&judge(mailbox.id, mailbox.genesis, &record, &[], &now));
    }
    page.must(
        verdict.holds() && verdict.read == sent && shared.surprises.load(Ordering::Relaxed) == 0,
        "Result",
        &format!(
            "sent {}, arrived {}, in order, none twice; {} of {} receipts kept",
            grouped(sent),
            grouped(verdict.read),
            grouped(verdict.receipts - verdict.lost.min(verdict.receipts)),
            grouped(verdict.receipts)
        ),
        &format!("every receipt honoured: {verdict:?}"),
    );
    vitals(page, cast, stream)?;
    Ok(())
}

/// The monitor's stream went through the same kill: every value once, in order.
fn vitals(page: &mut Page, cast: &Cast, stream: std::process::Child) -> Result<(), StageError> {
    let output = stream.wait_with_output()?;
    let sent: u64 = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok())
        .filter_map(|v| v["sent"].as_u64())
        .max()
        .unwrap_or(0);
    settle(&[&cast.monitor, &cast.aino])?;
    page.must(
        output.status.success() && sent > 0,
        "Vitals",
        &format!("{sent} values streamed by the heart monitor through the same kill"),
        &format!(
            "the stream to go on by itself: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ),
    );
    Ok(())
}
