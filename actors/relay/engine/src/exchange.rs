//! What the exchange with other domains needs: reading outboxes, and carrying out a command that
//! speaks for itself, on the way of every other one.

use std::time::Duration;

use telesphor_rules::read::ReadSpan;
use telesphor_wire::answer::{Answer, Refusal};
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::forward::read::{FileRead, Read};
use telesphor_wire::ids::{MailboxId, Nonce};
use telesphor_wire::mailbox::Event;
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::session::{Page, SessionProof};
use telesphor_wire::text::SupportCode;

use crate::blobs::{self, BlobRight};
use crate::engine::Engine;
use crate::proof::{self, Bound, Passage};
use crate::submit::Granted;
use crate::watch::Watch;
use crate::{reading, single};

/// A mailbox that another relay keeps is looked at so often.
const AWAY_LOOK: Duration = Duration::from_secs(1);

/// Of an outbox so much is read at a time: one large request always fits.
const PAGE_BYTES: usize = 1 << 20;
const PAGE_EVENTS: usize = 256;

/// All of a mailbox that is still there. What stands in it is ciphertext, for its owner or for
/// another domain.
const ALL: ReadSpan = ReadSpan {
    after: 0,
    to: u64::MAX,
    handshake_only: false,
    not_before: 0,
};

impl Engine {
    /// Mailboxes from which something may have to be passed on. Blocks on the disk while it runs.
    ///
    /// # Errors
    /// The refusal that a reader would get.
    pub async fn outboxes(&self) -> Result<Vec<MailboxId>, Refusal> {
        let core = self.house().core.clone();
        let read = move || {
            core.reader
                .outboxes()
                .map_err(|_| Refusal::of(ErrorCode::Internal))
        };
        self.house().core.clone().blocking(read).await
    }

    /// The next events of an outbox; none when all are read.
    ///
    /// # Errors
    /// As [`Engine::outboxes`].
    pub async fn outbox_after(&self, mailbox: MailboxId, after: u64) -> Result<Vec<Event>, Refusal> {
        let core = self.house().core.clone();
        let read = move || {
            let page = core.reader.events(&mailbox, after, &ALL, PAGE_BYTES, PAGE_EVENTS);
            page.map(|page| page.events)
                .map_err(|_| Refusal::of(ErrorCode::Internal))
        };
        self.house().core.clone().blocking(read).await
    }

    /// What time it is by the engine's clock, Unix milliseconds; none while only this machine says so.
    pub fn time(&self) -> Option<u64> {
        let clock = &self.house().core.clock;
        clock.is_known().then(|| clock.now_ms())
    }

    /// A page for a reader of another domain, whose proof is bound to the key of its answer.
    ///
    /// # Errors
    /// The refusal to be sent.
    pub async fn read_forwarded(
        &self,
        read: Read,
        reply: SealingPublic,
        not_after: u64,
    ) -> Result<Page, Refusal> {
        let (page, nonce) = (read.page.clone(), read.agent_nonce);
        let granted = self
            .prove_forwarded((read.proof, nonce), reply, not_after)
            .await?;
        single::page(self.house(), granted, page, nonce).await
    }

    /// As [`Engine::read_forwarded`]; where there is nothing new, when something comes, when the
    /// right ends, or at `until` (Unix milliseconds) with an empty page. The right is looked up
    /// anew at each look.
    ///
    /// # Errors
    /// The refusal to be sent; [`ErrorCode::SessionLimit`] if too many mailboxes are awake.
    pub async fn follow_forwarded(
        &self,
        read: Read,
        reply: SealingPublic,
        not_after: u64,
        until: u64,
    ) -> Result<Page, Refusal> {
        let (house, page, nonce) = (self.house(), read.page.clone(), read.agent_nonce);
        let granted = self
            .prove_forwarded((read.proof, nonce), reply, not_after)
            .await?;
        let watch = Watch::begin(house, page.mailbox).ok_or(ErrorCode::SessionLimit)?;
        loop {
            let found = single::page(house, granted.clone(), page.clone(), nonce).await?;
            let now = house.core.clock.now_ms();
            if !found.events.is_empty() || now >= until {
                return Ok(found);
            }
            if granted.shown.is_some() {
                // Whoever keeps the mailbox rings nobody here.
                let left = Duration::from_millis(until.saturating_sub(now));
                tokio::time::sleep(AWAY_LOOK.min(left)).await;
                continue;
            }
            let ends = self.ends(&granted).await?.unwrap_or(until).min(until);
            // One more than the last instant of the right: then it is over.
            let pause = Duration::from_millis(ends.saturating_sub(now).saturating_add(1));
            // Whatever it was, the next look finds it.
            let _ = tokio::time::timeout(pause, watch.rung()).await;
        }
    }

    /// When a member's right ends, as the mailbox stands now.
    async fn ends(&self, granted: &Granted) -> Result<Option<u64>, Refusal> {
        let core = self.house().core.clone();
        let (mailbox, claim) = (granted.mailbox, granted.claim);
        let look = move || reading::ends(&core.reader, &mailbox, &claim);
        self.house().core.clone().blocking(look).await
    }

    /// The right to read files that stand in a mailbox, by a proof for one forwarded request.
    ///
    /// # Errors
    /// The refusal to be sent.
    pub async fn blob_right_forwarded(
        &self,
        read: &FileRead,
        reply: SealingPublic,
        not_after: u64,
    ) -> Result<BlobRight, Refusal> {
        let proof = (read.proof.clone(), read.agent_nonce);
        let granted = self.prove_forwarded(proof, reply, not_after).await?;
        blobs::granted(self.house(), granted).await
    }

    async fn prove_forwarded(
        &self,
        (proof, agent_nonce): (SessionProof, Nonce),
        reply: SealingPublic,
        not_after: u64,
    ) -> Result<Granted, Refusal> {
        let core = self.house().core.clone();
        let passage = Passage {
            domain: core.domain.clone(),
            reply,
            not_after,
            agent_nonce,
        };
        if core.away_for(&proof.mailbox).is_some() {
            return Ok(Granted::elsewhere(passage.shown(proof)));
        }
        let bound = Bound::Forwarded(passage);
        let check = move || proof::check(&core.reader, &bound, &proof, core.clock.now_ms());
        let proven = self.house().core.clone().blocking(check).await?;
        Ok(Granted::here(proven.mailbox.id, proven.claim))
    }

    /// Carries out a command that carries its own signature, with no session's word beside it.
    pub async fn carry_out(&self, support: SupportCode, command: Command) -> Answer {
        single::command(self.house(), None, support, command).await
    }
}
