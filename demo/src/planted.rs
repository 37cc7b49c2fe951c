//! The strings the breach drill looks for: everything in the record that a person could read.

use aho_corasick::AhoCorasick;
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

/// The telling strings of a FHIR bundle's resources, each once, at most `most` of them, spread
/// evenly. Only strings that stand in the record as they are (`raw`), and not in the relay's
/// own `program`, whose words are nobody's secret.
pub fn planted(bundle: &Value, raw: &[u8], program: &[u8], most: usize) -> Vec<String> {
    let mut found = BTreeSet::new();
    match bundle["entry"].as_array() {
        Some(entries) => entries
            .iter()
            .for_each(|e| collect(&e["resource"], "", &mut found)),
        None => collect(bundle, "", &mut found),
    }
    let stands_in = |bytes: &[u8], s: &str| bytes.windows(s.len()).any(|w| w == s.as_bytes());
    let all: Vec<String> = found.into_iter().filter(|s| stands_in(raw, s)).collect();
    let wanted = most.min(all.len());
    (0..wanted)
        .map(|i| all[i * all.len() / wanted].clone())
        .filter(|s| !AhoCorasick::new([s.as_str()]).is_ok_and(|a| a.is_match(program)))
        .collect()
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
