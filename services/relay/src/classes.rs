//! The names of the quota classes; the rules know them by number.

use telesphor_rules::class::{CLINICIAN, DEVICE, ORGANISATION, PATIENT};

/// Name and number.
const NAMES: [(&str, u16); 4] = [
    ("patient", PATIENT.number),
    ("clinician", CLINICIAN.number),
    ("device", DEVICE.number),
    ("organisation", ORGANISATION.number),
];

/// The number of a class.
pub fn number(name: &str) -> Option<u16> {
    NAMES.iter().find(|(n, _)| *n == name).map(|(_, number)| *number)
}

/// The name of a class.
pub fn name(number: u16) -> &'static str {
    NAMES
        .iter()
        .find(|(_, n)| *n == number)
        .map_or("of a newer version", |(name, _)| name)
}

/// All names, for a message.
pub fn all() -> String {
    NAMES.map(|(name, _)| name).join(", ")
}
