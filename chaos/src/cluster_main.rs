//! `make cluster`: three relays over three NATS servers on this machine, to look at and to break by hand.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use telesphor_chaos::cluster::Cluster;
use telesphor_chaos::relay::{Relay, RelayError};
use tokio::signal::unix::{SignalKind, signal};

/// Starts a cluster, shows how it stands whenever that changes, and ends it with Ctrl-C.
#[derive(Parser)]
struct Arguments {
    /// The domain it serves.
    #[arg(long, default_value = "hospital-a.example")]
    domain: String,
    /// Where the files go; a folder of its own is made in it for each start.
    #[arg(long, default_value = "target/cluster")]
    folder: PathBuf,
    /// End by itself after so many seconds.
    #[arg(long)]
    seconds: Option<u64>,
}

/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(std::io::stderr(), "error: {e}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), RelayError> {
    let folder = arguments.folder.join(std::process::id().to_string());
    std::fs::create_dir_all(&folder)?;
    let folder = std::fs::canonicalize(folder)?;
    say("Starting three NATS servers and three relays ...");
    let cluster = Cluster::start(&folder, &arguments.domain)?;
    say(&introduction(&cluster));
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let end = async {
        match arguments.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    let mut shown = String::new();
    loop {
        let now = states(&cluster.relays);
        if now != shown {
            say(&now);
            shown = now;
        }
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            () = &mut end => break,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    drop(cluster);
    say(&format!("Ended. Its files are in {}", folder.display()));
    Ok(())
}

fn introduction(cluster: &Cluster) -> String {
    let nats = cluster.nats.urls().into_iter().zip(cluster.nats.pids());
    let nats: String = nats
        .map(|(url, pid)| format!("  NATS   {url:<28} process {pid}\n"))
        .collect();
    let relays: String = cluster
        .relays
        .iter()
        .map(|r| {
            let pid = r.pid().map_or_else(String::new, |p| p.to_string());
            format!(
                "  relay  {:<28} process {pid}   --data {}\n",
                r.address(),
                r.data().display()
            )
        })
        .collect();
    let first = cluster.relays.first();
    let data = first.map(|r| r.data().display().to_string()).unwrap_or_default();
    let program = first
        .map(|r| r.program().display().to_string())
        .unwrap_or_default();
    format!(
        "{nats}{relays}\nTry:\n  kill -9 PROCESS                  any one of them; the others go on\n  \
         {program} cluster status --data {data}\n  \
         {program} admit new --class patient --data {data}\n  \
         telesphor identity new \"Aino Korhonen\" --admission LINK\n"
    )
}

/// One line a relay.
fn states(relays: &[Relay]) -> String {
    let line = |(number, relay): (usize, &Relay)| match relay.json(&["cluster", "status"]) {
        Ok(status) => {
            let partitions = status["partitions"].as_array().map_or(&[][..], Vec::as_slice);
            let of = |phase: &str| {
                partitions
                    .iter()
                    .filter(|p| p["member"]["phase"] == phase)
                    .count()
            };
            let round = partitions
                .iter()
                .filter_map(|p| p["member"]["round"].as_u64())
                .max();
            let heard = partitions
                .iter()
                .filter_map(|p| p["member"]["heard"].as_u64())
                .min();
            format!(
                "  relay {number}: {} of {} partitions followed, round {}, {} relays heard everywhere\n",
                of("following"),
                partitions.len(),
                round.unwrap_or(0),
                heard.unwrap_or(0)
            )
        }
        Err(_) => format!("  relay {number}: not running\n"),
    };
    (1..).zip(relays).map(line).collect()
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
