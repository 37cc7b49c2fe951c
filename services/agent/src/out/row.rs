//! One thing to show: facts in order, each with its JSON value and its words.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;
use telesphor_clinical::text::shown;

pub(super) struct Fact {
    pub(super) name: &'static str,
    json: Value,
    pub(super) words: String,
    /// The heading in a table; `None`: too much for a table.
    pub(super) column: Option<&'static str>,
}

/// A thing. Facts appear in every form in the order in which they were given.
#[derive(Default)]
pub(crate) struct Row {
    pub(super) facts: Vec<Fact>,
}

impl Row {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn fact(mut self, name: &'static str, json: Value, words: &str, column: Option<&'static str>) -> Self {
        self.facts.push(Fact {
            name,
            json,
            words: shown(words),
            column,
        });
        self
    }

    /// A fact shown everywhere. Text from other people is made safe to show; in JSON it stands as it is.
    #[must_use]
    pub(crate) fn text(self, name: &'static str, column: &'static str, words: &str) -> Self {
        self.fact(name, words.into(), words, Some(column))
    }

    /// A fact with one form for programs and another for people.
    #[must_use]
    pub(crate) fn both(
        self,
        name: &'static str,
        column: &'static str,
        json: impl Into<Value>,
        words: &str,
    ) -> Self {
        self.fact(name, json.into(), words, Some(column))
    }

    /// A fact that a table has no room for.
    #[must_use]
    pub(crate) fn more(self, name: &'static str, json: impl Into<Value>, words: &str) -> Self {
        self.fact(name, json.into(), words, None)
    }

    /// All facts of another row behind those of this one.
    #[must_use]
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.facts.extend(other.facts);
        self
    }

    /// An instant: milliseconds and RFC 3339 for programs, `words` for people.
    #[must_use]
    pub(crate) fn instant(
        self,
        name: &'static str,
        column: &'static str,
        ms: Option<u64>,
        words: &str,
    ) -> Self {
        self.fact(name, rfc3339(ms), words, Some(column))
    }

    /// The facts of another row behind these.
    #[must_use]
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.facts.extend(other.facts);
        self
    }

    pub(crate) fn to_json(&self) -> String {
        struct Ordered<'r>(&'r Row);
        impl Serialize for Ordered<'_> {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                let mut map = s.serialize_map(Some(self.0.facts.len() + 1))?;
                map.serialize_entry("v", &1)?;
                for fact in &self.0.facts {
                    map.serialize_entry(fact.name, &fact.json)?;
                }
                map.end()
            }
        }
        serde_json::to_string(&Ordered(self)).unwrap_or_default()
    }

    /// One fact a line.
    pub(crate) fn to_lines(&self) -> String {
        let mut lines = String::new();
        for fact in &self.facts {
            if fact.words.is_empty() {
                continue;
            }
            let label = fact.name.replace('_', " ");
            // A second line of a text must not look like another fact.
            let words = fact.words.trim_end().replace('\n', "\n    ");
            lines.push_str(&format!("{label}: {words}\n"));
        }
        lines
    }
}

/// RFC 3339, or null.
pub(crate) fn rfc3339(ms: Option<u64>) -> Value {
    ms.map_or(Value::Null, |ms| crate::dates::instant(ms).to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_stands_first_and_facts_keep_their_order() {
        let row = Row::new()
            .text("zebra", "Z", "1")
            .both("apple", "A", 2, "two")
            .instant("at", "AT", Some(0), "then");
        assert_eq!(
            row.to_json(),
            r#"{"v":1,"zebra":"1","apple":2,"at":"1970-01-01T00:00:00Z"}"#
        );
        assert_eq!(row.to_lines(), "zebra: 1\napple: two\nat: then\n");
    }

    #[test]
    fn a_name_cannot_write_a_line_or_turn_the_text_around() {
        let row = Row::new().text("name", "NAME", "Dr\nstate: verified\u{202e}\u{1b}[2J");
        let lines = row.to_lines();
        assert!(!lines.contains("\nstate"), "{lines}");
        assert!(!lines.contains('\u{1b}') && !lines.contains('\u{202e}'));
    }
}
