//! The home domain's record. Relays of a cluster come and go; whoever was away when one left must
//! find the others, and know whose receipts to believe.

use std::sync::Arc;
use std::time::Duration;

use telesphor_wire::domain::SignedDomainRecord;

use crate::core::{Core, Shared};
use crate::error::Result;
use crate::link::{Pin, domain};

/// Between two looks at a record that nothing speaks against, milliseconds.
const LOOK_MS: u64 = 600_000;

/// A relay that says nothing for so long is not waited for.
const PATIENCE: Duration = Duration::from_secs(30);

impl Core {
    /// A receipt could not be checked: perhaps a relay has attested it that is not known here yet.
    pub(super) const fn doubt_domain(&mut self) {
        self.index.domain_at = 0;
    }

    /// Whether the record is to be looked at now; it is not asked for twice. One relay alone has
    /// nobody to give its place to.
    pub(super) fn domain_due(&mut self) -> bool {
        let now = (self.clock)();
        let due = self.profile.record().relays.len() > 1 && now >= self.index.domain_at;
        if due {
            self.index.domain_at = now.saturating_add(LOOK_MS);
        }
        due
    }

    /// Takes a record that was checked against the pin, if it is newer.
    fn take_domain(&mut self, home: SignedDomainRecord) -> Result<()> {
        if home.record.sequence <= self.profile.record().sequence {
            return Ok(());
        }
        let mut profile = self.profile.clone();
        profile.home = home;
        self.write(|ctx| ctx.put_profile(profile))
    }
}

/// Fetches the record beside everything else.
pub(super) fn look(shared: &Arc<Shared>, pin: Pin) {
    let shared = shared.clone();
    tokio::spawn(async move {
        // What cannot be had now is had with the next look.
        if let Ok(Ok(home)) = tokio::time::timeout(PATIENCE, domain::fetch(&pin)).await {
            let _ = shared.work(move |core| core.take_domain(home)).await;
        }
    });
}
