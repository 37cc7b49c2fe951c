//! `telesphor`: the command line of an identity.
//!
//! **What it does.** Takes a call apart, has the agent carry it out, prints the answer.
//!
//! **What it deliberately does not know.** How anything is done: no keys, no relay, no rules
//! about who may what. All of that is `telesphor-agent`.
//!
//! **Where to start.** [`args`] for the commands, [`run`] for what each asks of the agent,
//! [`out`] and [`shown`] for how answers look, [`page`] for the same in a browser.
//!
//! **What always holds.** Data goes to stdout, words to stderr. Nothing is asked where nobody
//! can answer. Every failure has a code, and the exit code says what a script should do. No
//! secret is an argument.

mod args;
mod dates;
mod exit;
mod fault;
mod home;
mod out;
mod page;
mod run;
mod secret;
mod sheet;
mod short;
mod shown;

use clap::FromArgMatches;
use clap::error::ErrorKind;
use std::process::ExitCode;

use crate::exit::Exit;
use crate::fault::Fault;
use crate::out::{Form, Out};

fn main() -> ExitCode {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().collect();
    let parsed = args::command()
        .try_get_matches_from(&arguments)
        .and_then(|matches| args::Cli::from_arg_matches(&matches));
    let exit = match parsed {
        Ok(cli) => run::run(cli),
        Err(error) => misunderstood(&error, arguments.iter().any(|a| a == "--json")),
    };
    ExitCode::from(exit.number())
}

/// Help and version are answers; everything else is a call that was not understood.
fn misunderstood(error: &clap::Error, json: bool) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // Where to: clap knows; that the reader has gone is no failure.
            let _ = error.print();
            Exit::Done
        }
        _ if json => {
            // The first paragraph: which arguments, and not how all of them are written.
            let words = error.to_string();
            let first: Vec<&str> = words
                .lines()
                .map(str::trim)
                .take_while(|line| !line.is_empty())
                .collect();
            let first = first.join(" ");
            Out::new(Form::Json).fault(&Fault::usage(first.trim_start_matches("error: ")));
            Exit::Usage
        }
        _ => {
            let _ = error.print();
            Exit::Usage
        }
    }
}
