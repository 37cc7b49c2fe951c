//! The profile, open as long as the page may have it.
//!
//! One process has a profile open at a time. The page lets go of it when a command waits, when
//! the profile is locked, and after a time without anybody; it opens it again by the session
//! when somebody looks. So whoever locks the profile anywhere locks the page.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use telesphor_agent::{Agent, Key};
use telesphor_vault::{VaultPaths, end_session, session_lasts};
use telesphor_wire::error::ErrorCode;
use tokio::sync::{RwLock, RwLockReadGuard};

use super::limits;
use crate::fault::{Fault, Result};

/// What keeps it.
pub(crate) struct Keeper {
    folder: PathBuf,
    paths: VaultPaths,
    outer: PathBuf,
    idle: Duration,
    agent: RwLock<Option<Agent>>,
    openings: AtomicU64,
    used: Mutex<Instant>,
}

/// Now, Unix milliseconds.
pub(crate) fn now_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0)
}

impl Keeper {
    /// For the profile in `folder`, by the session whose outer half is `outer`; locked after
    /// `idle` without anybody doing anything.
    pub(crate) fn new(folder: &Path, outer: PathBuf, idle: Duration) -> Self {
        Self {
            folder: folder.to_owned(),
            paths: VaultPaths::in_folder(folder),
            outer,
            idle,
            agent: RwLock::new(None),
            openings: AtomicU64::new(0),
            used: Mutex::new(Instant::now()),
        }
    }

    /// After how long without anybody it locks.
    pub(super) const fn idle(&self) -> Duration {
        self.idle
    }

    /// How often it was opened: what one opening was told, the next one does not know.
    pub(super) fn openings(&self) -> u64 {
        self.openings.load(Ordering::Acquire)
    }

    /// Notes that somebody did something.
    pub(super) fn used(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn is_unlocked(&self) -> bool {
        session_lasts(&self.paths.session(), &self.outer, now_ms())
    }

    /// The open profile. It is not closed before this is dropped; whoever has one asks for no other.
    ///
    /// # Errors
    /// `VaultLocked`; `VaultInUse` while another command has it.
    pub(crate) async fn agent(&self) -> Result<RwLockReadGuard<'_, Agent>> {
        if !self.is_unlocked() {
            self.let_go().await;
            return Err(Fault::of(ErrorCode::VaultLocked));
        }
        let open = self.agent.read().await;
        if let Ok(agent) = RwLockReadGuard::try_map(open, Option::as_ref) {
            return Ok(agent);
        }
        self.give_way().await;
        let mut slot = self.agent.write().await;
        if slot.is_none() {
            let key = Key::Session(self.outer.clone());
            *slot = Some(Agent::open_with(&self.folder, key, true).await?);
            self.openings.fetch_add(1, Ordering::AcqRel);
        }
        RwLockReadGuard::try_map(slot.downgrade(), Option::as_ref)
            .map_err(|_| Fault::of(ErrorCode::VaultInUse))
    }

    /// A command that waits comes first: a window that looks for news would take the profile
    /// back before it each time.
    async fn give_way(&self) {
        let began = Instant::now();
        while self.paths.is_wanted() && began.elapsed() < limits::GIVE_WAY {
            tokio::time::sleep(limits::AGAIN).await;
        }
    }

    /// Closes the profile, as soon as nobody is at it.
    pub(crate) async fn let_go(&self) {
        let mut slot = self.agent.write().await;
        if let Some(agent) = slot.take() {
            agent.close().await;
        }
    }

    /// Locks the profile, for every program.
    pub(crate) async fn lock(&self) -> Result<()> {
        end_session(&self.paths.session(), &self.outer)?;
        self.let_go().await;
        Ok(())
    }

    /// Looks after it, for ever.
    pub(super) async fn watch(&self) {
        loop {
            tokio::time::sleep(limits::LOOK).await;
            let unlocked = self.is_unlocked();
            if !unlocked {
                // Its time begins anew when it is unlocked.
                self.used();
            }
            let idle = self.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed() >= self.idle;
            if unlocked && idle {
                // Tried again at the next look.
                let _ = self.lock().await;
            }
            // While it is being opened here, it is this page that waits for it.
            let open = self.agent.try_read().is_ok_and(|slot| slot.is_some());
            if open && (!unlocked || self.paths.is_wanted()) {
                self.let_go().await;
            }
        }
    }
}
