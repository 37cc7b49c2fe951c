//! The race: agents as processes commit on one mailbox at once and are killed, again and again.

use clap::Parser;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use telesphor_chaos::race::{self, Plan};
use telesphor_wire::ids::MailboxId;

/// Lets many agents race for the next epoch of one team, kills them and the relay, and reckons up.
#[derive(Parser)]
struct Arguments {
    /// Agents beside the patient.
    #[arg(long, default_value_t = 50)]
    members: usize,
    /// Epochs to be raced for.
    #[arg(long, default_value_t = 1000)]
    epochs: u64,
    /// Names the run; printed, so that a failure can be run again.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Called off after so many minutes; what came of it until then is reckoned up.
    #[arg(long, default_value_t = 240)]
    minutes: u64,
    /// Where the files go; they stay there if something failed.
    #[arg(long, default_value = "target/race")]
    folder: PathBuf,
    /// Not for people: be the member of this profile.
    #[arg(long, hide = true, requires = "team")]
    member: Option<PathBuf>,
    #[arg(long, hide = true)]
    team: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let a = Arguments::parse();
    if let (Some(profile), Some(team)) = (&a.member, a.team.as_deref().and_then(mailbox)) {
        return match race::member(profile, team).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "{error}");
                ExitCode::FAILURE
            }
        };
    }
    let Ok(program) = std::env::current_exe() else {
        return ExitCode::FAILURE;
    };
    let plan = Plan {
        program,
        members: a.members,
        epochs: a.epochs,
        seed: a.seed,
        kill_one_in: 3,
        kill_relay_one_in: 25,
        say_one_in: 10,
        patience: Duration::from_secs(600),
        at_most: Duration::from_secs(a.minutes * 60),
    };
    let folder = a.folder.join(format!("{}-{}", a.seed, std::process::id()));
    say(&format!(
        "seed {}, {} agents, {} epochs, files in {}",
        a.seed,
        a.members,
        a.epochs,
        folder.display()
    ));
    let outcome = race::run(&folder, &plan, |p| {
        if p.rounds % 10 == 0 {
            say(&format!(
                "  {} rounds, {} epochs, {} agents and {} relays killed, slowest round {:?}",
                p.rounds, p.epochs, p.kills, p.relay_kills, p.slowest
            ));
        }
    })
    .await;
    match outcome {
        Ok(o) if o.reckoning.holds() && o.disk_verified => {
            let (p, r) = (&o.progress, &o.reckoning);
            say(&format!(
                "Everything held: {} epochs, one winner each; {} messages, 0 doubled; {} notes, 0 lost; {} agents and {} \
                 relays killed; slowest round {:?}",
                r.commits, r.messages, r.notes, p.kills, p.relay_kills, p.slowest
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

fn mailbox(hex: &str) -> Option<MailboxId> {
    let bytes: Option<Vec<u8>> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect();
    <[u8; 32]>::try_from(bytes?).ok().map(MailboxId)
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
