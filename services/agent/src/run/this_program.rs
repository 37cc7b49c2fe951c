//! Commands that need no profile.

use crate::args;
use crate::exit::{Exit, TABLE};
use crate::fault::{Fault, Result};
use crate::out::{Form, Out, Row};

/// Writes the completion script.
pub(super) fn completion(out: &Out, args: &args::Completion) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), "telesphor", &mut script);
    out.bytes(&script)?;
    Ok(Exit::Done)
}

/// Help on a command, or on the exit codes.
pub(super) fn help(out: &Out, args: &args::Help) -> Result<Exit> {
    if args.topic == ["exit-codes"] {
        return exit_codes(out);
    }
    let mut command = args::command();
    command.build();
    let mut found = &mut command;
    for word in &args.topic {
        found = found.find_subcommand_mut(word).ok_or_else(|| {
            Fault::usage(format!("no such command: {word}"))
                .then("telesphor --help, telesphor help exit-codes")
        })?;
    }
    out.data(found.render_long_help().to_string().trim_end())?;
    Ok(Exit::Done)
}

fn exit_codes(out: &Out) -> Result<Exit> {
    if out.form == Form::Person {
        out.data("exit  meaning\n")?;
        for (exit, meaning, then) in TABLE {
            let arrow = if then.is_empty() { "" } else { ". Then: " };
            out.data(&format!("{:>4}  {meaning}{arrow}{then}", exit.number()))?;
        }
        out.data("\nErrors stand on stderr with a code such as T-6001; with --json as one object:")?;
        out.data(r#"{"v":1,"error":"T-6001","words":"...","who_acts":"you|peer|operator|us","retry_after_s":null,"support":null,"next":null}"#)?;
        return Ok(Exit::Done);
    }
    let rows: Vec<Row> = TABLE
        .iter()
        .map(|(exit, meaning, then)| {
            Row::new()
                .both("exit", "EXIT", exit.number(), &exit.number().to_string())
                .text("meaning", "MEANING", meaning)
                .text("then", "THEN", then)
        })
        .collect();
    out.list(&rows, "")?;
    Ok(Exit::Done)
}
