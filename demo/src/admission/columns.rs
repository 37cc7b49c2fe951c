//! The columns of the matrix: every document of the record stands in one.

use std::collections::BTreeMap;

use crate::scopes;
use serde_json::Value;

/// Scopes with a column of their own, the more telling first.
const SHOWN: [&str; 6] = [
    "allergies",
    "medication",
    "musculoskeletal",
    "vitals",
    "billing",
    "heart",
];
/// Sensitive documents.
const PSYCHIATRY: &str = "psychiatry";
const PRIVATE: &str = "private";
/// Everything else.
const OTHER: &str = "other";

/// Documents by column, in the order in which columns are shown.
pub(super) struct Columns(Vec<(&'static str, Vec<Value>)>);

impl Columns {
    pub(super) fn of(documents: &[Value]) -> Self {
        let mut by: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for document in documents {
            let own: Vec<&str> = scopes::of(document).collect();
            let column = match own.contains(&PSYCHIATRY) {
                true => PSYCHIATRY,
                false if scopes::is_sensitive(document) => PRIVATE,
                false => SHOWN.into_iter().find(|c| own.contains(c)).unwrap_or(OTHER),
            };
            by.entry(column).or_default().push(document.clone());
        }
        let order = SHOWN.into_iter().chain([PSYCHIATRY, PRIVATE, OTHER]);
        Self(order.filter_map(|name| Some((name, by.remove(name)?))).collect())
    }

    /// Adds a document with a column of its own.
    pub(super) fn add(&mut self, name: &'static str, document: Value) {
        self.0.push((name, vec![document]));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &[Value])> {
        self.0
            .iter()
            .map(|(name, documents)| (*name, documents.as_slice()))
    }
}
