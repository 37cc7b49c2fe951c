//! `make fills`: pharmacies race for prescriptions while the relays are struck, again and again.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use telesphor_chaos::faults::{self, INSIDE};
use telesphor_chaos::fills::{self, Outcome, Plan, plant};

/// Lets many pharmacies draw on the same prescriptions at once, strikes the relays, and reckons up.
#[derive(Parser)]
struct Arguments {
    /// Fills that are tried.
    #[arg(long, default_value_t = 100_000)]
    fills: u64,
    /// Prescriptions they are tried on.
    #[arg(long, default_value_t = 500)]
    prescriptions: usize,
    /// Units of each.
    #[arg(long, default_value_t = 300)]
    units: u32,
    /// Pharmacies.
    #[arg(long, default_value_t = 64)]
    pharmacies: usize,
    /// One relay that is killed, instead of three over NATS, each on a machine of its own.
    #[arg(long)]
    one: bool,
    /// Two: the ledger is at one, half of the pharmacies at the other, each with a single relay; the
    /// line between them is cut as well.
    #[arg(long, default_value_t = 1)]
    hospitals: usize,
    /// How often they are struck.
    #[arg(long, default_value_t = 100)]
    faults: u32,
    /// The longest that a fault lasts, milliseconds.
    #[arg(long, default_value_t = 4_000)]
    longest_ms: u64,
    /// One of so many reservations is left lying.
    #[arg(long, default_value_t = 16)]
    leave_one_in: u64,
    /// Names the run: the same seed strikes the same machines in the same order.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the files go; they stay there if something failed.
    #[arg(long, default_value = "target/fills")]
    folder: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.one && arguments.hospitals < 2 && std::env::var_os(INSIDE).is_none() {
        let failed = match faults::inside() {
            Ok(mut command) => command.exec(),
            Err(e) => e,
        };
        say(&format!(
            "no network of its own (unshare from util-linux): {failed}"
        ));
        return ExitCode::from(8);
    }
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(run(&arguments)),
        Err(e) => {
            say(&format!("FAILED: {e}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(a: &Arguments) -> ExitCode {
    let plan = Plan {
        relays: if a.one || a.hospitals > 1 { 1 } else { 3 },
        hospitals: a.hospitals,
        faults: a.faults,
        longest: Duration::from_millis(a.longest_ms),
        seed: a.seed,
        prescriptions: a.prescriptions,
        units: a.units,
        pharmacies: a.pharmacies,
        fills: a.fills,
        leave_one_in: a.leave_one_in,
    };
    let folder = a.folder.join(format!("{}-{}", a.seed, std::process::id()));
    say(&format!(
        "seed {}, {plan:?}, files in {}",
        a.seed,
        folder.display()
    ));
    let outcome = fills::run(&folder, &plan, |fault, strike, silence, tried| {
        say(&format!(
            "  {fault:>4}  {strike:?}: answered again {} ms after it ended, {tried} fills tried",
            silence.as_millis()
        ));
    })
    .await;
    let evidence = format!("the evidence lies in {}", folder.display());
    match outcome {
        Ok(o) if o.holds() => {
            say(&told(&o, &plan));
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

fn told(o: &Outcome, plan: &Plan) -> String {
    let line = |(kind, times): (&String, &u32)| {
        let silence = o.silence.get(kind).copied().unwrap_or_default();
        format!(
            "  {kind:<24} {times:>4} times, at most {:>6} ms until the next answer\n",
            silence.as_millis()
        )
    };
    let struck: String = o.struck.iter().map(line).collect();
    format!(
        "{struck}Everything held: {} fills tried, {} confirmed, {} acts refused with reason, {} answers judged, {} of them at the other hospital; \
         {} of {} prescriptions drawn to the end, none beyond it; \
         {} faults of {} kinds planted in this history and found; {:.0} s, {:.0} fills/s",
        o.tried,
        o.confirmed,
        o.refused,
        o.judged,
        o.there,
        o.emptied,
        plan.prescriptions,
        o.planted,
        plant::kinds(),
        o.took.as_secs_f64(),
        o.tried as f64 / o.took.as_secs_f64()
    )
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
