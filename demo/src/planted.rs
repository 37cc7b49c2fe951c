//! The strings the breach drill looks for: everything in the record that a person could read.

use serde_json::Value;
use std::collections::BTreeSet;

/// Shorter ones would be found by chance in random bytes.
const SHORTEST: usize = 9;

/// Fields whose values say something about the patient.
const TELLING: [&str; 16] = [
    "family",
    "text",
    "display",
    "value",
    "line",
    "conclusion",
    "description",
    "title",
    "note",
    "given",
    "subscriberId",
    "city",
    "birthDate",
    "data",
    "recordedDate",
    "started",
];

/// The telling strings of a FHIR bundle, each once, at most `most` of them, spread evenly.
pub fn planted(bundle: &Value, most: usize) -> Vec<String> {
    let mut found = BTreeSet::new();
    collect(bundle, "", &mut found);
    let all: Vec<String> = found.into_iter().collect();
    let wanted = most.min(all.len());
    (0..wanted).map(|i| all[i * all.len() / wanted].clone()).collect()
}

fn collect(value: &Value, field: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| collect(v, k, found)),
        Value::Array(list) => list.iter().for_each(|v| collect(v, field, found)),
        Value::String(s) if s.len() >= SHORTEST && TELLING.contains(&field) && !s.starts_with("http") => {
            found.insert(s.clone());
        }
        _ => {}
    }
}
