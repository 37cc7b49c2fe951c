//! A prescription at a pharmacy with no network: genuine, by whom, with which licence by whose word,
//! in which status list, and valid today. From the pharmacy's vault, by the calls of `rx check --offline`.

use std::path::Path;
use std::time::{Duration, Instant};

use telesphor_agent::{Agent, RxDraft};
use telesphor_chaos::relay::Relay;
use tokio::runtime::Runtime;

use crate::blobs::{agent, meet};
use crate::error::{Result, odd};
use crate::report::Report;

const PATIENCE: Duration = Duration::from_secs(60);
const CLAIM: &str = "licensed-physician";
const YEAR_MS: u64 = 365 * 86_400_000;
const ROUNDS: usize = 201;

/// The scenario.
pub(crate) fn run(runtime: &Runtime, folder: &Path, report: &mut Report) -> Result<()> {
    let folder = folder.join("chain");
    std::fs::create_dir_all(&folder)?;
    report.section("A prescription, checked with no network");
    let mut relay = Relay::init(&folder, "hospital-a.example")?;
    relay.start()?;
    let took = runtime.block_on(checked(&relay, &folder))?;
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or(f64::NAN);
    report.figure("rx check, with no network: p50", at(50), "ms");
    report.figure("rx check, with no network: p95", at(95), "ms");
    report.at_most("rx check, with no network: p95", at(95), 100.0, "ms");
    relay.kill()?;
    Ok(())
}

/// Milliseconds that each checking took, shortest first.
async fn checked(relay: &Relay, folder: &Path) -> Result<Vec<f64>> {
    let board = agent(relay, folder, "board").await?;
    let doctor = agent(relay, folder, "doctor").await?;
    let aino = agent(relay, folder, "aino").await?;
    let pharmacy = agent(relay, folder, "pharmacy").await?;
    meet(&board, &doctor).await?;
    meet(&doctor, &aino).await?;
    meet(&aino, &pharmacy).await?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = u64::try_from(now.map_err(odd)?.as_millis()).map_err(odd)?;
    board
        .attest("doctor", CLAIM, "", now + YEAR_MS)
        .await
        .map_err(odd)?;
    let card = board.my_card().await.map_err(odd)?;
    for who in [&aino, &pharmacy] {
        who.trust(&card, "Medical board", CLAIM).await.map_err(odd)?;
    }
    until(async || !doctor.attestations().await.unwrap_or_default().is_empty()).await?;
    let draft = RxDraft::new("Amoxicillin 500 mg", "one three times a day", "capsules", 30, now);
    let written = doctor.rx_write("aino", draft, PATIENCE).await.map_err(odd)?;
    let id = written.document.id.to_string();
    until(async || aino.rx(&id).await.is_ok()).await?;
    aino.rx_ticket(&id, "pharmacy", 10, false, PATIENCE)
        .await
        .map_err(odd)?;
    until(async || pharmacy.rx(&id).await.is_ok()).await?;
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let (verdict, _, _) = pharmacy.rx_check(&id, None).await.map_err(odd)?;
        took.push(begun.elapsed().as_secs_f64() * 1000.0);
        if let Some(code) = verdict.failed {
            return Err(odd(format!("the prescription is not genuine: {code}")));
        }
    }
    took.sort_unstable_by(f64::total_cmp);
    for who in [board, doctor, aino, pharmacy] {
        Agent::close(who).await;
    }
    Ok(took)
}

async fn until(so: impl AsyncFn() -> bool) -> Result<()> {
    let begun = Instant::now();
    while !so().await {
        if begun.elapsed() > PATIENCE {
            return Err(odd("what was sent did not come"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
