//! `cluster accept`: a change that was made at another relay of the cluster.

use serde::Serialize;

use crate::admin::words::{Nothing, Request};
use crate::cluster::change::Change;
use crate::fault::{Exit, Fault};
use crate::layout::Layout;

use super::super::args::ClusterAccept;
use super::super::context::Context;
use super::keys;

#[derive(Serialize)]
struct Accepted {
    edition: u64,
    /// Whether it was new here.
    changed: bool,
    /// Whether the running relay took it; otherwise it takes it when it starts.
    running: bool,
}

/// Carries it out.
pub(super) fn run(context: &Context<'_>, args: &ClusterAccept) -> Result<(), Fault> {
    let layout = Layout::new(context.settings(&[])?.data);
    let key = keys(&layout)?.domain.public();
    let change = Change::read(&args.change, &key)?;
    let changed = change.follows(&Change::now(&layout, &key)?)?;
    if changed {
        change.write(&layout)?;
    }
    let running = match context.ask::<Nothing>(&Request::ClusterChanged) {
        Ok(_) => true,
        Err(fault) if fault.exit == Exit::Unreachable => false,
        Err(fault) => return Err(fault),
    };
    let accepted = Accepted {
        edition: change.cluster.record.edition,
        changed,
        running,
    };
    context.out.show(&accepted, || accepted.text());
    Ok(())
}

impl Accepted {
    fn text(&self) -> String {
        let what = if self.changed { "taken" } else { "was here already" };
        let when = if self.running {
            "the running relay has it"
        } else {
            "no relay runs here; it takes it when it starts"
        };
        format!("Edition {} {what}: {when}", self.edition)
    }
}
