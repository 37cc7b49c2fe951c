//! Adds to `schemas/vectors/documents.json` what is new. What stands there is never changed: where the
//! code derives another value this program says so and writes nothing.
#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub)]

#[path = "../tests/support/vectors.rs"]
mod vectors;

use serde_json::{Map, Value};

fn main() {
    let old = std::fs::read_to_string(vectors::file()).unwrap_or_else(|_| "{}".into());
    let mut all: Map<String, Value> = serde_json::from_str(&old).unwrap();
    for (name, value) in vectors::derived() {
        let frozen = all.entry(name.clone()).or_insert_with(|| value.clone());
        if *frozen != value {
            println!("{name} is frozen and no longer derived as it was");
            std::process::exit(1);
        }
    }
    std::fs::write(
        vectors::file(),
        serde_json::to_string_pretty(&all).unwrap() + "\n",
    )
    .unwrap();
}
