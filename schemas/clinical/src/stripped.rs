//! The field filter for research: only the named values of a document, and nothing that leads back.
//!
//! What leaves has no root, no signature and no salt: a signature would name the patient to its
//! author. Dates are cut to what the study asked for; references, identifiers and extensions
//! inside a value are taken out. What was entered in error, refuted or not done is not taken at all:
//! without its guard it would say the opposite. Few values can still single somebody out; how
//! many people a study must have is not decided here.

use crate::fields::json::{self, Node, Value};
use crate::fields::{Leaf, LeafKind, Step};
use crate::instant::Instant;
use crate::limits::MAX_BODY_BYTES;

/// How exactly dates may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dates {
    /// `2026-11-20`.
    Day,
    /// `2026-11`.
    Month,
    /// `2026`.
    Year,
    /// Not at all.
    None,
}

impl Dates {
    const fn length(self) -> usize {
        match self {
            Self::Day => 10,
            Self::Month => 7,
            Self::Year => 4,
            Self::None => 0,
        }
    }
}

/// What a study may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Of which resource type.
    pub resource: String,
    /// Elements, by name: `code`, `valueQuantity`.
    pub fields: Vec<String>,
    /// How exactly dates are told.
    pub dates: Dates,
}

/// One value that leaves.
#[derive(Clone, PartialEq, Eq)]
pub struct Stripped {
    /// Its element.
    pub field: String,
    /// What is left of it, as JSON; numbers as they were written.
    pub json: String,
}

impl std::fmt::Debug for Stripped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.json.len())
    }
}

/// Members that lead to somebody, wherever they stand.
const LEADS_BACK: &[&str] = &[
    "id",
    "identifier",
    "reference",
    "extension",
    "modifierExtension",
    "text",
    "display",
    "contained",
    "fullUrl",
];

/// Words of guards that turn a statement round.
const TURNED: &[&str] = &[
    "entered-in-error",
    "refuted",
    "not-done",
    "cancelled",
    "not-taken",
    "nullified",
];

/// The named values of a document; none if it is of another type, or says that something is not so.
pub fn strip(leaves: &[Leaf], filter: &Filter) -> Option<Vec<Stripped>> {
    let guard = leaves
        .iter()
        .find(|leaf| leaf.kind == LeafKind::Guard && leaf.path.is_empty())?;
    if crate::claim::resource_type(leaves) != Some(&filter.resource) || turned(guard) {
        return None;
    }
    let mut out = Vec::new();
    for leaf in leaves.iter().filter(|leaf| leaf.kind == LeafKind::Unit) {
        let ([Step::Name(name)] | [Step::Name(name), Step::Index(_)]) = leaf.path.as_slice() else {
            continue;
        };
        if !filter.fields.contains(name) {
            continue;
        }
        let raw = leaf.content.iter().find(|(n, _)| n == name);
        let value = raw.and_then(|(_, raw)| json::scan(raw, MAX_BODY_BYTES).ok());
        if let Some(json) = value.and_then(|value| written(&value, filter.dates)) {
            out.push(Stripped {
                field: name.clone(),
                json,
            });
        }
    }
    Some(out)
}

/// Whether a guard turns what it guards round, or says more than this filter understands.
fn turned(guard: &Leaf) -> bool {
    guard.content.iter().any(|(name, raw)| {
        let text = String::from_utf8_lossy(raw);
        matches!(name.as_str(), "modifierExtension" | "implicitRules")
            || (name == "doNotPerform" && text == "true")
            || TURNED.iter().any(|word| text.contains(&format!("\"{word}\"")))
    })
}

