//! The line about allergies above everything else that is shown about a patient.
//!
//! An empty list would read as "no allergies". So there are four different lines, and none of
//! them is silence: known ones, none known (somebody asked and wrote it down), not shared, and
//! not loaded yet.

use telesphor_agent::views::DocumentView;
use telesphor_clinical::header::DocumentKind;

use crate::out::Row;

const SCOPE: &str = "allergies";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Allergies {
    Known(Vec<String>),
    NoneKnown,
    NotShared,
    NotLoaded,
}

impl Allergies {
    /// From the documents about one patient that are here. `complete`: everything that the
    /// relay has for this endpoint has been read.
    pub(crate) fn of<'d>(about: impl Iterator<Item = &'d DocumentView>, complete: bool) -> Self {
        let titles: Vec<String> = about
            .filter(|d| d.scopes.iter().any(|s| s == SCOPE))
            // A line that was corrected or taken back must not be read as one that stands; nor is
            // the word that takes it back an allergy.
            .filter(|d| d.standing.is_current() && d.kind != DocumentKind::Retraction.word())
            .map(|d| d.title.clone())
            .collect();
        if titles.is_empty() {
            return if complete {
                Self::NotShared
            } else {
                Self::NotLoaded
            };
        }
        // One statement that there are none counts only if nothing here speaks against it.
        let known: Vec<String> = titles.into_iter().filter(|t| !says_none(t)).collect();
        if known.is_empty() {
            Self::NoneKnown
        } else {
            Self::Known(known)
        }
    }

    /// One word for programs.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Known(_) => "known",
            Self::NoneKnown => "none-known",
            Self::NotShared => "not-shared",
            Self::NotLoaded => "not-loaded",
        }
    }

    /// The line.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Known(titles) => format!("ALLERGIES: {}", titles.join("; ")),
            Self::NoneKnown => "allergies: none known (as written in the record)".to_owned(),
            Self::NotShared => "ALLERGIES NOT SHARED WITH YOU: ask the patient".to_owned(),
            Self::NotLoaded => "ALLERGIES NOT LOADED YET: not everything has come from the relay".to_owned(),
        }
    }

    pub(crate) fn row(&self, who: &str) -> Row {
        let (word, words) = (self.word(), self.words());
        let titles = match self {
            Self::Known(titles) => titles.clone(),
            _ => Vec::new(),
        };
        Row::new()
            .text("about", "ABOUT", who)
            .both("allergies", "ALLERGIES", word, &words)
            .more("known_allergies", titles, "")
    }
}

/// The coded statement that there is no allergy at all, as its display reads; "no known drug
/// allergy" is less than that and is shown as it is.
fn says_none(title: &str) -> bool {
    let title = title.to_lowercase();
    [
        "no known allergy",
        "no known allergies",
        "no allergies",
        "no known allergy (situation)",
    ]
    .iter()
    .any(|none| title.trim_end_matches(" (situation)").trim() == *none)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use telesphor_agent::views::{Awaited, Direction, StandingView};
    use telesphor_wire::ids::{DocumentId, IdentityId};

    fn document(title: &str, scope: &str) -> DocumentView {
        DocumentView {
            id: DocumentId([1; 32]),
            kind: "resource".to_owned(),
            title: title.to_owned(),
            format: "application/fhir+json".to_owned(),
            subject: None,
            author: IdentityId([2; 32]),
            hand: None,
            author_name: String::new(),
            scopes: vec![scope.to_owned()],
            recorded: 0,
            direction: Direction::Shared,
            from: None,
            arrived: 0,
            opened: false,
            urgent: false,
            until: None,
            ended: false,
            acted: None,
            size: 0,
            corrects: Vec::new(),
            awaited: Awaited::Nobody,
            answer: None,
            standing: StandingView::Current,
        }
    }

    #[test]
    fn an_allergy_that_was_corrected_or_taken_back_is_not_read_as_one() {
        use telesphor_agent::views::{ReplacedView, RetractedView};
        let by = DocumentId([3; 32]);
        let mut wrong = document("Allergy to penicillin", "allergies");
        wrong.standing = StandingView::Replaced(ReplacedView {
            by,
            at: 0,
            taken_back: false,
        });
        let right = document("Allergy to nuts", "allergies");
        let known = Allergies::of([&wrong, &right].into_iter(), true);
        assert_eq!(known, Allergies::Known(vec!["Allergy to nuts".to_owned()]));
        wrong.standing = StandingView::Retracted(RetractedView {
            by,
            at: 0,
            reason: "error".to_owned(),
            words: String::new(),
        });
        let mut word = document("Taken back: entered in error", "allergies");
        word.kind = "retraction".to_owned();
        assert_eq!(
            Allergies::of([&wrong, &word].into_iter(), true),
            Allergies::NotShared
        );
    }

    #[test]
    fn no_document_never_reads_as_no_allergy() {
        let other = [document("Aspirin", "medication")];
        assert_eq!(Allergies::of(other.iter(), true), Allergies::NotShared);
        assert_eq!(Allergies::of(other.iter(), false), Allergies::NotLoaded);
    }

    #[test]
    fn none_known_is_said_only_if_the_record_says_it_and_nothing_speaks_against_it() {
        let none = document("No known allergy (situation)", "allergies");
        let nuts = document("Allergy to nuts", "allergies");
        let drug = document("No known drug allergy", "allergies");
        assert_eq!(Allergies::of([&none].into_iter(), true), Allergies::NoneKnown);
        let both = Allergies::of([&none, &nuts].into_iter(), true);
        assert_eq!(both, Allergies::Known(vec!["Allergy to nuts".to_owned()]));
        assert!(matches!(
            Allergies::of([&drug].into_iter(), true),
            Allergies::Known(_)
        ));
    }

    #[test]
    fn all_lines_differ_in_words_and_for_programs() {
        let states = [
            Allergies::Known(vec!["nuts".to_owned()]),
            Allergies::NoneKnown,
            Allergies::NotShared,
            Allergies::NotLoaded,
        ];
        let lines: std::collections::BTreeSet<String> = states
            .iter()
            .flat_map(|s| [s.row("aino").to_lines(), s.row("aino").to_json()])
            .collect();
        assert_eq!(lines.len(), 8);
    }
}
