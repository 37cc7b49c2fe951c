//! What a researcher is shown: nothing of fewer people than the study bound itself to.
//!
//! Whatever singles somebody out together counts as one cell: ten years of age, sex, codes, dates,
//! and which values are there at all. Measured numbers do not. A cell that is too small loses age,
//! sex and dates first; if it is still too small, it is not shown.
//!
//! This keeps a careful researcher from seeing what he must not. The rows lie in his own vault:
//! against a dishonest one only sums help ([`super::task`]).

use std::collections::BTreeMap;

use super::Study;
use super::row::{AGE_BAND, SEX, StudyRow};

/// Everything that one who takes part has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The beginning of the key of whoever sent it.
    pub who: String,
    /// What he sent.
    pub rows: Vec<StudyRow>,
}

/// What is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Rows in no order that tells anything.
    pub given: Vec<Given>,
    /// Of how many people age, sex and dates are withheld.
    pub coarser: usize,
    /// Of how many people nothing is shown.
    pub withheld: usize,
}

/// A value that says how much, and not who.
fn measures(element: &str) -> bool {
    matches!(element, "valueQuantity" | "valueInteger")
}

fn narrows(element: &str) -> bool {
    element == AGE_BAND || element == SEX || element.ends_with("DateTime") || element == "authoredOn"
}

fn cell(rows: &[StudyRow]) -> Vec<(u16, String, String)> {
    let mut cell = Vec::new();
    for row in rows {
        for part in &row.parts {
            let json = match measures(part.element.as_str()) {
                true => String::new(),
                false => part.json.as_str().to_owned(),
            };
            cell.push((row.field, part.element.as_str().to_owned(), json));
        }
    }
    cell.sort();
    cell
}

/// Those in cells that are large enough, and the others.
fn split(all: Vec<Given>, least: usize) -> (Vec<Given>, Vec<Given>) {
    let mut cells: BTreeMap<_, Vec<Given>> = BTreeMap::new();
    for given in all {
        cells.entry(cell(&given.rows)).or_default().push(given);
    }
    let (large, small): (Vec<_>, Vec<_>) = cells.into_values().partition(|cell| cell.len() >= least);
    (large.concat(), small.concat())
}

/// The table, or nothing if too few people take part.
pub fn table(study: &Study, mut all: Vec<Given>) -> Option<Shown> {
    let least = usize::from(study.min_cell);
    if all.len() < least {
        return None;
    }
    all.sort_by(|a, b| a.who.cmp(&b.who));
    let (mut given, mut small) = split(all, least);
    for one in &mut small {
        for row in &mut one.rows {
            row.parts.retain(|part| !narrows(part.element.as_str()));
        }
        one.rows.retain(|row| !row.parts.is_empty());
    }
    let (coarser, withheld) = split(small, least);
    let counted = (coarser.len(), withheld.len());
    given.extend(coarser);
    given.sort_by(|a, b| a.who.cmp(&b.who));
    Some(Shown {
        given,
        coarser: counted.0,
        withheld: counted.1,
    })
}
