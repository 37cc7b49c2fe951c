//! Rights to blobs: proved over one HTTP call, and looked up anew while bytes flow.
//!
//! The ciphertext itself never comes here. Whoever holds it asks, before each chunk, whether the
//! right that opened the door still stands.

use std::sync::Arc;

use telesphor_rules::blobs;
use telesphor_rules::read::Claim;
use telesphor_rules::state::{AccessRecord, Mailbox};
use telesphor_store::StoreError;
use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{MailboxId, Nonce};
use telesphor_wire::passing::FileAct;
use telesphor_wire::session::{Right, SessionProof};

use crate::away::ShownRight;
use crate::core::Core;
use crate::house::House;
use crate::proof::{self, Bound, Connection};
use crate::single::SingleContext;
use crate::submit::Granted;

/// What is to be done with a blob in a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobAct {
    /// Read it; it stands there since then (Unix milliseconds).
    Fetch(u64),
    /// Show it.
    Show,
    /// Keep it, under the quota.
    Keep,
    /// Take it out; whether the mailbox keeps it.
    Detach(bool),
}

/// A right over one mailbox that was proved for one call.
#[derive(Clone)]
pub struct BlobRight {
    house: Arc<House>,
    mailbox: MailboxId,
    claim: Claim,
    /// If the mailbox is kept elsewhere: whoever keeps it is asked.
    shown: Option<ShownRight>,
}

impl std::fmt::Debug for BlobRight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BlobRight(..)")
    }
}

pub(crate) async fn prove(
    house: &Arc<House>,
    context: SingleContext,
    proof: SessionProof,
    agent_nonce: Nonce,
    bound: Digest,
) -> Result<BlobRight, Refusal> {
    let core = house.core.clone();
    let here = Connection {
        domain: core.domain.clone(),
        relay: core.relay,
        channel_binding: context.channel_binding,
        relay_nonce: context.relay_nonce,
        given_ms: context.given_ms,
        agent_nonce,
        body: Some(bound),
    };
    if house.core.away_for(&proof.mailbox).is_some() {
        here.fresh(core.clock.now_ms())?;
        return granted(house, Granted::elsewhere(here.shown(proof))).await;
    }
    let check = move || proof::check(&core.reader, &Bound::Here(here), &proof, core.clock.now_ms());
    let proven = house.core.clone().blocking(check).await;
    if let Err(refusal) = &proven {
        house.core.counters.refuse(refusal.code);
    }
    let proven = proven?;
    Ok(BlobRight {
        house: house.clone(),
        mailbox: proven.mailbox.id,
        claim: proven.claim,
        shown: None,
    })
}

/// The right that was granted; whoever keeps the mailbox is asked first, if that is another relay.
pub(crate) async fn granted(house: &Arc<House>, granted: Granted) -> Result<BlobRight, Refusal> {
    if let Some(shown) = &granted.shown {
        // If it has come here meanwhile, the next call finds it so.
        let busy = || Refusal::of(ErrorCode::BlobBusy);
        let held = match house.core.away_for(&granted.mailbox) {
            Some((away, partition)) => away.proof(partition, shown).await.unwrap_or(Err(busy())),
            None => Err(busy()),
        };
        if let Err(refusal) = held {
            house.core.counters.refuse(refusal.code);
            return Err(refusal);
        }
    }
    Ok(BlobRight {
        house: house.clone(),
        mailbox: granted.mailbox,
        claim: granted.claim,
        shown: granted.shown,
    })
}

/// Whether a blob's time in a mailbox has run out. Blocks.
pub(crate) fn is_over(house: &House, mailbox: &MailboxId, since: u64) -> Result<bool, StoreError> {
    if let Some((away, partition)) = house.core.away_for(mailbox) {
        // Blocking is allowed here, and the answer is another relay's.
        return Ok(house
            .core
            .runtime
            .block_on(away.is_over(partition, *mailbox, since)));
    }
    let held = house.core.reader.mailbox(mailbox)?;
    Ok(blobs::is_over(held.as_ref(), since, house.core.clock.now_ms()))
}

impl BlobRight {
    /// The mailbox.
    pub const fn mailbox(&self) -> MailboxId {
        self.mailbox
    }

    /// Whether it is the owner's.
    pub fn is_owner(&self) -> bool {
        self.claim.right == Right::Owner
    }

    /// Whether the right allows this now. Blocks on the disk.
    ///
    /// # Errors
    /// The refusal to be sent.
    pub fn allows(&self, act: BlobAct) -> Result<(), Refusal> {
        if self.shown.is_some() {
            let act = match act {
                BlobAct::Fetch(since) => FileAct::Fetch(since),
                BlobAct::Show => FileAct::Show(Extensions::none()),
                BlobAct::Keep => FileAct::Keep(Extensions::none()),
                BlobAct::Detach(kept) => FileAct::Detach(kept),
            };
            return self.elsewhere(act).map(drop);
        }
        let (mailbox, record) = facts(&self.house.core, &self.mailbox, &self.claim)?;
        let now = self.house.core.clock.now_ms();
        match act {
            BlobAct::Fetch(since) => blobs::may_fetch(&mailbox, record.as_ref(), &self.claim, since, now),
            BlobAct::Show => blobs::may_show(&mailbox, record.as_ref(), &self.claim, now),
            BlobAct::Keep => blobs::may_keep(&mailbox, &self.claim),
            BlobAct::Detach(kept) => blobs::may_detach(&mailbox, &self.claim, kept, now),
        }
    }

    /// Bytes of blobs that the mailbox may keep. Blocks on the disk.
    ///
    /// # Errors
    /// The refusal to be sent.
    pub fn quota(&self) -> Result<u64, Refusal> {
        if self.shown.is_some() {
            return self.elsewhere(FileAct::Quota(Extensions::none()));
        }
        let (mailbox, _) = facts(&self.house.core, &self.mailbox, &self.claim)?;
        Ok(mailbox.class().max_blob_bytes)
    }

    /// What a relay says that keeps the mailbox.
    fn elsewhere(&self, act: FileAct) -> Result<u64, Refusal> {
        let core = &self.house.core;
        match (&self.shown, core.away_for(&self.mailbox)) {
            (Some(shown), Some((away, partition))) => core.runtime.block_on(away.file(partition, shown, act)),
            // It has come here meanwhile; the next call finds it so.
            _ => Err(ErrorCode::BlobBusy.into()),
        }
    }
}

/// What a right is judged by. Blocks on the disk.
pub(crate) fn facts(
    core: &Core,
    id: &MailboxId,
    claim: &Claim,
) -> Result<(Mailbox, Option<AccessRecord>), Refusal> {
    let fault = |_: StoreError| Refusal::of(ErrorCode::Internal);
    let mailbox = core.reader.mailbox(id).map_err(fault)?;
    let mailbox = mailbox.ok_or(ErrorCode::Refused)?;
    let record = match claim.right {
        Right::Read => core.reader.access(id, claim.branch, claim.epoch).map_err(fault)?,
        Right::Owner | Right::Deposit => None,
    };
    Ok((mailbox, record))
}
