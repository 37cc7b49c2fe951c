//! Who opened and who fetched.

use std::time::Duration;

use super::agent::Agent;
use crate::deliveries::show;
use crate::error::Result;
use crate::views::{LogCheck, LogLine};

impl Agent {
    /// Who opened (signed receipts) and who fetched (what the relay noted), newest first, at most
    /// `limit` lines.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn log(&self, limit: usize) -> Result<Vec<LogLine>> {
        self.shared
            .work(move |core| {
                let mut lines = crate::sharing::show::log(&core.read()?, &core.profile, limit)?;
                lines.extend(show::lines(core, &core.profile.identity)?);
                lines.sort_by_key(|line| std::cmp::Reverse(line.at));
                lines.truncate(limit);
                Ok(lines)
            })
            .await
    }

    /// Whether everything that the relay noted has been read, and what is missing.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn log_check(&self) -> Result<LogCheck> {
        self.shared.work(|core| show::check(core)).await
    }

    /// Looks for new records every second from now on, instead of every minute.
    ///
    /// # Errors
    /// Faults of this machine.
    pub async fn watch_log(&self) -> Result<()> {
        self.shared
            .change(|core| {
                core.index.records_watched = true;
                Ok(())
            })
            .await
    }

    /// Waits until something has changed, at most so long.
    pub async fn changed(&self, within: Duration) {
        let mut changes = self.shared.changes();
        changes.mark_unchanged();
        // Nothing changed, or this agent is being closed: either way the caller looks again.
        let _ = tokio::time::timeout(within, changes.changed()).await;
    }
}
