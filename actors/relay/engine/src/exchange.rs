//! What the exchange with other domains needs: reading outboxes, and carrying out a command that
//! speaks for itself, on the way of every other one.

use telesphor_rules::read::ReadSpan;
use telesphor_wire::answer::{Answer, Refusal};
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::forward::read::Read;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::Event;
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::session::Page;
use telesphor_wire::text::SupportCode;

use crate::engine::Engine;
use crate::proof::{self, Bound, Passage};
use crate::single;
use crate::submit::Granted;

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
        let (house, core) = (self.house(), self.house().core.clone());
        let passage = Passage {
            domain: core.domain.clone(),
            reply,
            not_after,
            agent_nonce: read.agent_nonce,
        };
        let (page, proof) = (read.page, read.proof);
        if core.away_for(&proof.mailbox).is_some() {
            let granted = Granted::elsewhere(passage.shown(proof));
            return single::page(house, granted, page, read.agent_nonce).await;
        }
        let bound = Bound::Forwarded(passage);
        let check = move || proof::check(&core.reader, &bound, &proof, core.clock.now_ms());
        let proven = house.core.clone().blocking(check).await?;
        let granted = Granted::here(proven.mailbox.id, proven.claim);
        single::page(house, granted, page, read.agent_nonce).await
    }

    /// Carries out a command that carries its own signature, with no session's word beside it.
    pub async fn carry_out(&self, support: SupportCode, command: Command) -> Answer {
        single::command(self.house(), None, support, command).await
    }
}
