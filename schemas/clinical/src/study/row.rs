//! What leaves a record for a study: the named values, and nothing that leads back.

use serde::{Deserialize, Serialize};

use super::Study;
use super::ask::{ELEMENTS, FieldKind, MOST_NEWEST};
use super::facts::Facts;
use crate::lab::order::AgeBand;
use crate::stripped::{Filter, strip};
use crate::text::{Text, bounded};

/// Elements of one row.
const MAX_PARTS: usize = 8;
/// The element under which ten years of age stand.
pub const AGE_BAND: &str = "age-band";
/// The element under which the sex stands.
pub const SEX: &str = "sex";

/// An element and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StudyPart {
    /// Which.
    pub element: Text,
    /// As JSON; numbers as they were written.
    pub json: Text,
}

/// One value of one field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StudyRow {
    /// Which field of the study, counted from 0.
    pub field: u16,
    /// What is left.
    #[serde(deserialize_with = "bounded::<{ MAX_PARTS }, _, _>")]
    pub parts: Vec<StudyPart>,
}

/// Whether a record fits a study.
pub fn fits(study: &Study, facts: &Facts) -> bool {
    study.criteria.iter().all(|criterion| facts.fits(criterion))
}

/// What would leave.
pub fn rows(study: &Study, facts: &Facts) -> Vec<StudyRow> {
    let mut rows = Vec::new();
    let one = |element: &'static str, word: &str| StudyPart {
        element: Text::from(element),
        json: Text::cut(&format!("\"{word}\"")),
    };
    for (field, at) in study.fields.iter().zip(0u16..) {
        match &field.kind {
            FieldKind::AgeBand(_) => rows.extend(facts.age().map(|age| {
                let from = AgeBand::of(age).from;
                let band = format!("{from}-{}", from.saturating_add(9));
                StudyRow {
                    field: at,
                    parts: vec![one(AGE_BAND, &band)],
                }
            })),
            FieldKind::Sex(_) => rows.extend(facts.sex().map(|sex| StudyRow {
                field: at,
                parts: vec![one(SEX, sex.word())],
            })),
            FieldKind::Parts(wanted) => {
                let filter = Filter {
                    resource: wanted.pick.resource.as_str().to_owned(),
                    fields: wanted.elements.iter().map(|e| e.as_str().to_owned()).collect(),
                    dates: study.dates.dates(),
                };
                let found = facts.picked(&wanted.pick);
                let stripped = found.filter_map(|fact| strip(&fact.leaves, &filter));
                for all in stripped.filter(|all| !all.is_empty()).take(wanted.newest.into()) {
                    // What does not fit is left out whole: half a value is another value.
                    let parts: Option<Vec<StudyPart>> = all
                        .iter()
                        .map(|part| {
                            Some(StudyPart {
                                element: Text::cut(&part.field),
                                json: Text::new(part.json.as_str()).ok()?,
                            })
                        })
                        .collect();
                    rows.extend(
                        parts
                            .filter(|p| p.len() <= MAX_PARTS)
                            .map(|parts| StudyRow { field: at, parts }),
                    );
                }
            }
            FieldKind::Foreign(_) => {}
        }
    }
    rows
}

/// Whether rows are of the form that a study asked for: no field that it does not have, no element
/// that it did not name, no more of one than it wants.
pub fn as_asked(study: &Study, rows: &[StudyRow]) -> bool {
    let allowed = |row: &StudyRow| {
        let Some(field) = study.fields.get(usize::from(row.field)) else {
            return false;
        };
        let named = |part: &StudyPart| match &field.kind {
            FieldKind::AgeBand(_) => part.element.as_str() == AGE_BAND,
            FieldKind::Sex(_) => part.element.as_str() == SEX,
            FieldKind::Parts(wanted) => {
                ELEMENTS.contains(&part.element.as_str()) && wanted.elements.contains(&part.element)
            }
            FieldKind::Foreign(_) => false,
        };
        let json = |part: &StudyPart| serde_json::from_str::<serde_json::Value>(part.json.as_str()).is_ok();
        !row.parts.is_empty() && row.parts.iter().all(|part| named(part) && json(part))
    };
    let few = |field: u16| {
        let most = match study.fields.get(usize::from(field)).map(|f| &f.kind) {
            Some(FieldKind::Parts(wanted)) => wanted.newest.min(MOST_NEWEST),
            _ => 1,
        };
        rows.iter().filter(|row| row.field == field).count() <= usize::from(most)
    };
    rows.iter().all(allowed) && rows.iter().all(|row| few(row.field))
}
