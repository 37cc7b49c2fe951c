//! What an insurer needs of a document: codes, dates, amounts, and who provided it.
//!
//! A claim is made of parts of what providers signed; this page says which parts. Whose treatment
//! it was, why, and what was found are not among them: what justifies a claim beyond its codes is
//! a note that the patient chooses.

use crate::fields::{Leaf, LeafKind, Path, Step};

/// One resource type and its billing parts, as names without indices.
struct Billing {
    resource: &'static str,
    parts: &'static [&'static str],
    /// Shown only if diagnoses are.
    diagnoses: &'static [&'static str],
}

const INVOICE: &[&str] = &[
    "type",
    "created",
    "provider",
    "billablePeriod",
    "total",
    "item",
    "item.sequence",
    "item.productOrService",
    "item.modifier",
    "item.servicedDate",
    "item.servicedPeriod",
    "item.quantity",
    "item.unitPrice",
    "item.net",
];

const TABLE: &[Billing] = &[
    Billing {
        resource: "Claim",
        parts: INVOICE,
        diagnoses: &["diagnosis"],
    },
    Billing {
        resource: "ExplanationOfBenefit",
        parts: INVOICE,
        diagnoses: &["diagnosis"],
    },
    Billing {
        resource: "ChargeItem",
        parts: &["code", "occurrenceDateTime", "occurrencePeriod", "quantity"],
        diagnoses: &[],
    },
    Billing {
        resource: "Procedure",
        parts: &["code", "performedDateTime", "performedPeriod"],
        diagnoses: &["reasonCode"],
    },
    Billing {
        resource: "Encounter",
        parts: &["class", "type", "period"],
        diagnoses: &["reasonCode"],
    },
    Billing {
        resource: "DiagnosticReport",
        parts: &["code", "effectiveDateTime", "effectivePeriod"],
        diagnoses: &[],
    },
    Billing {
        resource: "Immunization",
        parts: &["vaccineCode", "occurrenceDateTime"],
        diagnoses: &["reasonCode"],
    },
    Billing {
        resource: "MedicationDispense",
        parts: &["medicationCodeableConcept", "quantity", "whenHandedOver"],
        diagnoses: &[],
    },
    Billing {
        resource: "Condition",
        parts: &[],
        diagnoses: &["code"],
    },
];

/// The type of a resource, as its guard says it.
pub fn resource_type(leaves: &[Leaf]) -> Option<&str> {
    let guard = leaves
        .iter()
        .find(|leaf| leaf.kind == LeafKind::Guard && leaf.path.is_empty())?;
    let (_, raw) = guard.content.iter().find(|(name, _)| name == "resourceType")?;
    std::str::from_utf8(raw)
        .ok()?
        .strip_prefix('"')?
        .strip_suffix('"')
}

/// The billing parts of a document; none if there are none.
pub fn billing(leaves: &[Leaf], diagnoses: bool) -> Vec<Path> {
    let Some(row) = resource_type(leaves).and_then(|kind| TABLE.iter().find(|row| row.resource == kind))
    else {
        return Vec::new();
    };
    leaves
        .iter()
        .filter(|leaf| leaf.kind != LeafKind::Guard)
        .filter(|leaf| {
            let name = names(&leaf.path);
            let name = name.as_str();
            row.parts.contains(&name) || (diagnoses && row.diagnoses.contains(&name))
        })
        .map(|leaf| leaf.path.clone())
        .collect()
}

fn names(path: &Path) -> String {
    let names: Vec<&str> = path
        .iter()
        .filter_map(|step| match step {
            Step::Name(name) => Some(name.as_str()),
            Step::Index(_) => None,
        })
        .collect();
    names.join(".")
}
