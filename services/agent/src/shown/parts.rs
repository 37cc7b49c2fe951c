//! Parts of documents.

use serde_json::{Value, json};
use telesphor_agent::views::{PartView, Verdict};
use telesphor_clinical::fields::path::words;
use telesphor_clinical::fields::{Leaf, LeafKind};

use crate::out::Row;

/// Characters of a value in a table.
const SHORT: usize = 60;

fn kind(leaf: &Leaf) -> &'static str {
    match leaf.kind {
        LeafKind::Unit => "part",
        LeafKind::Guard => "guard",
        LeafKind::ArrayLength => "length",
    }
}

fn cut(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{} ..", line.get(..end).unwrap_or(&line)),
        None => line,
    }
}

/// One leaf of a document of one's own: what can be shown.
pub(crate) fn leaf(leaf: &Leaf) -> Row {
    let values: Vec<(&str, &str)> = leaf
        .content
        .iter()
        .filter_map(|(name, raw)| Some((name.as_str(), std::str::from_utf8(raw).ok()?)))
        .collect();
    let line = match leaf.kind {
        LeafKind::Guard => values
            .iter()
            .map(|(name, raw)| format!("{name} {raw}"))
            .collect::<Vec<_>>()
            .join(", "),
        _ => values.iter().map(|(_, raw)| *raw).collect::<Vec<_>>().join(", "),
    };
    let all: Vec<Value> = values
        .iter()
        .map(|(name, raw)| json!({"name": name, "json": raw}))
        .collect();
    Row::new()
        .text("path", "PATH", &words(&leaf.path))
        .both("kind", "KIND", kind(leaf), kind(leaf))
        .both("values", "VALUE", all, &cut(&line))
}

/// What somebody else has shown, in lines for a person.
pub(crate) fn text(parts: &[PartView]) -> String {
    let mut lines = String::new();
    let mut before = None;
    let documents = {
        let mut ids: Vec<_> = parts.iter().map(|p| p.document).collect();
        ids.dedup();
        ids.len()
    };
    for part in parts {
        if documents > 1 && before != Some(part.document) {
            lines.push_str(&format!("document {}\n", part.document));
            before = Some(part.document);
        }
        match part.kind {
            "whole" => lines.push_str(&part.value),
            "length" => lines.push_str(&format!("{}: {} of them", part.path, part.value)),
            _ => lines.push_str(&format!("{}: {}", part.path, part.value)),
        }
        lines.push('\n');
    }
    lines
}

/// The same for a verdict.
pub(crate) fn of_verdict(row: Row, verdict: &Verdict) -> Row {
    if verdict.parts.is_empty() {
        return row;
    }
    let all: Vec<Value> = verdict
        .parts
        .iter()
        .map(
            |p| json!({"document": p.document.to_string(), "path": p.path, "kind": p.kind, "value": p.value}),
        )
        .collect();
    row.more("shown", all, text(&verdict.parts).trim_end())
}
