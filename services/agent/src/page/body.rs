//! What stands in a document, so that a person can read it: FHIR as a list of facts, text as text.
//! Numbers stay as they were written: 7.10 is not 7.1.

use std::fmt;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use telesphor_agent::views::Opened;
use telesphor_clinical::text::shown;

use super::limits;
use crate::shown::acts::body_words;

/// A document's content.
#[derive(Serialize)]
pub(super) struct Content {
    /// Facts, in the order in which they stand there.
    pub(super) facts: Vec<Fact>,
    /// There are more than are listed.
    pub(super) cut: bool,
    /// All of it as it was signed, if it is text.
    pub(super) text: Option<String>,
}

/// `code / coding / display`: `Penicillin`.
#[derive(Serialize, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) value: String,
}

impl Content {
    pub(super) fn of(opened: &Opened) -> Self {
        let said = body_words(opened);
        let text = said.as_deref().or(std::str::from_utf8(&opened.body).ok());
        let mut facts = Vec::new();
        if opened.view.format.contains("json")
            && said.is_none()
            && let Some(raw) = text.and_then(|t| serde_json::from_str::<&RawValue>(t).ok())
        {
            gather(raw, "", &mut facts);
        }
        let cut = facts.len() > limits::FACTS;
        facts.truncate(limits::FACTS);
        Self {
            facts,
            cut,
            text: text.filter(|t| t.len() <= limits::TEXT).map(shown),
        }
    }
}

/// An object's fields in their order, unread.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields<'de>, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        d.deserialize_map(InOrder)
    }
}

/// Adds every value below `raw`, as far as there is room.
fn gather(raw: &RawValue, name: &str, facts: &mut Vec<Fact>) {
    let text = raw.get();
    if facts.len() > limits::FACTS {
        return;
    }
    match text.as_bytes().first() {
        Some(b'{') => {
            let fields = serde_json::from_str::<Fields<'_>>(text).map_or_else(|_| Vec::new(), |f| f.0);
            for (field, value) in fields {
                let below = match name {
                    "" => shown(&field),
                    _ => format!("{name} / {}", shown(&field)),
                };
                gather(value, &below, facts);
            }
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
            for (i, item) in items.iter().enumerate() {
                match items.len() {
                    1 => gather(item, name, facts),
                    _ => gather(item, &format!("{name} {}", i + 1), facts),
                }
            }
        }
        _ => {
            let value = serde_json::from_str::<String>(text).unwrap_or_else(|_| text.to_owned());
            facts.push(Fact {
                name: name.to_owned(),
                value: shown(&value),
            });
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn facts(text: &str) -> Vec<(String, String)> {
        let mut facts = Vec::new();
        gather(serde_json::from_str(text).unwrap(), "", &mut facts);
        facts.into_iter().map(|f| (f.name, f.value)).collect()
    }

    #[test]
    fn a_value_is_rounded_reordered_left_out_or_turned_around() {
        let text = r#"{"z":7.10,"a":{"list":[1,{"deep":"\u202eevil"}],"one":["x"]},"yes":false,"no":null}"#;
        let expected = [
            ("z", "7.10"),
            ("a / list 1", "1"),
            ("a / list 2 / deep", "<U+202E>evil"),
            ("a / one", "x"),
            ("yes", "false"),
            ("no", "null"),
        ];
        let expected = expected.map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(facts(text), expected);
    }

    #[test]
    fn a_document_without_end_fills_the_page() {
        let long = format!("[{}1]", "1,".repeat(limits::FACTS * 3));
        assert_eq!(facts(&long).len(), limits::FACTS + 1);
    }
}
