//! Choosing what to show: paths that somebody typed, against the parts that there are.

use std::collections::BTreeSet;

use super::path::words;
use super::{Leaf, LeafKind, Path, Step, forced};

/// Why a choice cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPart {
    /// Nothing stands there.
    #[error("there is nothing at {0}")]
    Nothing(String),
    /// Inside something that is only shown whole.
    #[error("{path} is inside {unit}, which is shown whole or not at all, so that its meaning stays")]
    Inside {
        /// What was asked for.
        path: String,
        /// The part that can be shown.
        unit: String,
    },
    /// The document has no parts.
    #[error("this document can only be given whole: it is not FHIR, or was written before parts were signed")]
    NoParts,
}

/// The leaves that these paths mean, with every guard that must go with them, in the order of
/// the document. A path means whatever stands at it and below; a list comes with its length.
///
/// # Errors
/// [`NotAPart`], for the first path that means nothing.
pub fn select<'a>(all: &'a [Leaf], wanted: &[Path]) -> Result<Vec<&'a Leaf>, NotAPart> {
    if all.is_empty() {
        return Err(NotAPart::NoParts);
    }
    let mut chosen: BTreeSet<Path> = BTreeSet::new();
    for path in wanted {
        let mut below = all
            .iter()
            .filter(|leaf| leaf.kind != LeafKind::Guard && leaf.path.starts_with(path))
            .map(|leaf| leaf.path.clone())
            .peekable();
        if below.peek().is_some() {
            chosen.extend(below);
        } else {
            chosen.insert(guarded(all, path).ok_or_else(|| missing(all, path))?);
        }
    }
    let paths: Vec<Path> = chosen.iter().cloned().collect();
    let guards: BTreeSet<&Path> = forced(all, &paths).into_iter().map(|leaf| &leaf.path).collect();
    Ok(all
        .iter()
        .filter(|leaf| chosen.contains(&leaf.path) || guards.contains(&leaf.path))
        .collect())
}

/// The object whose guard shows this path anyway.
fn guarded(all: &[Leaf], path: &Path) -> Option<Path> {
    let guard_of = |object: &[Step]| {
        all.iter()
            .find(|leaf| leaf.kind == LeafKind::Guard && leaf.path == object)
    };
    // A resource, or an object in it, that has nothing but its guard.
    if guard_of(path).is_some() {
        return Some(path.clone());
    }
    let (last, object) = path.split_last()?;
    let Step::Name(name) = last else { return None };
    let guard = guard_of(object)?;
    let there = guard.content.iter().any(|(n, _)| n == name);
    there.then(|| guard.path.clone())
}

fn missing(all: &[Leaf], path: &Path) -> NotAPart {
    let unit = all
        .iter()
        .find(|leaf| leaf.kind == LeafKind::Unit && path.starts_with(&leaf.path));
    match unit {
        Some(unit) => NotAPart::Inside {
            path: words(path),
            unit: words(&unit.path),
        },
        None => NotAPart::Nothing(words(path)),
    }
}
