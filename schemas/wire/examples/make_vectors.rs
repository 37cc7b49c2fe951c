//! Writes the frozen vectors (`schemas/vectors`), the error catalogue (`docs/errors.md`) and
//! the transcript in `docs/protocol.md`.
//!
//! A vector that stands already is never changed: the wire form is a promise. Where the code
//! derives another value this program says so and writes nothing.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::expect_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use serde_json::{Map, Value};
use std::fs;

fn main() {
    let mut broken = false;
    for (file, derived) in support::vectors::all() {
        let path = support::repo().join(format!("schemas/vectors/{file}.json"));
        let mut frozen: Map<String, Value> = fs::read_to_string(&path)
            .map_or_else(|_| Map::new(), |s| serde_json::from_str(&s).expect("JSON"));
        for (name, value) in derived {
            match frozen.get(&name) {
                None => _ = frozen.insert(name, value),
                Some(old) if support::vectors::is_random(file) || *old == value => {}
                Some(_) => {
                    println!("{file}: {name} is frozen and no longer derived as it was");
                    broken = true;
                }
            }
        }
        fs::write(&path, serde_json::to_string_pretty(&frozen).unwrap() + "\n").unwrap();
    }
    let docs = support::repo().join("docs");
    fs::write(docs.join("errors.md"), support::catalogue::page()).unwrap();
    let protocol = docs.join("protocol.md");
    if let Ok(page) = fs::read_to_string(&protocol) {
        use support::{catalogue, transcript};
        let page = between(
            &page,
            catalogue::LABELS_BEGIN,
            &catalogue::labels(),
            catalogue::LABELS_END,
        );
        let page = between(&page, transcript::BEGIN, &transcript::page(), transcript::END);
        fs::write(protocol, page).unwrap();
    }
    if broken {
        std::process::exit(1);
    }
}

/// The page with what stands between two marks replaced.
fn between(page: &str, begin: &str, new: &str, end: &str) -> String {
    let (before, rest) = page.split_once(begin).expect("the page has the mark");
    let (_, after) = rest.split_once(end).expect("the page has the mark");
    format!("{before}{begin}\n{new}\n{end}{after}")
}
