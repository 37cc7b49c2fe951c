//! What home says about other domains: whether it knows them, and to which keys is sealed for them.

use std::sync::Arc;
use std::time::Duration;

use telesphor_clinical::self_entry::MailboxUse;
use telesphor_vault::Table;
use telesphor_wire::domain::DomainRecord;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::forward::facts::{ExchangeFacts, PeerFacts};
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::{MailboxKind, Policy};
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::Domain;

use super::record::{FACTS, Facts, OUT, Out};
use crate::core::records::{Held, MailboxState};
use crate::core::{Core, Ctx, Shared};
use crate::error::{Error, Result};
use crate::link::{LinkError, Pin, exchange};
use crate::mailbox::open::{Plan, may_draw};

/// Between two askings, milliseconds.
const AGAIN_MS: u64 = 1_000;
/// After so long home is asked whether there are newer keys, milliseconds.
const OLD_MS: u64 = 3_600_000;
/// A relay that says nothing for so long is not waited for.
const PATIENCE: Duration = Duration::from_secs(30);

impl Core {
    /// Whether home is to be asked now; it is not asked for the same twice.
    pub(crate) fn exchange_due(&mut self) -> bool {
        let now = (self.clock)();
        let due = self.index.exchange_wanted && now >= self.index.exchange_at;
        if due {
            self.index.exchange_at = now.saturating_add(AGAIN_MS);
        }
        due
    }

    /// How long until home may be asked again, milliseconds.
    pub(crate) fn exchange_pause(&self) -> Option<u64> {
        let left = self.index.exchange_at.saturating_sub((self.clock)());
        self.index.exchange_wanted.then_some(left)
    }

    pub(crate) fn take_exchange(&mut self, said: Option<ExchangeFacts>) -> Result<()> {
        self.index.exchange_wanted = false;
        let at = (self.clock)();
        self.write(|ctx| {
            ctx.put(Table::Settings, FACTS, &Facts { at, said })?;
            ctx.prove_kept()
        })?;
        for slot in self.index.outbox.values_mut().filter(|slot| !slot.sealed) {
            slot.not_before = None;
        }
        Ok(())
    }
}

/// Asks home beside everything else.
pub(crate) fn look(shared: &Arc<Shared>, pin: Pin) {
    let shared = shared.clone();
    tokio::spawn(async move {
        // What cannot be had now is had with the next look.
        if let Ok(Some(said)) = tokio::time::timeout(PATIENCE, fetch(&pin)).await {
            let _ = shared.change(move |core| core.take_exchange(said)).await;
        }
    });
}

/// What home says; nothing within if it exchanges nothing, nothing at all if it could not be heard.
async fn fetch(pin: &Pin) -> Option<Option<ExchangeFacts>> {
    match exchange::fetch(pin).await {
        Ok(facts) => Some(Some(facts)),
        Err(LinkError::Refused(refusal)) if refusal.code == ErrorCode::ExchangeOff => Some(None),
        Err(_) => None,
    }
}

impl Ctx<'_, '_> {
    /// What home said of a domain, and to which key is sealed for it now; nothing if home must be
    /// asked first, which is asked for. What is missing is missed only if home was asked after
    /// `since`: its operator may have pinned the other domain meanwhile.
    ///
    /// # Errors
    /// [`ErrorCode::ExchangeOff`], [`ErrorCode::DomainUnknown`].
    pub(super) fn road(&mut self, domain: &Domain, since: u64) -> Result<Option<(MailboxId, SealingPublic)>> {
        let facts: Option<Facts> = self.get(Table::Settings, FACTS)?;
        let Some(facts) = facts else {
            self.fx.exchange = true;
            return Ok(None);
        };
        self.fx.exchange |= self.now.saturating_sub(facts.at) > OLD_MS;
        let missing = |code| match facts.at >= since {
            true => Err(Error::of(code)),
            false => Ok(None),
        };
        let Some(said) = &facts.said else {
            self.fx.exchange = true;
            return missing(ErrorCode::ExchangeOff);
        };
        if peer(said, domain).is_none() {
            self.fx.exchange = true;
            return missing(ErrorCode::DomainUnknown);
        }
        let key = exchange::sealing(said, domain, self.now).cloned();
        let out = self.out(said.deposit)?;
        // Home has not heard of a key that is good now: it may any moment.
        self.fx.exchange |= key.is_none();
        Ok(out.zip(key))
    }

    /// What home says is doubted: it is asked again.
    pub(super) fn doubt_exchange(&mut self) -> Result<()> {
        self.fx.exchange = true;
        self.tx.delete(Table::Settings, FACTS)?;
        Ok(())
    }

    /// The keys that attest a domain's receipts, and how many must.
    pub(crate) fn attesting(&self, domain: &Domain) -> Result<(Vec<PublicKey>, usize)> {
        let facts: Option<Facts> = self.get(Table::Settings, FACTS)?;
        let said = facts.and_then(|facts| facts.said);
        let record = said.and_then(|said| peer(&said, domain).map(|p| p.record.record.clone()));
        let quorum = record.as_ref().map_or(1, DomainRecord::quorum);
        let relays = record.map_or_else(Vec::new, |r| r.relays.iter().map(|relay| relay.relay).collect());
        Ok((relays, quorum))
    }

    /// This endpoint's outbox at home, if it is open; it is opened when it is first needed.
    fn out(&mut self, deposit: PublicKey) -> Result<Option<MailboxId>> {
        if let Some(out) = self.get::<Out>(Table::Settings, OUT)? {
            let held: Option<Held> = self.get(Table::Mailboxes, &out.mailbox.0)?;
            match held.map(|held| held.state) {
                Some(MailboxState::Open) => return Ok(Some(out.mailbox)),
                Some(MailboxState::Opening) => return Ok(None),
                _ => {}
            }
        }
        // Somebody admits this identity once more, as for a conversation.
        if !may_draw(self.tx, self.now)? {
            return Ok(None);
        }
        let (mailbox, voucher) = self.draw_mailbox()?;
        let plan = Plan {
            id: mailbox,
            voucher,
            kind: MailboxKind::Personal,
            used: MailboxUse::Outbox,
            with: None,
            min_suite: self.min_suite(),
            policy: Policy::standard(),
            access: None,
            deposit_keys: vec![deposit],
            name: String::new(),
        };
        self.open_mailbox(plan, None)?;
        let out = Out {
            mailbox,
            acknowledged: 0,
        };
        self.put(Table::Settings, OUT, &out)?;
        Ok(None)
    }
}

fn peer<'a>(facts: &'a ExchangeFacts, domain: &Domain) -> Option<&'a PeerFacts> {
    facts.peers.iter().find(|p| p.record.record.domain == *domain)
}
