//! The commands as an operator and a script meet them.

use crate::common;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use common::Relay;
use common::process::{fault, relay_command, run};
use serde_json::Value;

#[test]
fn init_overwrites_keys() {
    let relay = Relay::new();
    let before = std::fs::read(relay.data.join("keys/domain.key")).unwrap();
    let output = relay.command(&["init", "--domain", "hospital-b.example", "--json"]);
    assert_eq!(output.status.code(), Some(9));
    assert_eq!(fault(&output)["error"], "T-5009");
    assert_eq!(std::fs::read(relay.data.join("keys/domain.key")).unwrap(), before);
}

#[test]
fn a_key_file_is_open_to_others() {
    let relay = Relay::new();
    let mut seen = 0;
    for folder in ["", "keys", "tls"] {
        for entry in std::fs::read_dir(relay.data.join(folder)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() && entry.file_name() != "relay.lock" {
                seen += 1;
                assert_eq!(
                    entry.metadata().unwrap().permissions().mode() & 0o077,
                    0,
                    "{:?}",
                    entry.path()
                );
            }
        }
    }
    assert!(seen >= 8);
    // And one that somebody opened later is refused.
    let key = relay.data.join("keys/attesting.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = relay.command(&["serve", "--json"]);
    assert_eq!(output.status.code(), Some(8));
    assert!(fault(&output)["words"].as_str().unwrap().contains("0600"));
}

#[test]
fn two_relays_share_a_secret_by_default() {
    let (a, b) = (Relay::new(), Relay::new());
    for key in ["domain", "attesting", "admission", "sealing"] {
        let file = format!("keys/{key}.key");
        assert_ne!(
            std::fs::read(a.data.join(&file)).unwrap(),
            std::fs::read(b.data.join(&file)).unwrap()
        );
    }
    assert_eq!(a.made["next"].as_array().unwrap().len(), 3);
}

#[test]
fn a_fault_in_the_settings_is_not_named_by_its_path() {
    let relay = Relay::new();
    for (setting, path) in [
        ("edge.lisen=127.0.0.1:1", "edge.lisen"),
        ("edge.listen=nowhere", "edge.listen"),
        ("edge.workers=many", "edge.workers"),
        ("edge.ping_every=90", "edge.silence_timeout"),
        ("metrics.listen=0.0.0.0:9000", "metrics.listen"),
        ("domain=Hospital A", "domain"),
        ("store.partitions=0", "store.partitions"),
        ("logs.level=loud", "logs.level"),
    ] {
        let output = relay.command(&["config", "check", "--json", "--set", setting]);
        assert_eq!(output.status.code(), Some(2), "{setting}");
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let paths: Vec<_> = said["faults"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f["path"].as_str().unwrap())
            .collect();
        assert!(paths.contains(&path), "{setting}: {paths:?}");
        let output = relay.command(&["serve", "--json", "--set", setting]);
        assert_eq!(output.status.code(), Some(2), "{setting}");
        assert!(
            fault(&output)["words"].as_str().unwrap().starts_with(path),
            "{setting}"
        );
    }
    let file = relay.data.join("relay.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("ping_every = 20", "ping_every = \"often\"")).unwrap();
    let output = relay.command(&["config", "check", "--json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["faults"][0]["path"], "edge.ping_every", "{said}");
}

#[test]
fn the_environment_outweighs_a_flag_or_the_file_both() {
    let relay = Relay::new();
    let print = |arguments: &[&str]| -> Value {
        let output = relay_command()
            .args([
                "config",
                "print",
                "--effective",
                "--json",
                "--data",
                relay.data.to_str().unwrap(),
            ])
            .args(arguments)
            .env("TELESPHOR_RELAY__EDGE__PING_EVERY", "11")
            .env("TELESPHOR_RELAY__METRICS__LISTEN", "127.0.0.1:7555")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(print(&[])["edge"]["ping_every"], 11);
    assert_eq!(print(&[])["metrics"]["listen"], "127.0.0.1:7555");
    assert_eq!(print(&[])["edge"]["silence_timeout"], 60);
    assert_eq!(print(&["--set", "edge.ping_every=12"])["edge"]["ping_every"], 12);
}

#[test]
fn a_cluster_founded_for_tls_is_refused_or_its_missing_files_are_not_named() {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("founding");
    let run = |arguments: &[&str]| relay_command().args(arguments).output().unwrap();
    let mut found = vec!["cluster", "init", "--domain", "hospital-a.example", "--into"];
    found.push(into.to_str().unwrap());
    found.extend(["--nats", "tls://10.0.0.1:4222"]);
    for relay in ["10.0.0.1:7443", "10.0.0.2:7443", "10.0.0.3:7443"] {
        found.extend(["--relay", relay]);
    }
    assert!(run(&found).status.success());
    let data = into.join("relay-2");
    let data = data.to_str().unwrap();
    let output = run(&["config", "check", "--json", "--data", data]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let paths: Vec<_> = said["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["cluster.ca", "cluster.certificate", "cluster.key"]);

    let output = run(&["cluster", "show", "--json", "--data", data]);
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    let relays = shown["relays"].as_array().unwrap();
    let here: Vec<_> = relays
        .iter()
        .map(|r| (r["address"].as_str().unwrap(), r["here"].as_bool().unwrap()))
        .collect();
    assert_eq!(
        here,
        [
            ("10.0.0.1:7443", false),
            ("10.0.0.2:7443", true),
            ("10.0.0.3:7443", false)
        ]
    );
    assert!(relays.iter().all(|r| r["member"].as_str().unwrap().len() == 64));
    assert_eq!(
        run(&[
            "cluster",
            "show",
            "--data",
            &Relay::new().data.display().to_string()
        ])
        .status
        .code(),
        Some(5)
    );
}

#[test]
fn a_printed_configuration_shows_a_secret() {
    let relay = Relay::new();
    let output = relay.command(&["config", "print", "--effective"]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    for key in ["domain", "attesting", "admission", "sealing"] {
        let secret = std::fs::read_to_string(relay.data.join(format!("keys/{key}.key"))).unwrap();
        assert!(!shown.contains(secret.trim()));
    }
}

#[test]
fn a_script_cannot_tell_what_went_wrong() {
    let output = run(&["status", "--json", "--data", "/nonexistent/telesphor"]);
    assert_eq!(output.status.code(), Some(5));
    let relay = Relay::new();
    for (arguments, exit) in [
        (&["status", "--json"][..], 7),
        (&["admit", "new", "--class", "patient", "--json"], 7),
        (&["admit", "new", "--class", "king", "--json"], 2),
        (
            &[
                "admit",
                "new",
                "--class",
                "patient",
                "--until",
                "2001-01-01",
                "--json",
            ],
            2,
        ),
        (&["drain", "--json"], 7),
        (&["trace", "000-000", "--json"], 5),
        (&["trace", "no code", "--json"], 2),
        (&["restore", "/nonexistent/backup", "--json"], 5),
        (&["fly", "--json"], 2),
    ] {
        let output = relay.command(arguments);
        assert_eq!(
            output.status.code(),
            Some(exit),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let said = fault(&output);
        for field in ["error", "words", "who_acts", "support"] {
            assert!(said[field].is_string(), "{arguments:?}: {said}");
        }
        assert!(said.as_object().unwrap().contains_key("retry_after_s"));
    }
    assert_eq!(
        relay.command(&["check", "--format", "nagios"]).status.code(),
        Some(2)
    );
    assert_eq!(relay.command(&["healthcheck"]).status.code(), Some(1));
    assert_eq!(run(&["--help"]).status.code(), Some(0));
}

#[test]
fn a_relay_that_is_well_alarms_somebody() {
    let relay = Relay::serving();
    let output = relay.command(&["check", "--format", "nagios", "--set", "store.reserve_mib=1"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("TELESPHOR OK - "));
    let output = relay.command(&["check", "--json", "--set", "tls.warn_days=100000"]);
    assert_eq!(output.status.code(), Some(1));
    let output = relay.command(&[
        "check",
        "--json",
        "--set",
        "tls.warn_days=100000",
        "--set",
        "tls.critical_days=100000",
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(relay.command(&["healthcheck", "--ready"]).status.code(), Some(0));
    let second = relay.command(&["serve", "--json"]);
    assert_eq!(second.status.code(), Some(9), "a second process on one directory");
    assert_eq!(fault(&second)["error"], "T-5008");
    assert_eq!(relay.command(&["inspect", "--json"]).status.code(), Some(9));
}

#[test]
fn a_metric_stands_in_no_catalogue() {
    let relay = Relay::serving();
    let page = relay.get("/metrics");
    let real: BTreeSet<String> = page
        .lines()
        .filter_map(|l| l.strip_prefix("# TYPE "))
        .map(|l| l.split(' ').next().unwrap().to_owned())
        .collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    let catalogue: BTreeSet<String> = std::fs::read_to_string(path)
        .unwrap()
        .lines()
        .filter_map(|l| l.strip_prefix("| `"))
        // Those are shown by a relay of a cluster: `chaos/tests/deployed` and `chaos/tests/it/placed.rs` look for them.
        .filter(|l| !l.contains(" | cluster ") && !l.contains(" | placed "))
        .filter_map(|l| l.split('`').next())
        .map(|name| name.split('{').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        real, catalogue,
        "the page (left) and docs/metrics.md (right) differ"
    );
    assert!(relay.get("/livez").starts_with("HTTP/1.1 200"));
}
