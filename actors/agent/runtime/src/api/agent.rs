//! The agent itself: one profile, open.

use std::sync::Arc;
use std::time::{Duration, Instant};

use telesphor_vault::Snapshot;
use telesphor_wire::error::ErrorCode;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::blobs::task;
use crate::core::{Core, Profile, Shared};
use crate::error::{Error, Result};
use crate::sync::pump;

/// A passphrase, wiped when dropped.
pub type Passphrase = Zeroizing<String>;

/// One open profile with its connection. Everything it is told is in the vault before the
/// method returns; what has to travel goes by itself, also after a restart.
///
/// Dropping it ends the connection's task; nothing is lost by that.
pub struct Agent {
    pub(crate) shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
    files: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Agent(..)")
    }
}

impl Agent {
    /// Takes a loaded core over and starts the connection's task, unless it is to stay offline.
    pub(crate) fn start(core: Core, online: bool) -> Self {
        let shared = Shared::new(core);
        let (stop, stopped) = watch::channel(false);
        let files = online.then(|| tokio::spawn(task::run(shared.clone(), stopped.clone())));
        let task = online.then(|| tokio::spawn(pump::run(shared.clone(), stopped)));
        Self {
            shared,
            stop,
            task,
            files,
        }
    }

    /// Ends the connection in good order and closes the vault.
    pub async fn close(mut self) {
        let _ = self.stop.send(true);
        for task in [self.task.take(), self.files.take()].into_iter().flatten() {
            let _ = task.await;
        }
    }

    /// Waits until `look` gives something, looking again after every change.
    ///
    /// # Errors
    /// What `look` gives; why this agent was stopped, if it was; when the time is over [`ErrorCode::NotYetDurable`] if the relay is
    /// connected ([`ErrorCode::AdmissionInvalid`] if a conversation waits for another admission), [`ErrorCode::Unreachable`] or
    /// the last failure if it is not. What was begun goes on by itself.
    pub(crate) async fn wait_for<T, F>(&self, within: Duration, look: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Core) -> Result<Option<T>> + Send + Sync + Clone + 'static,
    {
        let until = Instant::now() + within;
        let mut changes = self.shared.changes();
        loop {
            changes.mark_unchanged();
            let look = look.clone();
            let seen = self
                .shared
                .work(move |core| match (look(core)?, core.index.stopped) {
                    (None, Some(code)) => Err(code.into()),
                    (value, _) => Ok(value),
                });
            if let Some(value) = seen.await? {
                return Ok(value);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || tokio::time::timeout(left, changes.changed()).await.is_err() {
                return Err(self.why_not().await);
            }
        }
    }

    async fn why_not(&self) -> Error {
        let why = self
            .shared
            .work(|core| {
                let index = &core.index;
                let code = match (index.connected, index.last_failure) {
                    (true, _) if core.wants_admission()? => ErrorCode::AdmissionInvalid,
                    (true, _) => ErrorCode::NotYetDurable,
                    (false, Some(code)) => code,
                    (false, None) => ErrorCode::Unreachable,
                };
                Ok(Error {
                    support: index.waiting_support(),
                    ..Error::of(code)
                })
            })
            .await;
        why.unwrap_or_else(|error| error)
    }

    /// Reads the vault at this instant.
    pub(crate) async fn look<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Snapshot, &Profile) -> Result<T> + Send + 'static,
    {
        self.shared
            .work(move |core| {
                let snapshot = core.read()?;
                f(&snapshot, &core.profile)
            })
            .await
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}
