//! The commands of `telesphor-relay`. Each has a file; this one reads the call and hands over.

mod admit;
mod args;
mod backup;
mod check;
mod cluster;
mod config;
mod context;
mod domain;
mod drain;
mod init;
mod inspect;
mod qr;
mod status;
mod trace;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use crate::fault::{Exit, Fault};
use crate::out::Out;
use args::{Call, Command};
use context::Context;

/// Reads the call, carries it out and gives the exit code.
pub fn main() -> ExitCode {
    let call = match Call::try_parse() {
        Ok(call) => call,
        Err(error) => return not_a_call(&error),
    };
    let out = Out {
        json: call.global.json,
        plain: call.global.plain,
    };
    match run(&call, out) {
        Ok(exit) => ExitCode::from(exit),
        Err(fault) => {
            out.fault(&fault);
            ExitCode::from(fault.exit as u8)
        }
    }
}

/// Help and version are asked for; everything else is wrong usage, in JSON too where wanted.
fn not_a_call(error: &clap::Error) -> ExitCode {
    let wanted = !error.use_stderr();
    if !wanted && std::env::args().any(|a| a == "--json") {
        let words = error.to_string().lines().next().unwrap_or_default().to_owned();
        Out {
            json: true,
            plain: true,
        }
        .fault(&Fault::usage(words));
    } else {
        let _ = error.print();
    }
    ExitCode::from(if wanted {
        Exit::Done as u8
    } else {
        Exit::Usage as u8
    })
}

fn run(call: &Call, out: Out) -> Result<u8, Fault> {
    let context = Context {
        global: &call.global,
        out,
    };
    let done = |()| Exit::Done as u8;
    match &call.command {
        Command::Init(args) => init::run(&context, args).map(done),
        Command::Serve(args) => {
            crate::serve::run(context.settings(&args.flags())?, context.config_file()).map(done)
        }
        Command::Config(args) => config::run(&context, args).map(done),
        Command::Admit(args) => admit::run(&context, args).map(done),
        Command::Cluster(args) => cluster::run(&context, args).map(done),
        Command::Domain(args) => domain::run(&context, args).map(done),
        Command::Check(args) => check::check(&context, args),
        Command::Healthcheck(args) => Ok(check::healthcheck(&context, args)),
        Command::Status(args) => status::run(&context, args).map(done),
        Command::Trace(args) => trace::run(&context, args).map(done),
        Command::Inspect(args) => inspect::run(&context, args).map(done),
        Command::Verify => verify::run(&context).map(done),
        Command::Backup(args) => backup::backup(&context, args).map(done),
        Command::Restore(args) => backup::restore(&context, args).map(done),
        Command::Drain(args) => drain::run(&context, args).map(done),
    }
}
