//! `make faults`: a cluster under load, and one fault after the other.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use clap::builder::PossibleValuesParser;
use telesphor_chaos::faults::{self, INSIDE, Outcome, Plan, Strike};

/// Kills, pauses, parts, wipes and damages the machines of a cluster under load, and reckons up.
#[derive(Parser)]
struct Arguments {
    /// How many faults.
    #[arg(long, default_value_t = 500)]
    faults: u32,
    /// Names the run; the same seed strikes the same machines in the same order.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Mailboxes, each with a sender of its own.
    #[arg(long, default_value_t = 8)]
    mailboxes: usize,
    /// Deposits each sender keeps on the way.
    #[arg(long, default_value_t = 8)]
    in_flight: usize,
    /// The longest that a fault lasts, milliseconds.
    #[arg(long, default_value_t = 6_000)]
    longest_ms: u64,
    /// Every second fault strikes a machine itself: a full or slow disk, a wrong clock.
    #[arg(long)]
    machines: bool,
    /// Only faults of this kind, as the table at the end names it.
    #[arg(long, value_parser = PossibleValuesParser::new(Strike::KINDS))]
    only: Option<String>,
    /// Receipts before the first fault.
    #[arg(long, default_value_t = 0)]
    before: u64,
    /// Where the files go; they stay there if something failed.
    #[arg(long, default_value = "target/faults")]
    folder: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if std::env::var_os(INSIDE).is_none() {
        let failed = match faults::inside() {
            Ok(mut command) => command.exec(),
            Err(e) => e,
        };
        say(&format!(
            "no network of its own (unshare from util-linux): {failed}"
        ));
        return ExitCode::from(8);
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(e) => {
            say(&format!("FAILED: {e}"));
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(run(&arguments))
}

async fn run(a: &Arguments) -> ExitCode {
    let plan = Plan {
        faults: a.faults,
        seed: a.seed,
        mailboxes: a.mailboxes,
        in_flight: a.in_flight,
        longest: Duration::from_millis(a.longest_ms),
        machines: a.machines || a.only.as_deref().is_some_and(Strike::is_of_a_machine),
        only: a.only.clone(),
        before: a.before,
    };
    let folder = a.folder.join(format!("{}-{}", a.seed, std::process::id()));
    say(&format!(
        "seed {}, {plan:?}, files in {}",
        a.seed,
        folder.display()
    ));
    let begun = Instant::now();
    let outcome = faults::run(&folder, &plan, |fault, strike, silence| {
        say(&format!(
            "  {fault:>4}  {strike:?}: acknowledged again {} ms after it ended",
            silence.as_millis()
        ));
    })
    .await;
    let evidence = format!("the evidence lies in {}", folder.display());
    match outcome {
        Ok(o) if o.holds() => {
            say(&table(&o));
            say(&format!(
                "Everything held: {} faults, {} receipts, each read at every relay; {:.0} s",
                a.faults,
                o.verdict.receipts / 3,
                begun.elapsed().as_secs_f64()
            ));
            let _ = std::fs::remove_dir_all(&folder);
            ExitCode::SUCCESS
        }
        Ok(o) => {
            say(&format!("FAILED: {o:?}; {evidence}"));
            ExitCode::FAILURE
        }
        Err(e) => {
            say(&format!("FAILED: {e}; {evidence}"));
            ExitCode::FAILURE
        }
    }
}

fn table(outcome: &Outcome) -> String {
    let line = |(kind, times): (&String, &u32)| {
        let silence = outcome.silence.get(kind).copied().unwrap_or_default();
        format!(
            "  {kind:<24} {times:>4} times, at most {:>6} ms until the next receipt\n",
            silence.as_millis()
        )
    };
    outcome.struck.iter().map(line).collect()
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
