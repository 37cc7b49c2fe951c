//! Scopes: the compartments of a record, and the one rule for sharing what lies in several.

use serde::{Deserialize, Deserializer, Serialize, de};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::limits::{MAX_SCOPE_BYTES, MAX_SCOPES};

/// A compartment's name: small letters, digits and hyphens. Standard ones are in
/// [`STANDARD`]; an organisation may use its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Scope(String);

/// The standard scopes; `true` marks those that are sensitive wherever they stand.
pub const STANDARD: &[(&str, bool)] = &[
    ("summary", false),
    ("allergies", false),
    ("medication", false),
    ("immunizations", false),
    ("conditions", false),
    ("heart", false),
    ("respiratory", false),
    ("diabetes", false),
    ("kidney", false),
    ("neurology", false),
    ("oncology", false),
    ("musculoskeletal", false),
    ("surgery", false),
    ("eyes", false),
    ("teeth", false),
    ("infectious", false),
    ("psychiatry", true),
    ("substance-use", true),
    ("sexual-health", true),
    ("reproductive", true),
    ("genetics", true),
    ("violence", true),
    ("social", false),
    ("vitals", false),
    ("laboratory", false),
    ("imaging", false),
    ("procedures", false),
    ("care-plan", false),
    ("encounters", false),
    ("notes", false),
    ("devices", false),
    ("billing", false),
    ("administrative", false),
    ("consent", false),
    ("family-history", false),
    ("other", false),
];

/// Not a scope's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a scope: small letters, digits and hyphens, at most {MAX_SCOPE_BYTES}")]
pub struct NotAScope;

impl Scope {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A standard scope. Only for names that stand in [`STANDARD`]; another becomes `other`.
    pub fn standard(name: &'static str) -> Self {
        debug_assert!(STANDARD.iter().any(|(n, _)| *n == name), "not a standard scope");
        Self(
            if STANDARD.iter().any(|(n, _)| *n == name) {
                name
            } else {
                "other"
            }
            .to_owned(),
        )
    }

    /// Whether documents in it are sensitive wherever they stand.
    pub fn is_sensitive(&self) -> bool {
        STANDARD
            .iter()
            .any(|(name, sensitive)| *sensitive && *name == self.0)
    }
}

impl FromStr for Scope {
    type Err = NotAScope;
    fn from_str(s: &str) -> Result<Self, NotAScope> {
        let ok = !s.is_empty()
            && s.len() <= MAX_SCOPE_BYTES
            && !s.starts_with('-')
            && !s.ends_with('-')
            && s.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if ok {
            Ok(Self(s.to_owned()))
        } else {
            Err(NotAScope)
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

/// A set of scopes: on the wire sorted, each once, at most [`MAX_SCOPES`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// None.
    pub const fn none() -> Self {
        Self(BTreeSet::new())
    }

    /// Adds one. A set that is full stays as it is and says so.
    pub fn insert(&mut self, scope: Scope) -> bool {
        if self.0.len() >= MAX_SCOPES && !self.0.contains(&scope) {
            return false;
        }
        self.0.insert(scope);
        true
    }

    /// Takes one out.
    pub fn remove(&mut self, scope: &Scope) {
        self.0.remove(scope);
    }

    /// Whether it is in.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.contains(scope)
    }

    /// All of them, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Scope> for Scopes {
    /// Keeps the first [`MAX_SCOPES`] by name.
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let all: BTreeSet<Scope> = scopes.into_iter().collect();
        Self(all.into_iter().take(MAX_SCOPES).collect())
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        // Order and doubles are found by encoding again; the bound is what is checked here.
        let list = Vec::<Scope>::deserialize(d)?;
        if list.len() > MAX_SCOPES || list.windows(2).any(|w| w[0] >= w[1]) {
            return Err(de::Error::custom("scopes not sorted, or too many"));
        }
        Ok(Self(list.into_iter().collect()))
    }
}

/// What a grant of scopes means for one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// It may be shown.
    Shared,
    /// In a granted scope, but also in these sensitive ones that were not granted.
    Withheld(Scopes),
    /// In none of the granted scopes.
    Outside,
}

/// The rule: a document is shared if one of its scopes is granted **and all** of its sensitive
/// ones are. Sensitive are those named in `sensitivity` and those that always are.
pub fn sharing(scopes: &Scopes, sensitivity: &Scopes, granted: &Scopes) -> Sharing {
    if !scopes.iter().any(|s| granted.contains(s)) {
        return Sharing::Outside;
    }
    let missing: Scopes = scopes
        .iter()
        .filter(|s| s.is_sensitive())
        .chain(sensitivity.iter())
        .filter(|s| !granted.contains(s))
        .cloned()
        .collect();
    if missing.is_empty() {
        Sharing::Shared
    } else {
        Sharing::Withheld(missing)
    }
}
