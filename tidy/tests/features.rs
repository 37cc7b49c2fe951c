//! One build for the programs and for their tests.

#![allow(clippy::unwrap_used)] // a test that cannot read the repository should stop

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Every library that is built, with the features that it is built with.
fn features(edges: &str) -> BTreeMap<String, BTreeSet<String>> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let tree = ["tree", "--workspace", "--locked", "--offline", "--prefix", "none"];
    let output = Command::new(env!("CARGO"))
        .args(tree)
        .args(["--no-dedupe", "--format", "{p}|{f}", "--edges", edges])
        .current_dir(repository)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let mut all = BTreeMap::<_, BTreeSet<_>>::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        if let Some((library, features)) = line.split_once('|') {
            all.entry(library.to_owned())
                .or_default()
                .insert(features.to_owned());
        }
    }
    all
}

/// A feature that only tests ask for makes another library of the one that has it, and of all that rest on it:
/// `make test` compiled nearly everything twice.
#[test]
fn what_tests_alone_need_compiles_everything_twice() {
    let (programs, tests) = (features("normal,build"), features("normal,build,dev"));
    assert!(programs.len() > 100, "{}", programs.len());
    let other: Vec<_> = programs
        .iter()
        .filter(|(library, with)| tests[*library] != **with)
        .collect();
    assert!(
        other.is_empty(),
        "ask for the same features in [workspace.dependencies] (see `hashbrown` there): {other:#?}"
    );
}
