//! `drain`: asks the relay to finish and exit, and waits until it has.

use std::time::{Duration, Instant};

use serde::Serialize;
use telesphor_wire::error::ErrorCode;

use crate::admin::words::{Nothing, Request};
use crate::clock;
use crate::fault::{Exit, Fault};
use crate::serve::lock;

use super::args::Drain;
use super::context::Context;

/// Between two looks whether it has ended.
const LOOK: Duration = Duration::from_millis(100);
/// What stopping takes beyond the time for draining.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct Drained {
    drained: bool,
}

/// Carries it out.
pub(crate) fn run(context: &Context<'_>, args: &Drain) -> Result<(), Fault> {
    let timeout_s = clock::seconds(&args.timeout)?;
    let layout = context.layout()?;
    let _: Nothing = context.ask(&Request::Drain { timeout_s })?;
    context
        .out
        .note("Draining: new work is refused, work under way is finished.");
    let latest = Instant::now() + Duration::from_secs(timeout_s) + GRACE;
    // Not the socket, which goes first: whoever starts another relay next must find the store free.
    while let Err(fault) = lock(&layout) {
        if fault.exit != Exit::Conflict {
            return Err(fault);
        }
        if Instant::now() >= latest {
            return Err(Fault::new(
                Exit::NotYet,
                ErrorCode::Draining,
                "the relay is still draining",
            ));
        }
        std::thread::sleep(LOOK);
    }
    context.out.show(&Drained { drained: true }, || {
        "Drained; the relay has ended.".to_owned()
    });
    Ok(())
}
