//! The story, from the visit to the theft of the relay.

use std::path::Path;
use std::time::Instant;

use super::{after, cast, study, sums, visit};
use crate::acts::breach;
use crate::page::Page;
use telesphor_chaos::exchange::Hospital;

/// Until a request for another hospital comes back to its sender, seconds: as the relay's settings have it.
const GIVE_UP_AFTER: u64 = 5 * 24 * 3600;

/// Two hospitals that have pinned each other, over a road of their own.
fn joined(folder: &Path) -> Result<[Hospital; 2], Box<dyn std::error::Error>> {
    let new = |name: &str| {
        let domain = format!("{name}.example");
        Hospital::new(&folder.join(name), &domain, GIVE_UP_AFTER)
    };
    let (mut a, mut b) = (new("hospital-a")?, new("hospital-b")?);
    a.start(&[])?;
    b.start(&[a.leafs()])?;
    a.pin(&b)?;
    b.pin(&a)?;
    Ok([a, b])
}

/// Tells it. Gives the number of lines that failed.
///
/// # Errors
/// Whatever kept the story from being told to its end.
pub fn tell(folder: &Path, bundle: &Path) -> Result<u32, Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let mut page = Page::new();
    page.line(
        "Telesphor: a visit and what follows. Two hospitals, twelve parties and a hundred for a sum, one record. All of it runs now.",
    );
    let [home, other] = joined(folder)?;
    page.line(&format!(
        "Relays: https://{} and, for the sums, https://{}. Files: {}",
        home.relay.address(),
        other.relay.address(),
        folder.display()
    ));
    let relay = &home.relay;
    let cast = cast::gather(&mut page, relay, &folder.join("people"), bundle)?;
    let (_, result) = visit::play(&mut page, &cast)?;
    after::disclosure(&mut page, &cast, &result)?;
    after::referral(&mut page, &cast, &result)?;
    after::gathering(&mut page, &cast)?;
    study::play(&mut page, &cast)?;
    sums::play(&mut page, [&home, &other], &folder.join("people"), &cast)?;
    breach::drill(&mut page, relay, &cast.planted, &cast.aino)?;

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
