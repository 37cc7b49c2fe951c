//! What an engine is started with.

use std::sync::Arc;

use telesphor_store::Fatal;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::sign::SigningKey;
use telesphor_wire::text::{Domain, SupportCode};

use crate::away::AwayConfig;
use crate::clock::Clock;
use crate::limits::Limits;

/// Called once when the store has failed. What was in flight is unknown then, and nothing may
/// be confirmed any more: it should end the process. If it returns, the engine refuses
/// everything from then on.
pub type FatalHook = Arc<dyn Fn(&Fatal) + Send + Sync>;

/// Called when the events of these calls have left for one more session. Must not block.
pub type DeliveredHook = Arc<dyn Fn(&[SupportCode]) + Send + Sync>;

/// Called when something for other domains, or what became of it, stands in these mailboxes. Must
/// not block.
pub type OutboxHook = Arc<dyn Fn(&[MailboxId]) + Send + Sync>;

/// How an engine is started.
#[derive(Clone)]
pub struct EngineConfig {
    /// The domain it serves.
    pub domain: Domain,
    /// Number of partitions; the store's.
    pub partitions: u16,
    /// Relays that must attest a receipt.
    pub quorum: usize,
    /// How much it takes on at a time.
    pub limits: Limits,
    /// Where it gets the time.
    pub clock: Clock,
    /// What happens when the store fails.
    pub on_fatal: FatalHook,
    /// What happens when events are delivered.
    pub on_delivered: DeliveredHook,
    /// What happens when something is to be passed on.
    pub on_outbox: OutboxHook,
    /// The other relays, where not every one keeps every partition.
    pub away: Option<AwayConfig>,
}

impl EngineConfig {
    /// The usual limits, the machine's clock, and the end of the process when the store fails.
    pub fn new(domain: Domain, partitions: u16) -> Self {
        Self {
            domain,
            partitions,
            quorum: 1,
            limits: Limits::default(),
            clock: Clock::system(),
            on_fatal: Arc::new(|_| std::process::abort()),
            on_delivered: Arc::new(|_| {}),
            on_outbox: Arc::new(|_| {}),
            away: None,
        }
    }
}

/// The keys a relay signs with.
#[derive(Clone, Debug)]
pub struct RelayKeys {
    /// Attests batch heads; names the relay in receipts and proofs.
    pub attesting: SigningKey,
    /// Signs vouchers.
    pub admission: SigningKey,
}
