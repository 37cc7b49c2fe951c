//! Act 3: the relay is killed while messages are under way.

use serde_json::Value;
use std::process::{Child, Output};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::cast::Cast;
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
    let watch = cast
        .aino
        .spawn(&["--json", "follow", "me", "vitals", "--for", "8s"])?;
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
        let now = read_all(&tenant, mailbox, 0).await?;
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
    vitals(page, stream, watch)?;
    Ok(())
}

/// The monitor's stream went through the same kill: every value reached the patient once, in order.
fn vitals(page: &mut Page, stream: Child, watch: Child) -> Result<(), StageError> {
    let sent = last_number(&stream.wait_with_output()?, "sent");
    let watched = watch.wait_with_output()?;
    let batches: Vec<Value> = lines(&watched).filter(|v| v["values"].is_array()).collect();
    let values: usize = batches
        .iter()
        .filter_map(|b| b["values"].as_array())
        .map(Vec::len)
        .sum();
    let starts: Vec<&str> = batches.iter().filter_map(|b| b["start"].as_str()).collect();
    let in_order = starts.windows(2).all(|pair| pair[0] < pair[1]);
    page.must(
        sent > 0 && values as u64 == sent && in_order,
        "Vitals",
        &format!("{sent} values streamed by the heart monitor through the same kill, {values} seen by Aino, in order"),
        &format!("every value once: {}", String::from_utf8_lossy(&watched.stderr).trim()),
    );
    Ok(())
}

fn lines(output: &Output) -> impl Iterator<Item = Value> {
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|l| serde_json::from_str(l).ok())
        .collect::<Vec<Value>>()
        .into_iter()
}

fn last_number(output: &Output, field: &str) -> u64 {
    lines(output).filter_map(|v| v[field].as_u64()).max().unwrap_or(0)
}