/// A value without what leads back; nothing if nothing is left.
fn written(value: &Value<'_>, dates: Dates) -> Option<String> {
    match &value.node {
        Node::Word | Node::Number => Some(value.raw.to_owned()),
        Node::String(text) => match Instant::from_fhir(text) {
            Some(_) if dates == Dates::None => None,
            Some(_) => Some(serde_json::Value::from(text.get(..dates.length()).unwrap_or(text)).to_string()),
            None => Some(value.raw.to_owned()),
        },
        Node::Array(items) => {
            let items: Vec<String> = items.iter().filter_map(|item| written(item, dates)).collect();
            (!items.is_empty()).then(|| format!("[{}]", items.join(",")))
        }
        Node::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .filter(|(name, _)| !LEADS_BACK.contains(&name.as_ref()) && !name.starts_with('_'))
                .filter_map(|(name, value)| {
                    let json = match (name.as_ref(), &value.node) {
                        // A code of four digits is no year.
                        ("code" | "system" | "unit", Node::String(_)) => value.raw.to_owned(),
                        _ => written(value, dates)?,
                    };
                    Some(format!("{}:{json}", serde_json::Value::from(name.as_ref())))
                })
                .collect();
            (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::fields::leaves;
    use crate::fields::units::FHIR_R4_BUNDLES;

    const LAB: &str = r#"{"resourceType":"Observation","status":"final","identifier":[{"value":"L-4711"}],
"subject":{"reference":"Patient/1","display":"Aino"},"code":{"coding":[{"system":"http://loinc.org","code":"4548-4","display":"HbA1c"}],"text":"of Aino"},
"effectiveDateTime":"2026-11-20T12:00:00+02:00","valueQuantity":{"value":6.10,"unit":"%","extension":[{"url":"u","valueString":"Aino"}]},
"component":[{"code":{"coding":[{"code":"a"}]},"valueDateTime":"2026-11-20"}]}"#;

    fn stripped(body: &str, fields: &[&str], dates: Dates) -> Option<Vec<(String, String)>> {
        let filter = Filter {
            resource: "Observation".into(),
            fields: fields.iter().map(|f| (*f).to_owned()).collect(),
            dates,
        };
        let leaves = leaves(body.as_bytes(), FHIR_R4_BUNDLES).unwrap();
        let all = strip(&leaves, &filter)?;
        Some(all.into_iter().map(|s| (s.field, s.json)).collect())
    }

    #[test]
    fn a_study_sees_more_than_the_values_it_named() {
        let fields = [
            "code",
            "valueQuantity",
            "effectiveDateTime",
            "component",
            "subject",
        ];
        let text = |s: &str| s.to_owned();
        assert_eq!(
            stripped(LAB, &fields, Dates::Month).unwrap(),
            [
                (
                    text("code"),
                    text(r#"{"coding":[{"system":"http://loinc.org","code":"4548-4"}]}"#)
                ),
                (text("effectiveDateTime"), text(r#""2026-11""#)),
                (text("valueQuantity"), text(r#"{"value":6.10,"unit":"%"}"#)),
                (
                    text("component"),
                    text(r#"{"code":{"coding":[{"code":"a"}]},"valueDateTime":"2026-11"}"#)
                ),
            ],
            "of a reference nothing is left"
        );
        let undated = stripped(LAB, &["effectiveDateTime"], Dates::None).unwrap();
        assert!(undated.is_empty());
        assert_eq!(stripped(LAB, &[], Dates::Day).unwrap(), []);
    }

    #[test]
    fn what_is_not_so_is_counted_as_if_it_were() {
        for (from, to) in [
            (r#""status":"final""#, r#""status":"entered-in-error""#),
            (r#""status":"final""#, r#""status":"cancelled""#),
            (
                r#""status":"final""#,
                r#""status":"final","modifierExtension":[{"url":"u"}]"#,
            ),
            (
                r#""status":"final""#,
                r#""status":"final","doNotPerform":true,"implicitRules":"x""#,
            ),
            (r#""resourceType":"Observation""#, r#""resourceType":"Condition""#),
        ] {
            assert_eq!(
                stripped(&LAB.replace(from, to), &["code"], Dates::Day),
                None,
                "{to}"
            );
        }
    }
}
