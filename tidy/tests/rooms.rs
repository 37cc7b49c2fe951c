//! A file says one job, and nothing of a workplace stands in the project.

#![allow(clippy::unwrap_used)] // a test that cannot read the repository should stop

use std::path::{Path, PathBuf};
use std::process::Command;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn tracked(ending: &str) -> Vec<PathBuf> {
    let output = Command::new("git")
        .arg("ls-files")
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(output.status.success(), "git ls-files");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter(|l| l.ends_with(ending))
        .map(|l| repository().join(l))
        .filter(|p| p.exists())
        .collect()
}

/// Longest file that still reads as one room.
const LONGEST: usize = 500;

#[test]
fn a_room_grown_too_large_is_refused() {
    let large: Vec<String> = tracked(".rs")
        .into_iter()
        .map(|p| (std::fs::read_to_string(&p).unwrap().lines().count(), p))
        .filter(|(lines, _)| *lines > LONGEST)
        .map(|(lines, p)| format!("{lines} {}", p.display()))
        .collect();
    assert!(
        large.is_empty(),
        "over {LONGEST} lines; find the two jobs in it and split: {large:#?}"
    );
}

#[test]
fn the_house_losing_its_lightness_is_noticed() {
    let mut lengths: Vec<usize> = tracked(".rs")
        .into_iter()
        .map(|p| std::fs::read_to_string(&p).unwrap().lines().count())
        .collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(
        median <= 180,
        "the median file has {median} lines; it should feel like about 100"
    );
}

#[test]
fn a_crate_that_does_not_introduce_itself_is_refused() {
    for path in tracked("src/lib.rs") {
        if path.starts_with(repository().join("fuzz")) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for answer in [
            "**What it does.**",
            "**What it deliberately does not know.**",
            "**Where to start.**",
            "**What always holds.**",
        ] {
            assert!(text.contains(answer), "{}: lacks {answer}", path.display());
        }
    }
}

#[test]
fn a_promise_in_the_threat_model_without_its_test_is_refused() {
    let page = std::fs::read_to_string(repository().join("docs/threat-model.md")).unwrap();
    let all: String = tracked(".rs")
        .into_iter()
        .map(|p| std::fs::read_to_string(p).unwrap())
        .collect();
    for line in page.lines().filter(|l| l.starts_with("| cannot")) {
        let tests: Vec<&str> = line
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|t| t.contains('_'))
            .collect();
        assert!(!tests.is_empty(), "no test named in: {line}");
        for test in tests {
            assert!(
                all.contains(&format!("fn {test}")),
                "no such test: {test}, in: {line}"
            );
        }
    }
}
