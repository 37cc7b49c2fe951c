//! What can go wrong on a person's own machine: clear words, the right exit code, no damage.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::clock;
use crate::common;
use crate::people;
use crate::relay;

use std::path::Path;
use std::process::Command;

use clock::Clock;
use common::{Home, Ran, ran};
use people::{acquainted, joined, one, sync};
use relay::Relay;

const YEAR_S: i64 = 365 * 24 * 3600;

fn start(folder: &Path) -> Option<Relay> {
    let relay = Relay::start(folder);
    if relay.is_none() {
        eprintln!("not run: telesphor-relay is not built");
    }
    relay
}

fn refused(ran: &Ran, exit: i32, code: &str) {
    assert_eq!(ran.code, exit, "{} {}", ran.out, ran.err);
    assert_eq!(ran.error()["error"], code, "{}", ran.err);
}

/// Every file of a profile, with its bytes.
fn files(home: &Home) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    fn walk(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => walk(&path, found),
                false => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    walk(&home.path("home"), &mut found);
    found.sort();
    found
        .into_iter()
        .map(|p| (p.clone(), std::fs::read(p).unwrap()))
        .collect()
}

fn store(home: &Home) -> std::path::PathBuf {
    let largest = files(home).into_iter().max_by_key(|(_, bytes)| bytes.len());
    largest.unwrap().0
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(std::fs::copy(&path, &target).unwrap()),
        }
    }
}

#[test]
fn a_clock_that_is_a_year_off_sends_nothing_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = start(folder.path()) else { return };
    let Some(clock) = Clock::build(folder.path()) else {
        eprintln!("not run: no C compiler");
        return;
    };
    let (aino, gp) = acquainted(&relay);
    std::fs::write(gp.path("note.txt"), "written on a wrong day").unwrap();
    for (n, seconds) in [YEAR_S, -YEAR_S].into_iter().enumerate() {
        let mut send = gp.command(&["--json", "--wait", "2s", "send", "aino", "note.txt"]);
        let wrong = ran(send.envs(clock.ahead(seconds)).output().unwrap());
        refused(&wrong, 8, "T-6006");
        assert_eq!(wrong.json()[0]["state"], "queued", "kept in the outbox");
        sync(&[&aino]);
        let came = aino.run(&["--json", "inbox"]).ok().json();
        assert_eq!(came.len(), n, "nothing left this machine on the wrong day");
        sync(&[&gp, &aino]);
        let came = aino.run(&["--json", "inbox"]).ok().json();
        assert_eq!(
            came.len(),
            n + 1,
            "the clock is right again: it goes by itself, once"
        );
    }
}

#[test]
fn an_old_copy_of_a_profile_stops_before_it_uses_a_key_twice() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = start(folder.path()) else { return };
    let (aino, gp) = acquainted(&relay);
    std::fs::write(gp.path("note.txt"), "before the copy").unwrap();
    gp.run(&["send", "aino", "note.txt"]).ok();
    sync(&[&aino, &gp]);
    copy(&gp.path("home"), &gp.path("copy"));
    std::fs::write(gp.path("note.txt"), "after the copy").unwrap();
    gp.run(&["send", "aino", "note.txt"]).ok();
    sync(&[&aino, &gp]);

    std::fs::rename(gp.path("home"), gp.path("newer")).unwrap();
    std::fs::rename(gp.path("copy"), gp.path("home")).unwrap();
    gp.run(&["lock"]).ok();
    let old = gp.run(&["--json", "sync"]);
    refused(&old, 8, "T-6004");
    std::fs::write(gp.path("note.txt"), "from the copy").unwrap();
    let send = gp.run(&["--json", "--wait", "2s", "send", "aino", "note.txt"]);
    refused(&send, 8, "T-6004");
    sync(&[&aino]);
    let titles: Vec<String> = aino
        .run(&["--json", "inbox"])
        .ok()
        .json()
        .iter()
        .map(|d| d["title"].as_str().unwrap().to_owned())
        .collect();
    assert!(!titles.iter().any(|t| t == "from the copy"), "{titles:?}");

    // The newer one goes on as if nothing had been.
    std::fs::rename(gp.path("home"), gp.path("old")).unwrap();
    std::fs::rename(gp.path("newer"), gp.path("home")).unwrap();
    gp.run(&["send", "aino", "note.txt"]).ok();
}

