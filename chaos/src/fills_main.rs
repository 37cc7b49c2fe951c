//! Pharmacies race for prescriptions while the relay is killed, again and again.

use clap::Parser;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use telesphor_chaos::fills::{self, Plan};

/// Lets many pharmacies draw on the same prescriptions at once, kills the relay, and reckons up.
#[derive(Parser)]
struct Arguments {
    /// Fills that are tried.
    #[arg(long, default_value_t = 100_000)]
    fills: u64,
    /// Prescriptions they are tried on.
    #[arg(long, default_value_t = 400)]
    prescriptions: usize,
    /// Units of each.
    #[arg(long, default_value_t = 300)]
    units: u32,
    /// Pharmacies.
    #[arg(long, default_value_t = 64)]
    pharmacies: usize,
    /// How often the relay is killed.
    #[arg(long, default_value_t = 20)]
    kills: u32,
    /// Names the run; printed, so that a failure can be run again.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the files go; they stay there if something failed.
    #[arg(long, default_value = "target/fills")]
    folder: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let a = Arguments::parse();
    let plan = Plan {
        kills: a.kills,
        seed: a.seed,
        prescriptions: a.prescriptions,
        units: a.units,
        pharmacies: a.pharmacies,
        fills: a.fills,
    };
    let folder = a.folder.join(format!("{}-{}", a.seed, std::process::id()));
    say(&format!(
        "seed {}, {plan:?}, files in {}",
        a.seed,
        folder.display()
    ));
    let outcome = fills::run(&folder, &plan, |kill, tried| {
        say(&format!("  kill {kill}: {tried} fills tried"));
    })
    .await;
    match outcome {
        Ok(o) if o.holds() => {
            say(&format!(
                "Everything held: {} fills tried, {} confirmed, {} prescriptions drawn to the end, none beyond it; \
                 {} relays killed; {:.0} fills/s",
                o.tried,
                o.confirmed,
                o.emptied,
                o.kills,
                o.tried as f64 / o.took.as_secs_f64()
            ));
            let _ = std::fs::remove_dir_all(&folder);
            ExitCode::SUCCESS
        }
        Ok(o) => {
            say(&format!(
                "FAILED: {o:?}; the evidence lies in {}",
                folder.display()
            ));
            ExitCode::FAILURE
        }
        Err(e) => {
            say(&format!("FAILED: {e}; the evidence lies in {}", folder.display()));
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
