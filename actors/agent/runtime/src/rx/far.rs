//! Prescriptions whose ledger stands at another hospital: what is different for them here.
//!
//! Acts go by way of home ([`crate::exchange`]) and have their effect over there once, as at home.
//! What the other ledger does is proved by *its* relays' attestations, so home must have said which
//! those are; a notice that comes before is kept until it has.

use serde::{Deserialize, Serialize};
use telesphor_clinical::rx_word::RxNotice;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::ids::{DocumentId, IdentityId, Nonce};
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::Domain;

use super::record::{FillState, LedgerJob, fill_of};
use crate::core::records::{Entry, Job};
use crate::core::{Ctx, names};
use crate::error::{Error, Result};
use crate::sync::answers::is_of_the_road;

/// Notices that cannot be proved yet.
const UNPROVED: &[u8] = b"rx-unproved";
/// So many are kept; they come from contacts alone.
const MOST_UNPROVED: usize = 64;
/// When it was last looked for supplies that were not entered.
const TRIED: &[u8] = b"rx-supplied-tried";
/// Between two looks, milliseconds.
const LOOK_MS: u64 = 10 * 60 * 1000;

/// A notice, and who passed it on.
#[derive(Clone, Serialize, Deserialize)]
struct Unproved {
    from: IdentityId,
    notice: RxNotice,
}

impl Ctx<'_, '_> {
    /// Whether this is another hospital's ledger.
    pub(super) fn is_far(&self, domain: &Domain) -> bool {
        domain != self.profile.domain()
    }

    /// What of a prescription was asked of another hospital's ledger last and has no answer yet.
    pub(super) fn ledger_waits(&self, prescription: &DocumentId) -> Result<Option<Nonce>> {
        match self.is_far(&self.prescription(prescription)?.domain) {
            true => self.last_ask(|job| job.prescription == *prescription),
            false => Ok(None),
        }
    }

    fn last_ask(&self, meant: impl Fn(&LedgerJob) -> bool) -> Result<Option<Nonce>> {
        let mut last = None;
        for (_, bytes) in self.tx.range(Table::Outbox, names::OUTBOX, 0, usize::MAX)? {
            let entry: Entry = canonical::decode(&bytes).map_err(|_| Error::fault("outbox"))?;
            if let Job::Ledger(job) = entry.job
                && meant(&job)
            {
                last = Some(job.ask);
            }
        }
        Ok(last)
    }

    /// What was supplied without the ledger is told to it until it has heard, also where a request
    /// came back after days without having been heard.
    pub(crate) fn tend_supplied(&mut self) -> Result<()> {
        let tried: Option<u64> = self.get(Table::Settings, TRIED)?;
        if tried.is_some_and(|at| at.saturating_add(LOOK_MS) > self.now) {
            return Ok(());
        }
        let supplied: Vec<PublicKey> = self.supplied_elsewhere()?;
        if supplied.is_empty() {
            return Ok(());
        }
        self.put(Table::Settings, TRIED, &self.now)?;
        for key in supplied {
            if self.last_ask(|job| job.fill == Some(key))?.is_none()
                && let Some(fill) = fill_of(self.tx, &key)?
            {
                self.ask_settle(&fill)?;
            }
        }
        Ok(())
    }

    /// Fills that came back from the way to another hospital, and are not entered.
    fn supplied_elsewhere(&self) -> Result<Vec<PublicKey>> {
        let mut all = Vec::new();
        for (_, key) in self.list_of_fills()? {
            let Some(fill) = fill_of(self.tx, &key)? else {
                continue;
            };
            let came_back = fill.why.is_some_and(|why| is_of_the_road(why.code));
            if came_back && fill.state == FillState::Supplied {
                all.push(key);
            }
        }
        Ok(all)
    }

    /// Keeps a notice of another hospital's ledger until home says who attests for it.
    pub(super) fn keep_unproved(&mut self, from: &IdentityId, notice: &RxNotice) -> Result<()> {
        self.fx.exchange = true;
        let mut all: Vec<Unproved> = self.get(Table::Scratch, UNPROVED)?.unwrap_or_default();
        let known =
            |u: &Unproved| u.notice.prescription == notice.prescription && u.notice.step == notice.step;
        if all.iter().any(known) {
            return Ok(());
        }
        all.push(Unproved {
            from: *from,
            notice: notice.clone(),
        });
        let spare = all.len().saturating_sub(MOST_UNPROVED);
        all.drain(..spare);
        self.put(Table::Scratch, UNPROVED, &all)
    }

    /// Home has spoken: what can be proved now counts, the rest never will.
    pub(crate) fn prove_kept(&mut self) -> Result<()> {
        let Some(all) = self.get::<Vec<Unproved>>(Table::Scratch, UNPROVED)? else {
            return Ok(());
        };
        self.tx.delete(Table::Scratch, UNPROVED)?;
        for Unproved { from, notice } in all {
            let Ok(rx) = self.prescription(&notice.prescription) else {
                continue;
            };
            if self.is_proved(&notice, &rx)? {
                self.note_step(Some(&from), &notice)?;
            }
        }
        Ok(())
    }
}
