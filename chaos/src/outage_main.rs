//! `make outage`: a hospital is cut off for minutes, and another one goes on.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use telesphor_chaos::exchange::outage::{self, Outcome, Own, Plan};

/// Cuts the line between two hospitals while one goes on working and writing to the other.
#[derive(Parser)]
struct Arguments {
    /// How long the line is cut, seconds.
    #[arg(long, default_value_t = 600)]
    cut_s: u64,
    /// How long the same work is measured before, seconds.
    #[arg(long, default_value_t = 120)]
    before_s: u64,
    /// Between two messages to the other hospital, milliseconds.
    #[arg(long, default_value_t = 100)]
    every_ms: u64,
    /// Mailboxes at the other hospital.
    #[arg(long, default_value_t = 4)]
    lanes: usize,
    /// Where the files go; they stay there if something failed.
    #[arg(long, default_value = "target/outage")]
    folder: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let a = Arguments::parse();
    let plan = Plan {
        before: Duration::from_secs(a.before_s),
        cut: Duration::from_secs(a.cut_s),
        every: Duration::from_millis(a.every_ms),
        lanes: a.lanes.max(1),
    };
    let folder = a.folder.join(std::process::id().to_string());
    say(&format!("{plan:?}, files in {}", folder.display()));
    match outage::run(&folder, &plan).await {
        Ok(outcome) if outcome.holds() => {
            say(&told(&outcome));
            let _ = std::fs::remove_dir_all(&folder);
            ExitCode::SUCCESS
        }
        Ok(outcome) => {
            say(&format!(
                "FAILED: {outcome:?}; the evidence lies in {}",
                folder.display()
            ));
            ExitCode::FAILURE
        }
        Err(error) => {
            say(&format!(
                "FAILED: {error}; the evidence lies in {}",
                folder.display()
            ));
            ExitCode::FAILURE
        }
    }
}

fn told(o: &Outcome) -> String {
    let own = |name: &str, own: &Own| {
        format!(
            "  own work, {name:<9} {:>7} deposits   p50 {:>6} us   p99 {:>6} us\n",
            own.count,
            own.p50.as_micros(),
            own.p99.as_micros()
        )
    };
    format!(
        "{}{}  p99 cut / whole: {:.2}\n  {} messages to the other hospital, {} of them while it was cut off: each arrived once, in its order,\n  the last one {:.1} s after the line was whole again",
        own("line whole", &o.before),
        own("line cut", &o.during),
        o.during.p99.as_secs_f64() / o.before.p99.as_secs_f64().max(1e-9),
        o.sent,
        o.waited,
        o.caught_up.as_secs_f64()
    )
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
