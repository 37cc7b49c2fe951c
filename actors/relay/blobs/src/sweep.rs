//! What has run out leaves the disk, whoever is awake.

use crate::card::Use;
use crate::error::BlobsError;
use crate::limits::{ENDED_LIFE_MS, PART_LIFE_MS};
use crate::state::Blobs;

/// What a sweep has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Uses that have ended.
    pub uses: usize,
    /// Blobs that were never finished.
    pub parts: usize,
    /// Blobs that could not be looked at.
    pub damaged: usize,
}

impl Blobs {
    /// Ends the uses of which `ended` says so, and drops what was begun long ago. One blob at a
    /// time, so that nobody waits for long.
    ///
    /// # Errors
    /// As the disk says. Blobs that are damaged are counted and passed over.
    pub fn sweep(&self, now: u64, ended: impl Fn(&Use) -> bool) -> Result<Swept, BlobsError> {
        let mut swept = Swept::default();
        for address in self.disk.all()? {
            let mut state = self.state();
            let card = match self.disk.card(&address) {
                Ok(Some(card)) => card,
                Ok(None) => continue,
                Err(_) => {
                    swept.damaged += 1;
                    continue;
                }
            };
            match self.end(&mut state, &address, card, now, &ended) {
                Ok(uses) => swept.uses += uses,
                Err(BlobsError::Damaged(_)) => swept.damaged += 1,
                Err(error) => return Err(error),
            }
        }
        self.forget(now.saturating_sub(ENDED_LIFE_MS))?;
        let mut state = self.state();
        let old: Vec<_> = state
            .parts
            .iter()
            .filter(|(_, part)| !part.busy && part.touched.saturating_add(PART_LIFE_MS) < now)
            .map(|(name, _)| *name)
            .collect();
        for name in old {
            self.disk.drop_part(&name)?;
            state.remove_part(&name);
            swept.parts += 1;
        }
        Ok(swept)
    }

    /// Forgets what ended before a moment: every relay of the cluster has heard of it by then.
    fn forget(&self, before: u64) -> Result<(), BlobsError> {
        for address in self.disk.all_ended()? {
            let _state = self.state();
            let Ok(Some(mut card)) = self.disk.ended_card(&address) else {
                continue;
            };
            if card.forget(before) {
                match card.is_empty() {
                    true => self.disk.drop_ended(&address)?,
                    false => self.disk.put_ended(&address, &card)?,
                }
            }
        }
        Ok(())
    }
}
