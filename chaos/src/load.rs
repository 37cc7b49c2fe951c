//! Senders at work on a cluster, and the reckoning at the end.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::JoinHandle;

use crate::campaign::{CampaignError, admit, read_all, wait_for};
use crate::cluster::Cluster;
use crate::history::{Sent, Verdict, judge};
use crate::sender::{self, Shared};
use crate::tenant::{Mailbox, Tenant, TenantError};

/// Bytes of a deposit.
const PAYLOAD: usize = 700;
/// Deposits of one sender on their way.
const IN_FLIGHT: usize = 16;

/// A sender for each of several mailboxes.
pub struct Load {
    /// Who was let in.
    pub tenant: Arc<Tenant>,
    /// Where they send to.
    pub mailboxes: Vec<Mailbox>,
    shared: Arc<Shared>,
    senders: Vec<JoinHandle<Sent>>,
}

impl Load {
    /// Has so many mailboxes opened, and begins to send.
    ///
    /// # Errors
    /// [`CampaignError`].
    pub async fn begin(cluster: &Cluster, mailboxes: usize) -> Result<Self, CampaignError> {
        let admission = admit(&cluster.relays[0])?;
        let mut tenant = Tenant::enrol(&admission, mailboxes).await?;
        let (session, _pushes) = tenant.session().await.map_err(TenantError::from)?;
        let mut opened = Vec::new();
        for _ in 0..mailboxes {
            opened.push(tenant.open(&session).await?);
        }
        let tenant = Arc::new(tenant);
        let shared = Arc::new(Shared::default());
        let send = |m: &Mailbox| sender::run(tenant.clone(), m.clone(), shared.clone(), PAYLOAD, IN_FLIGHT);
        let senders = opened.iter().map(|m| tokio::spawn(send(m))).collect();
        Ok(Self {
            tenant,
            mailboxes: opened,
            shared,
            senders,
        })
    }

    /// Waits for so many more receipts.
    ///
    /// # Errors
    /// [`CampaignError::Stuck`].
    pub async fn more(&self, receipts: u64) -> Result<(), CampaignError> {
        let now = self.shared.receipts.load(Ordering::Relaxed);
        wait_for(&self.shared, now + receipts).await
    }

    /// Brings what is on its way to its end, and reckons; gives how many events stand in each mailbox.
    ///
    /// # Errors
    /// [`CampaignError::Stuck`] if a promise was broken, or something was refused that must not be.
    pub async fn end(self) -> Result<Vec<u64>, CampaignError> {
        self.shared.stop.store(true, Ordering::Relaxed);
        let (mut verdict, mut last) = (Verdict::default(), Vec::new());
        for (sender, mailbox) in self.senders.into_iter().zip(&self.mailboxes) {
            let sent = sender
                .await
                .map_err(|_| CampaignError::Stuck("a sender panicked"))?;
            let now = read_all(&self.tenant, mailbox, sent.last()).await?;
            verdict.add(&judge(mailbox.id, mailbox.genesis, &sent, &[], &now));
            last.push(now.len() as u64);
        }
        if self.shared.surprises.load(Ordering::Relaxed) > 0 {
            return Err(CampaignError::Stuck("something was refused that must not be"));
        }
        match verdict.holds() {
            true => Ok(last),
            false => Err(CampaignError::Broken(verdict)),
        }
    }
}
