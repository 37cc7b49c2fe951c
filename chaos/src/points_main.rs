//! Every crash point of the fixed script, one after the other. Stopped, it goes on where it was.

use clap::Parser;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use telesphor_chaos::points::{Plan, Point, Struck, count, strike};
use telesphor_chaos::relay::binary;

/// Breaks a relay at every system call that reaches its disk, and checks that every receipt is
/// honoured.
#[derive(Parser)]
struct Arguments {
    /// Where the plan, what is done, and the relay's files go. A run that was stopped goes on.
    #[arg(long, default_value = "target/crash-points")]
    folder: PathBuf,
    /// Points tried at one time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Only every so manieth point.
    #[arg(long, default_value_t = 1)]
    step: usize,
}

/// Attempts at one point: a port may be taken by another program meanwhile.
const ATTEMPTS: u32 = 3;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("FAILED: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// What all workers share.
struct Work {
    folder: PathBuf,
    relay: PathBuf,
    left: Mutex<Vec<Point>>,
    done: Mutex<Vec<String>>,
    points: usize,
}

async fn run(a: Arguments) -> Result<bool, Box<dyn std::error::Error>> {
    fs::create_dir_all(&a.folder)?;
    // A copy, so that building meanwhile changes nothing.
    let relay = a.folder.join("telesphor-relay");
    if !relay.exists() {
        fs::copy(binary("TELESPHOR_RELAY_BIN", "telesphor-relay")?, &relay)?;
    }
    let relay = relay.canonicalize()?;
    let planned = a.folder.join("plan");
    if !planned.exists() {
        say("Counting the calls of the script.");
        fs::write(&planned, count(&a.folder, &relay).await?.write())?;
    }
    let plan = Plan::read(&fs::read_to_string(&planned)?);
    let points: Vec<_> = plan.points().into_iter().step_by(a.step.max(1)).collect();
    let done = done(&a.folder)?;
    let known: BTreeSet<_> = done.iter().filter_map(|l| l.split(':').next()).collect();
    let mut left: Vec<_> = points
        .iter()
        .filter(|p| !known.contains(p.to_string().as_str()))
        .copied()
        .collect();
    left.reverse();
    say(&format!(
        "{} points, {} of them to be tried",
        points.len(),
        left.len()
    ));
    let work = Arc::new(Work {
        folder: a.folder,
        relay,
        left: Mutex::new(left),
        points: points.len(),
        done: Mutex::new(done),
    });
    let workers: Vec<_> = (0..a.jobs.max(1))
        .map(|_| tokio::spawn(worker(work.clone())))
        .collect();
    for worker in workers {
        worker.await??;
    }
    let done = work.done.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(summary(&done))
}

async fn worker(work: Arc<Work>) -> io::Result<()> {
    loop {
        let next = work.left.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(point) = next else {
            return Ok(());
        };
        let folder = work.folder.join(point.to_string().replace(' ', "-"));
        let line = format!("{point}: {}", tried(&folder, &work.relay, &point).await);
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(work.folder.join("done"))?;
        let mut done = work.done.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(file, "{line}")?;
        say(&format!("  {}/{} {line}", done.len() + 1, work.points));
        done.push(line);
    }
}

/// One point, in one line.
async fn tried(folder: &Path, relay: &Path, point: &Point) -> String {
    let mut last = String::new();
    for _ in 0..ATTEMPTS {
        let _ = fs::remove_dir_all(folder);
        match strike(folder, relay, point).await {
            Ok(struck) if struck.holds() => {
                // The evidence of what holds is the line; only failures keep their files.
                let _ = fs::remove_dir_all(folder);
                return words(&struck).to_owned();
            }
            Ok(struck) => return format!("BROKEN {struck:?}"),
            Err(error) => last = error.to_string(),
        }
    }
    format!("FAILED {last}")
}

const fn words(struck: &Struck) -> &'static str {
    match (struck.reached, struck.ended) {
        (false, _) => "not reached",
        (true, true) => "held, the relay ended",
        (true, false) => "held, the relay went on",
    }
}

fn done(folder: &Path) -> io::Result<Vec<String>> {
    match fs::read_to_string(folder.join("done")) {
        // What failed for reasons of the machine is tried again.
        Ok(text) => Ok(text
            .lines()
            .filter(|l| !l.contains(": FAILED"))
            .map(str::to_owned)
            .collect()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

fn summary(done: &[String]) -> bool {
    let mut sums: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
    for line in done {
        let (point, outcome) = line.split_once(": ").unwrap_or((line, "FAILED"));
        let what = point.rsplit_once(' ').map_or(point, |(what, _)| what);
        let outcome = match outcome.split(' ').next() {
            Some("BROKEN") => "BROKEN",
            Some("FAILED") => "FAILED",
            _ => outcome,
        };
        *sums
            .entry(what.to_owned())
            .or_default()
            .entry(outcome)
            .or_default() += 1;
    }
    let mut reached = 0;
    let mut bad = 0;
    for (what, outcomes) in &sums {
        let said: Vec<_> = outcomes
            .iter()
            .map(|(outcome, n)| format!("{n} {outcome}"))
            .collect();
        say(&format!("{what:<24} {}", said.join("; ")));
        for (outcome, n) in outcomes {
            reached += if outcome.starts_with("held") { *n } else { 0 };
            bad += if matches!(*outcome, "BROKEN" | "FAILED") {
                *n
            } else {
                0
            };
        }
    }
    let points = done.len();
    match bad {
        0 => say(&format!(
            "Everything held: {points} points, {reached} of them reached; 0 lost, 0 doubled, 0 reordered, every chain intact."
        )),
        _ => say(&format!(
            "FAILED: {bad} of {points} points; see the lines above and their folders"
        )),
    }
    bad == 0
}

fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
