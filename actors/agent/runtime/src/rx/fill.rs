//! At the pharmacy: reserve, confirm, hand over; or let go; or supply without the ledger and
//! settle.

use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::rx_word::{RxPaper, RxUse};
use telesphor_identity::bundle::Bundle;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{DocumentId, Nonce};
use telesphor_wire::ledger::{ByPharmacy, ConfirmWord, LedgerAct, ReleaseWord, Reserve, Settle, SettleWord};
use telesphor_wire::sign::{PublicKey, SigningKey};

use super::record::{FILLS, Fill, FillState, fill_of, fills_of};
use crate::core::Ctx;
use crate::documents::keep::Way;
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    pub(super) fn list_of_fills(&self) -> Result<Vec<(u64, PublicKey)>> {
        let mut all = Vec::new();
        for (at, bytes) in self.tx.range(Table::Receipts, FILLS, 0, usize::MAX)? {
            all.push((at, canonical::decode(&bytes).map_err(|_| Error::fault("fills"))?));
        }
        Ok(all)
    }

    fn fill_key(&self, fill: &Fill) -> Result<SigningKey> {
        self.rx_key(RxUse::Fill, &fill.asker, &fill.nonce)
    }

    /// Takes in a prescription from a file; gives its id.
    pub(super) fn take_paper(&mut self, file: &[u8]) -> Result<DocumentId> {
        let refused = |_| Error::of(ErrorCode::InputRefused);
        let paper = RxPaper::from_file(file).map_err(refused)?;
        let bundle = Bundle::from_file(&paper.tel).map_err(|e| Error::of(e.code()))?;
        let document = SignedDocument::from_bytes(&bundle.document).map_err(|e| Error::of(e.code()))?;
        // A file that is not genuine leaves nothing here; its proofs are needed to say so.
        let verdict = self.judge_bundle(&bundle, &super::check::asked())?;
        if let Some(code) = verdict.failed {
            return Err(code.into());
        }
        self.take_proofs(&bundle.proofs)?;
        let doubt = self.doubt(&document)?;
        let id = self.keep(&document, &bundle.document, Way::Received, None, self.now, doubt)?;
        if let Some(mut kept) = self.kept(&id)? {
            for evidence in bundle.evidence {
                if !kept.evidence.contains(&evidence) {
                    kept.evidence.push(evidence);
                }
            }
            self.put_kept(&kept)?;
        }
        let rx = self.prescription(&id)?;
        if self.is_far(&rx.domain) {
            self.ask_of_domains()?;
        }
        if let Some(ticket) = &paper.ticket {
            let me = self.me();
            self.ticket_came(&me, ticket)?;
        }
        if let Some(holder) = &paper.holder {
            if SigningKey::from_seed(holder).public() != rx.holder {
                return Err(ErrorCode::BadDocument.into());
            }
            self.put_paper_key(&id, holder)?;
        }
        Ok(id)
    }

    /// The fill that is meant: one that has begun before one that has not. With the patient's key
    /// on paper a ticket is made here.
    pub(super) fn choose_fill(
        &mut self,
        prescription: &DocumentId,
        amount: Option<u32>,
        offline: bool,
    ) -> Result<Fill> {
        let meant = |f: &&Fill| f.ticket.ticket.offline == offline && amount.is_none_or(|a| f.units == a);
        let fills = fills_of(self.tx, prescription)?;
        let open = |state| {
            let mut all = fills.iter().filter(meant);
            all.find(|f: &&Fill| f.state == state).cloned()
        };
        // Confirmed, and the program ended before anybody was told: that comes first, or it would be
        // drawn a second time.
        let untold = |f: &&Fill| meant(f) && f.state == FillState::Confirmed && !f.said;
        if let Some(fill) = fills.iter().find(untold) {
            return Ok(fill.clone());
        }
        if let Some(fill) = open(FillState::Reserved).or_else(|| open(FillState::Ticket)) {
            return Ok(fill);
        }
        let (Some(seed), Some(units)) = (self.paper_key(prescription)?, amount) else {
            return Err(ErrorCode::RxNoTicket.into());
        };
        let rx = self.prescription(prescription)?;
        let (nonce, me) = (Nonce::random(), self.me());
        let key = self.rx_key(RxUse::Fill, &me, &nonce)?.public();
        let ticket = self.sign_ticket(&rx, &SigningKey::from_seed(&seed), key, (units, offline))?;
        let fill = Fill {
            prescription: *prescription,
            asker: me,
            nonce,
            ticket,
            units,
            came: self.now,
            state: FillState::Ticket,
            until: 0,
            asked: false,
            said: false,
            elsewhere: false,
            held: false,
            step: None,
            receipt: None,
            why: None,
        };
        self.put_fill(&fill)?;
        Ok(fill)
    }

    /// The fill of a prescription that can still be let go, asked about, or has just ended.
    pub(super) fn last_fill(&self, prescription: &DocumentId, states: &[FillState]) -> Result<Fill> {
        let fills = fills_of(self.tx, prescription)?;
        let found = fills.into_iter().rev().find(|f| states.contains(&f.state));
        found.ok_or(ErrorCode::RxNotReserved.into())
    }

    pub(super) fn ask_reserve(&mut self, fill: &Fill) -> Result<Nonce> {
        let rx = self.prescription(&fill.prescription)?;
        let act = LedgerAct::Reserve(Box::new(Reserve {
            opening: rx.opening(),
            ticket: fill.ticket.clone(),
        }));
        self.ask_ledger(&fill.prescription, rx.entry, Some(fill.key()), act)
    }

    /// From here on the pharmacy may not say that it did not.
    pub(super) fn ask_confirm(&mut self, fill: &Fill) -> Result<Nonce> {
        let entry = fill.ticket.ticket.entry;
        let word = ConfirmWord {
            entry,
            parts: fill.ticket.ticket.parts,
            ext: Extensions::none(),
        };
        let act = LedgerAct::Confirm(ByPharmacy::new(&self.fill_key(fill)?, word));
        self.ask_ledger(&fill.prescription, entry, Some(fill.key()), act)
    }

    pub(super) fn ask_release(&mut self, fill: &Fill) -> Result<Nonce> {
        let entry = fill.ticket.ticket.entry;
        let word = ReleaseWord {
            entry,
            ext: Extensions::none(),
        };
        let act = LedgerAct::Release(ByPharmacy::new(&self.fill_key(fill)?, word));
        self.ask_ledger(&fill.prescription, entry, Some(fill.key()), act)
    }

    pub(super) fn ask_settle(&mut self, fill: &Fill) -> Result<Nonce> {
        let rx = self.prescription(&fill.prescription)?;
        let word = SettleWord {
            entry: rx.entry,
            parts: fill.ticket.ticket.parts,
            ext: Extensions::none(),
        };
        let act = LedgerAct::Settle(Box::new(Settle {
            opening: rx.opening(),
            ticket: fill.ticket.clone(),
            supplied: ByPharmacy::new(&self.fill_key(fill)?, word),
        }));
        self.ask_ledger(&fill.prescription, rx.entry, Some(fill.key()), act)
    }

    /// Supplies from the allowance: what this pharmacy has supplied so before counts. It is entered
    /// as soon as there is a line, and never refused then.
    pub(super) fn supply_offline(&mut self, prescription: &DocumentId, units: u32) -> Result<Fill> {
        self.check_rx(prescription)?;
        let rx = self.prescription(prescription)?;
        if self.is_far(&rx.domain) {
            // What can never be entered is not supplied.
            self.must_be_joined(&rx.domain)?;
        }
        let before = fills_of(self.tx, prescription)?;
        let before = before
            .iter()
            .filter(|f| matches!(f.state, FillState::Supplied | FillState::Settled));
        let supplied = before.fold(units, |sum, f| sum.saturating_add(f.units));
        if supplied > rx.offline {
            return Err(ErrorCode::RxNoOffline.into());
        }
        let mut fill = self.choose_fill(prescription, Some(units), true)?;
        // The ledger will not ask how old the ticket is; whoever hands over does.
        if fill.ticket.ticket.not_after < self.now {
            return Err(ErrorCode::RxTicketOver.into());
        }
        fill.state = FillState::Supplied;
        fill.asked = true;
        self.put_fill(&fill)?;
        self.ask_settle(&fill)?;
        fill_of(self.tx, &fill.key())?.ok_or(Error::fault("fill"))
    }
}
