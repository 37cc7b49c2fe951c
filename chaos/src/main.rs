//! The long campaign: kills a relay under load, again and again, and reckons up.

use clap::Parser;
use std::io::Write;
use std::process::ExitCode;
use telesphor_chaos::campaign::{Plan, run};

/// Kills a relay under load and checks that every receipt is honoured.
#[derive(Parser)]
struct Arguments {
    /// How often the relay is killed.
    #[arg(long, default_value_t = 200)]
    kills: u32,
    /// Names the run; printed, so that a failure can be run again.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Mailboxes, each with a sender of its own.
    #[arg(long, default_value_t = 8)]
    mailboxes: usize,
    /// Deposits each sender keeps on the way.
    #[arg(long, default_value_t = 16)]
    in_flight: usize,
    /// Payload of a deposit, bytes.
    #[arg(long, default_value_t = 1024)]
    payload: usize,
    /// Where the relay's files go; they stay there if something failed.
    #[arg(long, default_value = "target/crash-campaign")]
    folder: std::path::PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let a = Arguments::parse();
    let plan = Plan {
        kills: a.kills,
        seed: a.seed,
        mailboxes: a.mailboxes,
        in_flight: a.in_flight,
        payload_bytes: a.payload,
    };
    let folder = a.folder.join(format!("{}-{}", a.seed, std::process::id()));
    say(&format!(
        "seed {}, {} kills, files in {}",
        a.seed,
        a.kills,
        folder.display()
    ));
    let outcome = run(&folder, &plan, |kill, receipts| {
        if kill % 10 == 0 {
            say(&format!("  {kill} kills, {receipts} receipts"));
        }
    })
    .await;
    match outcome {
        Ok(o) if o.verdict.holds() && o.surprises == 0 && o.disk_verified => {
            say(&format!(
                "Everything held: {} receipts, {} events read; 0 lost, 0 doubled, 0 reordered; slowest start {:?}",
                o.verdict.receipts, o.verdict.read, o.slowest_start
            ));
            // The evidence of a good run is the line above; only failures keep their files.
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
