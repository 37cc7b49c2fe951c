//! Tests by the words that people use for them.

use super::order::LabTest;
use crate::text::Text;

/// Word, LOINC code, name.
const TESTS: &[(&str, &str, &str)] = &[
    ("cbc", "57021-8", "CBC W Auto Differential panel in Blood"),
    ("chlamydia", "21613-5", "Chlamydia trachomatis DNA"),
    (
        "creatinine",
        "2160-0",
        "Creatinine [Mass/volume] in Serum or Plasma",
    ),
    (
        "crp",
        "1988-5",
        "C reactive protein [Mass/volume] in Serum or Plasma",
    ),
    ("glucose", "2345-7", "Glucose [Mass/volume] in Serum or Plasma"),
    ("hba1c", "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood"),
    ("hemoglobin", "718-7", "Hemoglobin [Mass/volume] in Blood"),
    (
        "hiv",
        "56888-1",
        "HIV 1+2 Ab+HIV1 p24 Ag [Presence] in Serum or Plasma",
    ),
    ("lithium", "14334-7", "Lithium [Moles/volume] in Serum or Plasma"),
    (
        "potassium",
        "2823-3",
        "Potassium [Moles/volume] in Serum or Plasma",
    ),
    ("sodium", "2951-2", "Sodium [Moles/volume] in Serum or Plasma"),
    ("tsh", "3016-3", "Thyrotropin [Units/volume] in Serum or Plasma"),
];

/// The test that somebody means: one of the words above, or `CODE=name`, or a code alone.
pub fn test(text: &str) -> LabTest {
    let text = text.trim();
    let known = TESTS
        .iter()
        .find(|(word, code, _)| word.eq_ignore_ascii_case(text) || *code == text);
    if let Some((_, code, name)) = known {
        return LabTest {
            code: Text::from(*code),
            name: Text::from(*name),
        };
    }
    let (code, name) = text.split_once('=').unwrap_or((text, ""));
    LabTest {
        code: Text::cut(code.trim()),
        name: Text::cut(name.trim()),
    }
}

/// The words that are known.
pub fn words() -> Vec<&'static str> {
    TESTS.iter().map(|(word, _, _)| *word).collect()
}
