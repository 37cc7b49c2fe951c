//! Whether a prescription may be filled: the whole chain, with no network, and its days.

use telesphor_clinical::rx::{MAX_AGE_MS, Prescription};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, Nonce};
use telesphor_wire::ledger::{EntryStanding, LedgerAct};

use crate::acts::standing::refuse_not_current;
use crate::attest::verdict::Asked;
use crate::core::Ctx;
use crate::error::{Error, Result};
use crate::views::Verdict;

/// Who may prescribe.
const PRESCRIBER: &str = "licensed-physician";

/// What a pharmacy asks of a prescription's author.
pub(super) fn asked() -> Asked {
    Asked {
        roles: vec![PRESCRIBER.to_owned()],
        ..Asked::default()
    }
}

impl Ctx<'_, '_> {
    /// The verdict on a kept prescription. Its prescriber and its patient know who wrote it, and
    /// need trust no board for that.
    pub(super) fn judge_rx(&mut self, id: &DocumentId) -> Result<Verdict> {
        let kept = self.kept(id)?.ok_or(Error::of(ErrorCode::NotFound))?;
        let bytes = self.document_bytes(id)?;
        let bundle = self.bundle(&kept, &bytes)?;
        let (me, people) = (self.me(), self.rx_people(id)?);
        match people.author == me || people.patient == Some(me) {
            true => self.judge_bundle(&bundle, &Asked::default()),
            false => self.judge_bundle(&bundle, &asked()),
        }
    }

    /// Refuses what must not be filled, whatever the ledger says.
    pub(super) fn check_rx(&mut self, id: &DocumentId) -> Result<()> {
        if let Some(code) = self.judge_rx(id)?.failed {
            return Err(code.into());
        }
        let kept = self.kept(id)?.ok_or(Error::of(ErrorCode::NotFound))?;
        refuse_not_current(self.tx, &self.profile, &kept)?;
        let rx = self.prescription(id)?;
        let written = kept.header.recorded.stamp();
        let too_old = written.saturating_add(MAX_AGE_MS) < self.now;
        if self.now < rx.valid_from.saturating_sub(CLOCKS_MS) || self.now > rx.valid_until || too_old {
            return Err(ErrorCode::RxNotValid.into());
        }
        Ok(())
    }

    pub(super) fn ask_look(&mut self, id: &DocumentId) -> Result<Nonce> {
        let rx = self.prescription(id)?;
        self.ask_ledger(id, rx.entry, None, LedgerAct::Look(rx.opening()))
    }
}

/// Two machines' clocks may differ by so much, milliseconds.
const CLOCKS_MS: u64 = 5 * 60 * 1000;

/// Whether what is set aside now, with all that went before, is due on this day. The ledger knows
/// no days; but its answer counts what everybody else has drawn and set aside, so two pharmacies
/// cannot both find the same portion due.
pub(super) fn is_due(rx: &Prescription, standing: &EntryStanding, now: u64) -> bool {
    let taken = rx.total.saturating_sub(rx.units(standing.free));
    taken <= rx.due(now)
}
