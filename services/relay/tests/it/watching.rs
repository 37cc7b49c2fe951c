//! What watches a relay: `status --watch`, and `check` in its bad states.

#![allow(clippy::unwrap_used)] // a test that cannot set up should stop

use crate::common;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::process::relay_command;
use common::{Client, Personal, Relay};
use serde_json::Value;
use telesphor_wire::session::Right;

fn watch(relay: &Relay, form: &str) -> (std::process::Child, impl Iterator<Item = String> + use<>) {
    let mut child = relay_command()
        .args(["status", "--watch", form, "--data"])
        .arg(&relay.data)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines.map_while(Result::ok))
}

#[tokio::test]
async fn a_watched_relay_is_looked_at_once_or_for_ever() {
    let mut relay = Relay::serving();
    let (mut child, mut lines) = watch(&relay, "--json");
    let look = |line: Option<String>| -> Value { serde_json::from_str(&line.unwrap()).unwrap() };
    let first = look(lines.next());
    assert_eq!(
        (&first["standing"], &first["sessions"]),
        (&"serving".into(), &0.into())
    );
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
    mailbox.put(&mut client, 1, b"seen").await;
    // The look that is under way may still be of before.
    let second = lines
        .by_ref()
        .map(|line| look(Some(line)))
        .find(|seen| seen["sessions"] == 1)
        .unwrap();
    assert!(second["accepted"].as_u64() > first["accepted"].as_u64());
    let id = mailbox.mailbox.to_string();
    assert!(!second.to_string().contains(&id), "a status names nobody");
    drop(client);
    relay.signal("TERM");
    assert_eq!(relay.ended(), Some(0));
    // Whoever watches is told that there is nothing to watch any more.
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

#[test]
fn a_watch_into_a_pipe_is_full_of_signs_for_a_terminal() {
    let relay = Relay::serving();
    let (mut child, lines) = watch(&relay, "--plain");
    // Two looks, of eleven lines each.
    let shown: Vec<String> = lines.take(22).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(shown.iter().all(|line| !line.contains('\u{1b}')));
    assert_eq!(
        shown.iter().filter(|line| line.starts_with("Sessions")).count(),
        2
    );
}

/// A certificate that ends in so many days, in the place of the relay's own.
fn certificate(relay: &Relay, days: i64) {
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
    let end = end.to_zoned(jiff::tz::TimeZone::UTC);
    let until = (i32::from(end.year()), end.month() as u8, end.day() as u8);
    let made = telesphor_relay::tls::self_made(vec!["hospital-a.example".into()], until).unwrap();
    std::fs::write(relay.data.join("tls/certificate.pem"), made.0).unwrap();
    std::fs::write(relay.data.join("tls/certificate.key"), made.1).unwrap();
}

#[test]
fn a_certificate_ends_on_a_saturday_and_nobody_was_told() {
    let relay = Relay::serving();
    for (days, exit, words) in [
        (90, 0, "OK"),
        (20, 1, "WARNING"),
        (6, 2, "CRITICAL"),
        (-2, 2, "has ended"),
    ] {
        certificate(&relay, days);
        let output = relay.command(&["check", "--set", "store.reserve_mib=1"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{days} days: {said}");
        let line = said.lines().find(|l| l.contains("certificate")).unwrap();
        assert!(line.contains(words), "{days} days: {said}");
    }
}

#[test]
fn a_relay_that_is_down_or_draining_passes_for_well() {
    let mut relay = Relay::serving();
    let check = |relay: &Relay, format: &str| {
        let output = relay.command(&["check", "--format", format, "--set", "store.reserve_mib=1"]);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(check(&relay, "prometheus").0, Some(0));
    relay.kill();
    let (exit, said) = check(&relay, "nagios");
    assert_eq!(exit, Some(2), "{said}");
    assert!(
        said.starts_with("TELESPHOR CRITICAL - ") && said.lines().count() == 1,
        "{said}"
    );
    let (_, said) = check(&relay, "prometheus");
    assert!(said.contains("telesphor_relay_check{what=\"relay\"} 2"), "{said}");
    std::fs::write(relay.data.join("relay.toml"), "edge = 7").unwrap();
    let (exit, said) = check(&relay, "text");
    assert_eq!(exit, Some(2));
    assert!(said.contains("configuration"), "{said}");
}
