//! The story, act by act.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::acts::{breach, cast, kill, mallory, matrix, scan, sharing};
use crate::page::Page;
use crate::stolen;
use telesphor_chaos::campaign::admit;
use telesphor_chaos::relay::Relay;
use telesphor_chaos::tenant::Tenant;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::Event;

/// The domain of the one relay.
const DOMAIN: &str = "hospital-a.example";

/// Tells it. Gives the number of lines that failed.
///
/// # Errors
/// Whatever kept the story from being told to its end.
pub async fn tell(folder: &Path, bundle: &Path) -> Result<u32, Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let mut page = Page::new();
    page.line(
        "Telesphor demo: one relay, five parties, one FHIR record. All of it runs now, on this machine.",
    );
    let mut relay = Relay::init(&folder.join("relay"), DOMAIN)?;
    relay.start()?;
    page.line(&format!(
        "Relay: https://{}, a process of its own ({}). Files: {}",
        relay.address(),
        relay.pid().unwrap_or_default(),
        folder.display()
    ));
    let people = folder.join("people");
    let cast = cast::gather(&mut page, &relay, &people, bundle)?;
    sharing::play(&mut page, &cast)?;
    scan::play(&mut page, &cast)?;
    kill::play(&mut page, &cast, &mut relay).await?;

    let targets = mailboxes_of(&cast.aino).await?;
    let loot = steal(&relay, folder, &targets).await?;
    mallory::play(&mut page, &cast, &relay, &targets, &loot).await?;
    matrix::play(&mut page, &cast, &relay, &loot).await?;
    breach::play(&mut page, &cast, &relay)?;

    page.line("");
    let failed = page.failed();
    let took = begun.elapsed().as_secs_f64();
    if failed == 0 {
        page.line(&format!("Everything held. {took:.1} s. Next:"));
        page.line("   docs/threat-model.md                    what is protected, and what is not");
        page.line("   make demo BUNDLE=path/to/your.json      the same with a record of your own");
    } else {
        page.line(&format!(
            "FAILED: {failed} lines did not hold. The evidence lies in {}",
            folder.display()
        ));
    }
    Ok(failed)
}

/// The mailboxes that a patient's program reads.
async fn mailboxes_of(person: &crate::stage::Person) -> Result<Vec<MailboxId>, Box<dyn std::error::Error>> {
    let agent = stolen::vault_of(person).await?;
    let all = agent.mailboxes().await?;
    agent.close().await;
    Ok(all.into_iter().map(|m| m.id).collect())
}

/// Takes the relay's whole disk, as a thief would: every ciphertext of these mailboxes.
async fn steal(
    relay: &Relay,
    folder: &Path,
    targets: &[MailboxId],
) -> Result<Vec<(MailboxId, Event)>, Box<dyn std::error::Error>> {
    let copy: PathBuf = folder.join("stolen");
    relay.run(&["backup", &copy.to_string_lossy()])?;
    let tenant = Tenant::enrol(&admit(relay)?, 1).await?;
    let facts = stolen::facts(&tenant.record().record, tenant.partitions);
    Ok(stolen::events(
        &copy.join("store"),
        &folder.join("stolen-store"),
        facts,
        targets,
    )?)
}
