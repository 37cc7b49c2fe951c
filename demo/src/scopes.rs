//! Which documents of a record the story shares, and which it must find withheld.

use std::collections::BTreeMap;

use serde_json::Value;

/// What is shared of a record that has it.
const USUAL: [&str; 2] = ["heart", "allergies"];

/// Scopes whose documents are shown only to somebody who was granted those very ones.
const SENSITIVE: [&str; 6] = [
    "psychiatry",
    "substance-use",
    "sexual-health",
    "reproductive",
    "genetics",
    "violence",
];

/// The scopes to share of a record: the usual two if it has any document of theirs, else the two
/// with the most documents. Empty if nothing in it can be shared.
pub fn chosen(documents: &[Value]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for document in documents.iter().filter(|d| !is_sensitive(d)) {
        for scope in of(document) {
            *counts.entry(scope).or_default() += 1;
        }
    }
    if USUAL.iter().any(|scope| counts.contains_key(scope)) {
        return USUAL.map(str::to_owned).to_vec();
    }
    let mut most: Vec<(&str, usize)> = counts.into_iter().collect();
    most.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    most.into_iter()
        .take(USUAL.len())
        .map(|(scope, _)| scope.to_owned())
        .collect()
}

/// A document's scopes.
pub fn of(document: &Value) -> impl Iterator<Item = &str> {
    let scopes = document["scopes"].as_array();
    scopes.into_iter().flatten().filter_map(Value::as_str)
}

/// Whether a document lies in one of the scopes.
pub fn is_in(document: &Value, scopes: &[String]) -> bool {
    of(document).any(|scope| scopes.iter().any(|s| s == scope))
}

/// Whether a document is of a sensitive scope. None of those is shared here.
pub fn is_sensitive(document: &Value) -> bool {
    of(document).any(|scope| SENSITIVE.contains(&scope))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(scopes: &[&str]) -> Value {
        json!({ "scopes": scopes })
    }

    #[test]
    fn a_record_without_a_heart_has_nothing_to_share() {
        let record = [
            document(&["laboratory"]),
            document(&["laboratory", "kidney"]),
            document(&["procedures", "laboratory"]),
            document(&["procedures"]),
            document(&["reproductive", "eyes"]),
        ];
        assert_eq!(chosen(&record), ["laboratory", "procedures"]);
        assert_eq!(chosen(&[document(&["heart"])]), USUAL);
        assert!(chosen(&[document(&[]), document(&["genetics", "heart"])]).is_empty());
    }
}
