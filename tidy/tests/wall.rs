//! The wall between the two families, as a fact of the dependency graph.

#![allow(clippy::unwrap_used)] // a test that cannot read the repository should stop

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn metadata() -> Value {
    // Only what is built here: other platforms' libraries were never downloaded.
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--offline",
            "--filter-platform",
            &host,
        ])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Direct dependencies of every package of ours, as `cargo metadata` lists them:
/// name -> (dependency, whether it is only for tests).
fn arrows(metadata: &Value) -> BTreeMap<String, BTreeSet<(String, bool)>> {
    let members: BTreeSet<&str> = metadata["workspace_members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m.as_str().unwrap())
        .collect();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|p| members.contains(p["id"].as_str().unwrap()))
        .map(|p| {
            let dependencies = p["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .map(|d| {
                    (
                        d["name"].as_str().unwrap().to_owned(),
                        d["kind"].as_str() == Some("dev"),
                    )
                })
                .collect();
            (p["name"].as_str().unwrap().to_owned(), dependencies)
        })
        .collect()
}

const BLIND: [&str; 7] = [
    "telesphor-wire",
    "telesphor-rules",
    "telesphor-store",
    "telesphor-blobs",
    "telesphor-order",
    "telesphor-engine",
    "telesphor-relay",
];

/// Everything a package reaches, dev-dependencies of the package itself included.
fn reach(metadata: &Value, start: &str) -> BTreeSet<String> {
    let name_of: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["id"].as_str().unwrap(), p["name"].as_str().unwrap()))
        .collect();
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| (n["id"].as_str().unwrap(), n))
        .collect();
    let mut queue: Vec<&str> = name_of
        .iter()
        .filter(|(_, n)| **n == start)
        .map(|(id, _)| *id)
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = queue.pop() {
        for dependency in nodes[id]["deps"].as_array().unwrap() {
            let next = dependency["pkg"].as_str().unwrap();
            let only_dev = dependency["dep_kinds"]
                .as_array()
                .unwrap()
                .iter()
                .all(|k| k["kind"].as_str() == Some("dev"));
            // Dev-dependencies count for our own packages, not for outside libraries.
            if only_dev && !name_of[id].starts_with("telesphor") {
                continue;
            }
            if seen.insert(name_of[next].to_owned()) {
                queue.push(next);
            }
        }
    }
    seen
}

#[test]
fn the_relay_side_reaching_anything_readable_is_refused() {
    let metadata = metadata();
    for package in BLIND {
        let reached = reach(&metadata, package);
        let readable: Vec<_> = reached
            .iter()
            .filter(|r| {
                r.starts_with("openmls") || (r.starts_with("telesphor") && !BLIND.contains(&r.as_str()))
            })
            .collect();
        assert!(
            readable.is_empty(),
            "{package} reaches {readable:?}. The relay's side knows ciphertext only: move what it \
             needs into schemas/wire, or move the code to the agent's side."
        );
    }
}

/// The table in `docs/architecture.md`: `| path (`package`) | job | may import | sole user of |`.
fn table() -> BTreeMap<String, (BTreeSet<String>, Vec<String>)> {
    let page = std::fs::read_to_string(repository().join("docs/architecture.md")).unwrap();
    let names =
        |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    page.lines()
        .filter(|l| l.starts_with("| ") && l.contains("(`telesphor"))
        .map(|l| {
            let cells: Vec<&str> = l.trim_matches('|').split('|').collect();
            let package = names(cells[0]).pop().unwrap();
            (package, (names(cells[2]).into_iter().collect(), names(cells[3])))
        })
        .collect()
}

#[test]
fn an_arrow_that_is_not_on_the_map_is_refused() {
    let arrows = arrows(&metadata());
    let table = table();
    for (package, dependencies) in &arrows {
        let (allowed, _) = table
            .get(package)
            .unwrap_or_else(|| panic!("{package} has no row in the table of docs/architecture.md"));
        let real: BTreeSet<String> = dependencies
            .iter()
            .filter(|(d, dev)| d.starts_with("telesphor") && !dev)
            .map(|(d, _)| d.clone())
            .collect();
        assert_eq!(
            &real, allowed,
            "{package}: the arrows in Cargo.toml (left) and in docs/architecture.md (right) differ. \
             A new arrow is the rarest of changes: record why in docs/adr, then change the table."
        );
    }
}

#[test]
fn an_outside_library_used_beyond_its_one_room_is_refused() {
    let arrows = arrows(&metadata());
    let mut rooms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (package, (_, owned)) in table() {
        for library in owned {
            rooms.entry(library).or_default().insert(package.clone());
        }
    }
    for (library, owners) in rooms {
        let users: BTreeSet<String> = arrows
            .iter()
            .filter(|(_, d)| d.iter().any(|(name, dev)| name == &library && !dev))
            .map(|(p, _)| p.clone())
            // Measuring and drills may touch anything; they ship nothing.
            .filter(|p| !["telesphor-load-tests", "telesphor-demo", "telesphor-chaos"].contains(&p.as_str()))
            .collect();
        assert_eq!(
            users, owners,
            "{library}: who uses it (left) and who may (right) differ"
        );
    }
}
