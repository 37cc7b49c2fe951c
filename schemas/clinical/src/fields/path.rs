//! Paths as people write them: `item[0].productOrService`.

use super::{Path, Step};
use crate::text::shown;

/// What was typed is not a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a path; one looks like code or item[0].productOrService")]
pub struct NotAPath;

/// Longest path, steps.
const MAX_STEPS: usize = 64;

/// Reads a path. A dot begins a name, brackets hold an index from 0; `$` or nothing at the
/// beginning is the resource itself.
///
/// # Errors
/// [`NotAPath`].
pub fn parse(text: &str) -> Result<Path, NotAPath> {
    let mut path = Path::new();
    let mut rest = text.trim();
    rest = rest.strip_prefix('$').unwrap_or(rest);
    let mut first = true;
    while !rest.is_empty() {
        if path.len() == MAX_STEPS {
            return Err(NotAPath);
        }
        if let Some(index) = rest.strip_prefix('[') {
            let (digits, after) = index.split_once(']').ok_or(NotAPath)?;
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(NotAPath);
            }
            path.push(Step::Index(digits.parse().map_err(|_| NotAPath)?));
            rest = after;
        } else {
            let name = match rest.strip_prefix('.') {
                Some(name) => name,
                None if first => rest,
                None => return Err(NotAPath),
            };
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (name, after) = name.split_at(end);
            if name.is_empty() || name.contains(']') {
                return Err(NotAPath);
            }
            path.push(Step::Name(name.to_owned()));
            rest = after;
        }
        first = false;
    }
    Ok(path)
}

/// A path as it is shown; names are escaped, because somebody else wrote them. The resource
/// itself is `$`.
pub fn words(path: &[Step]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            Step::Name(name) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(&shown(name));
            }
            Step::Index(i) => out.push_str(&format!("[{i}]")),
        }
    }
    if out.is_empty() { "$".to_owned() } else { out }
}
