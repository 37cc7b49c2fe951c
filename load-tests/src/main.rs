//! How fast, as ratios within one run.
//!
//! **What it does.** Loads a real relay process over TLS, and beside it in the same run what it
//! is built on or could have been built on: RocksDB alone, one JetStream stream. Prints
//! figures and ratios, and says which targets are met.
//!
//! **What it deliberately does not know.** How the relay does it: it is measured from outside,
//! by the clock and by `/proc`.
//!
//! **Where to start.** [`append`] for the first scenario, [`line`] for the load itself.
//!
//! **What always holds.** Absolute figures are this machine's; targets are ratios of figures
//! measured in one run on one disk. What a figure covers is said beside it.

mod append;
mod behind;
mod between;
mod blobs;
mod chain;
mod cluster;
mod disclose;
mod error;
mod jetstream;
mod ledger;
mod line;
mod mailboxes;
mod measure;
mod parts;
mod population;
mod raw;
mod report;
mod sealed;
mod storm;
mod teams;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use error::Result;
use report::Report;

/// Throughput and cost of a relay, as ratios within one run.
#[derive(Parser)]
#[command(name = "telesphor-load-tests", version, about)]
struct Call {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the scenarios and print the figures
    Bench(Bench),
    /// The comparison (a) as a process of its own
    #[command(hide = true)]
    Raw(raw::Order),
}

/// What to run.
#[derive(clap::Args)]
struct Bench {
    /// Scenarios: append, cluster, behind, ledger, mailboxes, sealed, teams, revoke, storm, disclose, chain, blobs, between
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "append,cluster,behind,ledger,mailboxes,sealed,teams,revoke,storm,disclose,chain,blobs,between"
    )]
    only: Vec<String>,
    /// Seconds that each measurement lasts
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Mailboxes of the large relay
    #[arg(long, default_value_t = 1_000_000)]
    mailboxes: usize,
    /// Length of the large file, MiB
    #[arg(long, default_value_t = 1024)]
    file_mib: u64,
    #[command(flatten)]
    cluster: cluster::Shape,
    #[command(flatten)]
    ward: storm::Size,
    /// nats-server binary; without it that comparison is left out
    #[arg(long, env = "TELESPHOR_NATS_SERVER", value_name = "FILE")]
    nats: Option<PathBuf>,
    /// A folder on the disk that is to be measured [default: the system's temporary folder]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Write all figures here too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let outcome = match Call::parse().command {
        Command::Raw(order) => raw::serve(&order).map(|()| true),
        Command::Bench(bench) => run(&bench),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(3),
        Err(error) => {
            report::line_err(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run(bench: &Bench) -> Result<bool> {
    let folder = match &bench.folder {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            tempfile::tempdir_in(folder)?
        }
        None => tempfile::tempdir()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = Report::new();
    report.machine();
    let lasts = Duration::from_secs(bench.seconds);
    let wants = |name: &str| bench.only.iter().any(|o| o == name);
    if wants("append") {
        append::run(&runtime, folder.path(), lasts, bench.nats.as_deref(), &mut report)?;
    }
    if wants("cluster") {
        let nats = bench.nats.as_deref();
        cluster::run(&runtime, folder.path(), lasts, nats, bench.cluster, &mut report)?;
    }
    if wants("behind") {
        behind::run(&runtime, folder.path(), lasts, bench.nats.as_deref(), &mut report)?;
    }
    if wants("ledger") {
        ledger::run(&runtime, folder.path(), lasts, &mut report)?;
    }
    if wants("mailboxes") {
        mailboxes::run(&runtime, folder.path(), lasts, bench.mailboxes, &mut report)?;
    }
    if wants("sealed") {
        sealed::run(folder.path(), lasts, &mut report)?;
    }
    if wants("teams") {
        teams::run(&runtime, folder.path(), &mut report)?;
    }
    if wants("revoke") {
        teams::revoke::run(&runtime, folder.path(), &mut report)?;
    }
    if wants("storm") {
        storm::run(&runtime, folder.path(), bench.ward, &mut report)?;
    }
    if wants("disclose") {
        disclose::run(&mut report)?;
    }
    if wants("chain") {
        chain::run(&runtime, folder.path(), &mut report)?;
    }
    if wants("blobs") {
        blobs::run(&runtime, folder.path(), bench.file_mib, &mut report)?;
    }
    if wants("between") {
        between::run(&runtime, folder.path(), bench.file_mib, &mut report)?;
    }
    if let Some(path) = &bench.json {
        std::fs::write(path, report.json())?;
    }
    Ok(report.conclude())
}
