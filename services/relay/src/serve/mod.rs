//! The life of the process: start, serve, drain. Read from the top.

mod ground;
mod probes;
mod reclaim;
mod reload;
mod start;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use telesphor_wire::error::ErrorCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::config::Settings;
use crate::fault::{Exit, Fault};
use crate::logs;
use crate::process;
use crate::tls;
pub use ground::{Ground, certificate_of, files_of, lock, store_config, store_fault};
pub use start::Running;

/// Files that the store and the listeners may have open.
const FILES_OF_THE_STORE: usize = 1_024;

/// How long the store may take to close once nobody works with it.
const CLOSING: Duration = Duration::from_secs(20);

/// Runs until a signal or `drain` ends it.
///
/// # Errors
/// What kept it from starting, or exit 6 if work was still under way when the time for
/// draining had run out.
pub fn run(settings: Settings, _config: Option<PathBuf>) -> Result<(), Fault> {
    logs::start(&settings.logs);
    if !settings.process.core_dumps && process::no_core_dumps().is_err() {
        tracing::warn!("core dumps could not be turned off; let the service manager do it (LimitCORE=0)");
    }
    tls::install();
    let settings = within_file_limit(settings);
    let ground = Ground::take(settings)?;
    let closed = ground.store.closed();
    // Until the store is closed nobody else may take the directory.
    let _lock = ground.lock.try_clone();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(process::half_the_processors())
        .enable_all()
        .build()
        .map_err(|e| Fault::bug(format!("the runtime did not start: {e}")))?;
    let result = runtime.block_on(serve(ground));
    // What still runs by now is cut off; nothing of it was confirmed.
    runtime.shutdown_timeout(Duration::from_secs(2));
    // With the last of it the store is let go. The database's threads must not outlive it.
    if !closed.wait(CLOSING) {
        tracing::warn!("the store was not closed in time; whatever was confirmed is on the disk");
    }
    result
}

/// A connection holds up to two file handles. Fewer connections are better than failing ones.
fn within_file_limit(mut settings: Settings) -> Settings {
    let files = usize::try_from(process::raise_file_limit()).unwrap_or(usize::MAX);
    let room = (files.saturating_sub(FILES_OF_THE_STORE) / 2).max(32);
    let unproven = settings.edge.max_unproven.min(room / 2);
    let most = room - unproven;
    if most < settings.edge.max_connections {
        tracing::warn!(
            "fewer connections are taken than edge.max_connections says; raise LimitNOFILE for more"
        );
        settings.edge.max_connections = most;
        settings.edge.max_unproven = unproven;
    }
    settings
}

async fn serve(ground: Ground) -> Result<(), Fault> {
    let no_signal = |e: std::io::Error| Fault::bug(format!("signals cannot be received: {e}"));
    // Before anything is listened on, so that an early signal is not lost.
    let mut hangup = signal(SignalKind::hangup()).map_err(no_signal)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signal)?;
    let (asked, mut drain_asked) = mpsc::channel(1);
    let usual = Duration::from_secs(ground.settings.edge.drain_timeout);

    let (running, mut ends) = start::start(ground, asked).await?;
    let running = Arc::new(running);
    let watching = tokio::spawn(watch::watch(running.clone()));
    let reclaiming = tokio::spawn(reclaim::tend(running.clone()));
    running.announce();
    let patience = loop {
        tokio::select! {
            _ = hangup.recv() => reload::certificates(&running),
            _ = terminate.recv() => break usual,
            _ = interrupt.recv() => break usual,
            Some(patience) = drain_asked.recv() => break patience,
            ended = &mut ends => return Err(ended),
        }
    };
    let finished = running.drain(patience).await;
    watching.abort();
    reclaiming.abort();
    running.stop().await;
    match finished {
        true => Ok(()),
        false => Err(Fault::new(
            Exit::NotYet,
            ErrorCode::Draining,
            "the time for draining ran out with work under way; its senders hold it and send it again",
        )),
    }
}
