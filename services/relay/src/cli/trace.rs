//! `trace CODE`.

use crate::admin::office;
use crate::admin::words::{Request, TraceStep};
use crate::fault::{Exit, Fault};

use super::args::Trace;
use super::context::Context;

/// Asks the running relay; where none runs, reads its traces.
pub(crate) fn run(context: &Context<'_>, args: &Trace) -> Result<(), Fault> {
    let asked: Result<Vec<TraceStep>, Fault> = context.ask(&Request::Trace {
        code: args.code.clone(),
    });
    let steps = match asked {
        Err(fault) if fault.exit == Exit::Unreachable => office::trace(&context.layout()?, &args.code)?,
        other => other?,
    };
    for step in &steps {
        context.out.show(step, || {
            format!(
                "accepted {}, answered {}: {}",
                step.taken, step.answered, step.outcome
            )
        });
    }
    Ok(())
}
