//! What an agent does without being asked: keys and lists renewed, stocks filled, the relay relieved, what is needed no more let go.

use crate::core::Core;
use crate::error::Result;

/// A day, milliseconds.
pub(crate) const DAY_MS: u64 = 24 * 3600 * 1000;
/// How often it looks, milliseconds.
const EVERY_MS: u64 = 3600 * 1000;

impl Core {
    /// Looks after all of it if that is due: at the first quiet moment of a run, then every hour.
    /// Gives whether there is something new to send.
    pub(crate) fn tend(&mut self) -> Result<bool> {
        let now = (self.clock)();
        let opened = self.index.is_read(self.profile.inbox);
        if now < self.index.tend_at || !opened || self.index.behind() > 0 {
            return Ok(false);
        }
        self.index.tend_at = now.saturating_add(EVERY_MS);
        let before = self.index.outbox.len();
        self.write(|ctx| {
            ctx.tend_intake_keys()?;
            ctx.tend_packages()?;
            ctx.tend_status_list()?;
            ctx.tend_inbox()?;
            ctx.tend_out()?;
            ctx.tend_follows()?;
            ctx.tend_supplied()?;
            ctx.tend_orders()?;
            ctx.tend_studies()?;
            ctx.tend_epochs()
        })?;
        Ok(self.index.outbox.len() > before)
    }
}
