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
        Err(fault) if fault.exit == Exit::Unreachable => {
            let days = context.settings(&[])?.traces.keep_days;
            office::trace(&context.layout()?, days, &args.code, None)?
        }
        other => other?,
    };
    for step in &steps {
        context.out.show(step, || text(step));
    }
    Ok(())
}

fn text(s: &TraceStep) -> String {
    let end = match s.outcome.as_str() {
        "durable" => format!("durable {}, {}", s.answered, delivered(s)),
        "refused" => format!(
            "refused {} with {}: {}",
            s.answered,
            s.code.as_deref().unwrap_or_default(),
            s.words.as_deref().unwrap_or_default()
        ),
        "busy" => format!("told {} to come back: too much at once", s.answered),
        "not_yet_durable" => format!("not yet durable {}", s.answered),
        "unanswered" => format!("its connection ended {} before the answer", s.answered),
        _ => format!("answered {}", s.answered),
    };
    format!("accepted {}, {end}", s.accepted)
}

/// To how many; "at least" where the counting has ended.
fn delivered(s: &TraceStep) -> String {
    let least = if s.counting { "" } else { "at least " };
    let plural = if s.sessions == 1 { "" } else { "s" };
    let why = if s.counting {
        ""
    } else {
        " (not counted any more: the relay was stopped since, or very many requests came)"
    };
    format!("delivered to {least}{} session{plural}{why}", s.sessions)
}