#[test]
fn another_relay_at_the_same_address_is_given_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut relay) = start(folder.path()) else {
        return;
    };
    let (aino, gp) = acquainted(&relay);
    let mut impostor = relay.impostor(folder.path());
    std::fs::write(gp.path("note.txt"), "not for everybody").unwrap();
    let send = gp.run(&["--json", "--wait", "2s", "send", "aino", "note.txt"]);
    refused(&send, 4, "T-7013");
    let check = gp.run(&["--json", "--wait", "2s", "check"]);
    assert!(check.out.contains("T-7013"), "{}", check.out);
    impostor.stop();
    relay.serve();
    sync(&[&gp, &aino]);
    assert_eq!(
        aino.run(&["--json", "inbox"]).ok().json().len(),
        1,
        "kept for the right one"
    );
}

#[test]
fn a_damaged_vault_says_so_and_is_not_made_worse() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = start(folder.path()) else { return };
    let home = joined(&relay, "Aino");
    home.run(&["lock"]).ok();
    let store = store(&home);
    let whole = std::fs::read(&store).unwrap();
    let mut bytes = whole.clone();
    // Every page but the first of the file: whatever is read first is hit.
    for at in (8192..bytes.len()).step_by(512) {
        bytes[at] ^= 0x55;
    }
    std::fs::write(&store, &bytes).unwrap();
    for call in [
        &["--json", "inbox"][..],
        &["--json", "status"],
        &["--json", "check"],
    ] {
        refused(&home.run(call), 8, "T-6003");
    }
    assert_eq!(std::fs::read(&store).unwrap(), bytes, "left as it was found");
    std::fs::write(&store, &whole).unwrap();
    home.run(&["sync"]).ok();
}

#[test]
fn a_wrong_passphrase_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = start(folder.path()) else { return };
    let home = joined(&relay, "Aino");
    home.run(&["lock"]).ok();
    let before = files(&home);
    std::fs::write(home.path("pass"), "almost right\n").unwrap();
    refused(&home.run(&["--json", "inbox"]), 8, "T-6002");
    assert!(files(&home) == before, "nothing was written");
    std::fs::write(home.path("pass"), "correct horse\n").unwrap();
    home.run(&["inbox"]).ok();
}

#[test]
fn a_full_disk_refuses_and_everything_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = start(folder.path()) else { return };
    let (aino, gp) = acquainted(&relay);
    let (home, size) = (gp.path("home"), gp.path("size"));
    // A small disk of its own, seen by this one process alone; what it leaves is copied back.
    let small = |room_kb: u64, arguments: &[&str]| {
        let used: u64 = files(&gp).iter().map(|(_, b)| b.len() as u64).sum();
        std::fs::write(&size, "").unwrap();
        let script = "mkdir -p small && mount -t tmpfs -o size=${ROOM}k tmpfs small && cp -a home/. small/ \
             && TELESPHOR_HOME=$PWD/small \"$@\"; ended=$?; cp -a small/. back/ && exit $ended";
        let telesphor = env!("CARGO_BIN_EXE_telesphor");
        std::fs::create_dir_all(gp.path("back")).unwrap();
        let mut command = Command::new("unshare");
        command
            .args(["--map-root-user", "--mount", "sh", "-c", script, "sh", telesphor])
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("ROOM", (used / 1024 + room_kb).to_string())
            .env("XDG_RUNTIME_DIR", gp.path("runtime"))
            .env("TELESPHOR_PASSPHRASE_FILE", gp.path("pass"))
            .env("TZ", "UTC")
            .current_dir(gp.root());
        let ended = ran(command.output().unwrap());
        std::fs::remove_dir_all(&home).unwrap();
        std::fs::rename(gp.path("back"), &home).unwrap();
        ended
    };
    let probe = Command::new("unshare")
        .args([
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            "mount -t tmpfs tmpfs /mnt",
        ])
        .output();
    if !probe.is_ok_and(|p| p.status.success()) {
        eprintln!("not run: this machine lets nobody mount a small disk");
        return;
    }
    let long: String = (0..40_000).map(|n| format!("line {n}\n")).collect();
    std::fs::write(gp.path("long.txt"), &long).unwrap();
    gp.run(&["lock"]).ok();
    let full = small(64, &["--json", "send", "aino", "long.txt"]);
    refused(&full, 8, "T-6005");
    assert!(
        gp.run(&["--json", "sent"]).ok().json().is_empty(),
        "nothing half-written"
    );
    std::fs::write(gp.path("note.txt"), "when there is room again").unwrap();
    gp.run(&["send", "aino", "note.txt"]).ok();
    sync(&[&aino, &gp]);
    let came = aino.run(&["--json", "inbox"]).ok().json();
    assert_eq!(came.len(), 1);
    assert_eq!(came[0]["title"], "when there is room again");
}

