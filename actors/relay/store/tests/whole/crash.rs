//! A process that dies at every point of every write: nothing acknowledged is lost, doubled
//! or reordered.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use telesphor_store::faults::{Faults, Operation};
use telesphor_store::{Applied, Outcome, Store};
use telesphor_wire::batch::Submission;

use crate::at::{At, config, ordered};
use crate::support::NOW;
use crate::support::commands::Home;
use crate::support::ledger::Rx;

const STORE: &str = "TELESPHOR_TEST_CRASH_STORE";
const POINT: &str = "TELESPHOR_TEST_CRASH_POINT";
const AHEAD: &str = "TELESPHOR_TEST_CRASH_AHEAD";
const GROUPS: u64 = 6;
const IN_GROUP: u64 = 5;

/// Ends the process, as a kill would, at the nth operation.
struct DieAt(AtomicU64);

impl Faults for DieAt {
    fn before(&self, _: Operation) -> std::io::Result<()> {
        if self.0.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::process::abort();
        }
        Ok(())
    }
}

fn group(home: &Home, n: u64) -> Vec<Submission> {
    if n == 0 {
        return vec![home.open(1)];
    }
    let deposits = (0..IN_GROUP).map(|i| home.deposit(i % 8, 100 * n + i, format!("{n}/{i}").as_bytes()));
    // The ledger takes the same way, and must not be lost or doubled by it either.
    let rx = Rx::new(1);
    let drawn = [
        rx.says(1_000 * n + 1, rx.reserve(n, 7)),
        rx.says(1_000 * n + 2, rx.confirm(n, 7)),
    ];
    deposits.chain(drawn).collect()
}

/// Not a test of its own: the process that dies. Says each group that it may acknowledge.
#[test]
fn child_that_dies() {
    let (Ok(path), Ok(point)) = (std::env::var(STORE), std::env::var(POINT)) else {
        return;
    };
    let path = Path::new(&path);
    let mut config = config();
    config.faults = Arc::new(DieAt(AtomicU64::new(point.parse().unwrap())));
    let mut at = At::of(path, Store::open(path, config).unwrap());
    let home = Home::personal(1);
    if std::env::var_os(AHEAD).is_some() {
        for n in (0..GROUPS).step_by(2) {
            let mut both = Vec::new();
            for n in [n, n + 1] {
                let next = [ordered(0, n + 1, group(&home, n), NOW)];
                both.push(at.applier.write_ahead(&next).unwrap());
            }
            at.applier.syncer().sync(both[1].1).unwrap();
            both.iter().for_each(|(applied, _)| acknowledge(&at, &applied[0]));
        }
        return;
    }
    for n in 0..GROUPS {
        let applied = at.batch(group(&home, n), NOW);
        acknowledge(&at, &applied);
    }
}

fn acknowledge(at: &At, applied: &Applied) {
    let mut out = std::io::stdout();
    writeln!(out, "acknowledged {}", applied.position).unwrap();
    out.flush().unwrap();
    at.applier
        .syncer()
        .note_attested(applied.partition, applied.position, &applied.digest)
        .unwrap();
}

/// Runs the child and returns how many groups it acknowledged before it died.
fn live_and_die(path: &Path, point: u64, ahead: bool) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .envs(ahead.then_some((AHEAD, "1")))
        .args(["--exact", "crash::child_that_dies", "--nocapture"])
        .env(STORE, path)
        .env(POINT, point.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let acknowledged = out
        .lines()
        .map_while(Result::ok)
        .filter(|l| l.contains("acknowledged"))
        .count();
    child.wait().unwrap();
    acknowledged as u64
}

#[test]
fn no_kill_at_any_write_loses_doubles_or_reorders_what_was_acknowledged() {
    // Write, sync, answer and note of each group.
    for point in 1..=GROUPS * 4 {
        dies_at(point, GROUPS * 4, false);
    }
}

#[test]
fn no_kill_loses_what_was_synced_behind_the_writer() {
    // Two writes, sync, answer and two notes of each pair of groups.
    for point in 1..=GROUPS * 3 {
        dies_at(point, GROUPS * 3, true);
    }
}

fn dies_at(point: u64, last: u64, ahead: bool) {
    let home = Home::personal(1);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    drop(At::create(&path));
    let acknowledged = live_and_die(&path, point, ahead);
    assert!(
        acknowledged < GROUPS || point == last || (ahead && point == last - 1),
        "the child did not die at point {point}"
    );

    let mut at = At::open(&path);
    at.upkeep.verify().unwrap();
    let stands = at.next_position(0) - 1;
    let under_way = if ahead { 2 } else { 1 };
    assert!(
        (acknowledged..=acknowledged + under_way).contains(&stands),
        "point {point}: {stands} for {acknowledged}"
    );
    // The senders offer everything again; then all of it stands once and in order.
    for n in 0..GROUPS {
        let outcomes = at.batch(group(&home, n), NOW).outcomes;
        let repeated = outcomes.iter().all(|o| matches!(o, Outcome::Repeated(_)));
        let accepted = outcomes.iter().all(|o| matches!(o, Outcome::Accepted(_)));
        assert!(
            if n < stands { repeated } else { accepted },
            "point {point}, group {n}"
        );
    }
    let events = at.events(&home.id);
    let texts: Vec<_> = events
        .iter()
        .skip(1)
        .map(|e| e.payload.clone().unwrap().0)
        .collect();
    let expected: Vec<_> = (1..GROUPS)
        .flat_map(|n| (0..IN_GROUP).map(move |i| format!("{n}/{i}").into_bytes()))
        .collect();
    assert_eq!(texts, expected);
    let seen = at.upkeep.verify().unwrap();
    assert_eq!((seen.entries, seen.steps), (1, 2 * (GROUPS - 1)));
}

#[test]
fn a_torn_tail_of_the_log_loses_nothing_but_what_lay_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let (mut at, home) = (At::create(&path), Home::personal(1));
    for n in 0..3 {
        at.batch(group(&home, n), NOW);
    }
    // The files as a power cut leaves them: copied under a live store, the newest log torn.
    let copy = dir.path().join("copy");
    crate::backup::copy_dir(&path, &copy);
    let log = std::fs::read_dir(copy.join("db"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|x| x == "log"))
        .max()
        .unwrap();
    let length = std::fs::metadata(&log).unwrap().len();
    std::fs::OpenOptions::new()
        .write(true)
        .open(&log)
        .unwrap()
        .set_len(length - 7)
        .unwrap();
    let at = At::open(&copy);
    at.upkeep.verify().unwrap();
    assert_eq!(
        at.next_position(0),
        3,
        "the last group was torn; it was not acknowledged yet"
    );
}
