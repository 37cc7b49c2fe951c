//! Care teams: what they cost, and how fast they change.

mod bare;
mod cost;
mod door;
mod grow;
mod ours;
mod revoke;
mod sending;
mod store;

use std::path::Path;

use tokio::runtime::Runtime;

use crate::error::Result;
use crate::report::Report;
pub(crate) use ours::now;

/// All scenarios of teams.
pub(crate) fn run(runtime: &Runtime, folder: &Path, report: &mut Report) -> Result<()> {
    cost::run(report)?;
    cost::run_reloading(report)?;
    sending::run(runtime, folder, report)?;
    revoke::run(runtime, folder, report)
}