#[test]
fn a_send_that_is_killed_anywhere_arrives_once_or_was_never_taken() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = start(folder.path()) else { return };
    let (aino, gp) = acquainted(&relay);
    std::fs::write(gp.path("note.txt"), "how long it takes").unwrap();
    let begun = std::time::Instant::now();
    gp.run(&["send", "aino", "note.txt"]).ok();
    let whole = begun.elapsed();
    // Killed at twenty instants from the first to the last.
    for n in 0..20u32 {
        std::fs::write(gp.path("note.txt"), format!("killed {n}")).unwrap();
        let mut send = gp.command(&["send", "aino", "note.txt"]);
        send.stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        let mut child = send.spawn().unwrap();
        std::thread::sleep(whole * n / 20);
        let _ = child.kill();
        child.wait().unwrap();
    }
    sync(&[&gp, &aino, &gp]);
    let taken: Vec<String> = titles(&gp, "sent");
    let came: Vec<String> = titles(&aino, "inbox");
    assert_eq!(taken, came, "what was taken arrived, and nothing twice");
    assert!(!taken.is_empty());
}

fn titles(home: &Home, list: &str) -> Vec<String> {
    let rows = home.run(&["--json", list]).ok().json();
    let mut titles: Vec<String> = rows
        .iter()
        .map(|r| r["title"].as_str().unwrap().to_owned())
        .collect();
    titles.sort();
    titles
}

#[test]
fn check_names_an_untested_kit_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = start(folder.path()) else { return };
    let home = joined(&relay, "Aino");
    let check = home.run(&["--json", "check"]);
    assert_eq!(check.code, 8, "{}", check.out);
    let found = check.json();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["error"], "T-6030");
    assert!(
        found[0]["words"].as_str().unwrap().contains("never tested"),
        "{found:?}"
    );
    home.run(&["identity", "kit", "--test", "kit.txt"]).ok();
    assert_eq!(one_line(&home.run(&["check"]).ok().err), "nothing is wrong");
}

fn one_line(words: &str) -> &str {
    words.trim().lines().last().unwrap_or_default()
}

#[test]
fn a_machine_streams_from_its_command_line_and_a_gap_stays_a_gap() {
    use std::io::{BufRead, BufReader, Write};
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = start(folder.path()) else { return };
    let (aino, monitor) = acquainted(&relay);
    let name = one(aino.run(&["--json", "contacts"]))["who"]
        .as_str()
        .unwrap()
        .to_owned();
    aino.run(&["device", "pair", &name]).ok();
    sync(&[&aino, &monitor]);
    aino.run(&["device", "attach", &name, "--to", "me"]).ok();
    sync(&[&aino, &monitor]);
    // Aino looks on; what she sees begins when she has begun to look.
    let mut follow = aino.command(&["--json", "follow", "me", "--for", "1h"]);
    let mut following = follow
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut words = BufReader::new(following.stderr.take().unwrap()).lines();
    assert!(words.next().unwrap().unwrap().contains("not an alarm system"));
    let mut child = monitor
        .command(&["--json", "device", "stream", "--what", "heart-rate"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"71\n\n72.5\n").unwrap();
    let streamed = ran(child.wait_with_output().unwrap()).ok();
    assert_eq!(streamed.json().last().unwrap()["sent"], 3);
    let values = BufReader::new(following.stdout.take().unwrap())
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap())
        .find(|row| row["values"].is_array())
        .unwrap();
    assert_eq!(
        values["values"],
        serde_json::json!([71.0, null, 72.5]),
        "{values}"
    );
    following.kill().unwrap();
    following.wait().unwrap();

    let mut child = monitor
        .command(&["--json", "device", "stream"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"72,5\n").unwrap();
    let wrong = ran(child.wait_with_output().unwrap());
    refused(&wrong, 2, "T-6013");
}
