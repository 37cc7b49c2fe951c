//! Care teams: what they cost, and how fast they change.

mod bare;
mod cost;
mod door;
mod grow;
mod ours;
pub(crate) mod revoke;
mod sending;
mod store;

use std::path::Path;

use tokio::runtime::Runtime;

use crate::error::Result;
use crate::report::Report;
pub(crate) use ours::now;

/// What teams cost.
pub(crate) fn run(runtime: &Runtime, folder: &Path, report: &mut Report) -> Result<()> {
    cost::run(report)?;
    cost::run_reloading(report)?;
    sending::run(runtime, folder, report)
}
