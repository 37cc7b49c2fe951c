//! The story, from the visit to the theft of the relay.

use std::path::Path;
use std::time::Instant;

use super::{after, cast, study, sums, visit};
use crate::acts::breach;
use crate::page::Page;
use telesphor_chaos::relay::Relay;

const DOMAIN: &str = "hospital-a.example";

/// Tells it. Gives the number of lines that failed.
///
/// # Errors
/// Whatever kept the story from being told to its end.
pub fn tell(folder: &Path, bundle: &Path) -> Result<u32, Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let mut page = Page::new();
    page.line(
        "Telesphor: a visit and what follows. One relay, eleven parties and a hundred for a sum, one record. All of it runs now.",
    );
    let mut relay = Relay::init(&folder.join("relay"), DOMAIN)?;
    relay.start()?;
    page.line(&format!(
        "Relay: https://{}. Files: {}",
        relay.address(),
        folder.display()
    ));
    let cast = cast::gather(&mut page, &relay, &folder.join("people"), bundle)?;
    let (_, result) = visit::play(&mut page, &cast)?;
    after::disclosure(&mut page, &cast, &result)?;
    after::referral(&mut page, &cast, &result)?;
    after::gathering(&mut page, &cast)?;
    study::play(&mut page, &cast)?;
    sums::play(&mut page, &relay, &folder.join("people"), &cast)?;
    breach::drill(&mut page, &relay, &cast.planted, &cast.aino)?;

    let failed = page.failed();
    let took = begun.elapsed().as_secs_f64();
    page.line("");
    page.line(&match failed {
        0 => format!(
            "Everything held. {took:.1} s. Next: docs/laboratory.md, docs/prescriptions.md, docs/gathering.md, docs/research.md"
        ),
        n => format!(
            "FAILED: {n} lines did not hold. The evidence lies in {}",
            folder.display()
        ),
    });
    Ok(failed)
}
