//! What lists show of a resource: title, kind, date, status, whom it is about.

use crate::fields::json::Value;
use crate::header::{DocumentKind, Status};
use crate::instant::Instant;
use crate::text::Text;

pub(super) fn kind(resource: &str) -> DocumentKind {
    match resource {
        "Observation" | "DiagnosticReport" | "QuestionnaireResponse" => DocumentKind::Result,
        "ServiceRequest" | "NutritionOrder" | "DeviceRequest" => DocumentKind::Order,
        "ImagingStudy" | "Media" => DocumentKind::Image,
        "Composition" | "Bundle" => DocumentKind::Summary,
        "Consent" => DocumentKind::Consent,
        "Claim" | "ClaimResponse" | "ExplanationOfBenefit" | "Invoice" => DocumentKind::Claim,
        "List" => DocumentKind::List,
        _ => DocumentKind::Resource,
    }
}

/// Elements that name a resource, best first.
const NAMES: &[&str] = &[
    "code",
    "medicationCodeableConcept",
    "medicationReference",
    "vaccineCode",
    "title",
    "name",
    "deviceName",
    "type",
    "description",
    "serviceType",
    "category",
    "class",
    "scope",
    "modality",
    "insurer",
    "payor",
];

pub(super) fn title(resource: &str, value: &Value<'_>) -> Text {
    let named = NAMES.iter().find_map(|name| words(value.get(name)?));
    let label = label(resource);
    let title = match named {
        Some(words) => match measured(value) {
            Some(value) => format!("{words}: {value}"),
            None => words,
        },
        None => return Text::cut(&label),
    };
    match resource {
        "Observation" | "Condition" | "AllergyIntolerance" | "Immunization" | "Procedure"
        | "DiagnosticReport" => Text::cut(&title),
        _ => Text::cut(&format!("{label}: {title}")),
    }
}

/// `MedicationRequest` as `Medication request`.
fn label(resource: &str) -> String {
    let mut out = String::new();
    for (i, c) in resource.chars().enumerate() {
        if i > 0 && c.is_uppercase() {
            out.push(' ');
            out.extend(c.to_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}

/// The words of a CodeableConcept, Coding, Reference, HumanName or string.
fn words(value: &Value<'_>) -> Option<String> {
    if let Some(text) = value.text() {
        return (!text.is_empty()).then(|| text.to_owned());
    }
    if let Some(first) = value.at(0) {
        return words(first);
    }
    if let Some(text) = value.text_of("text").or_else(|| value.text_of("display")) {
        return Some(text.to_owned());
    }
    if let Some(coding) = value.get("coding") {
        let shown = coding.items().iter().find_map(|c| c.text_of("display"));
        return shown.or_else(|| coding.at(0)?.text_of("code")).map(str::to_owned);
    }
    let family = value.text_of("family");
    let given = value.get("given").and_then(|g| g.at(0)).and_then(Value::text);
    match (given, family) {
        (Some(given), Some(family)) => Some(format!("{given} {family}")),
        (one, other) => one.or(other).or_else(|| value.text_of("name")).map(str::to_owned),
    }
}

/// An Observation's value in one line, its number as written.
fn measured(value: &Value<'_>) -> Option<String> {
    if let Some(quantity) = value.get("valueQuantity") {
        let number = quantity.get("value")?.raw;
        let comparator = quantity.text_of("comparator").unwrap_or_default();
        let unit = quantity
            .text_of("unit")
            .or_else(|| quantity.text_of("code"))
            .unwrap_or_default();
        return Some(format!("{comparator}{number} {unit}").trim_end().to_owned());
    }
    words(
        value
            .get("valueCodeableConcept")
            .or_else(|| value.get("valueString"))?,
    )
}

pub(super) fn effective(value: &Value<'_>) -> Option<Instant> {
    let direct = [
        "effectiveDateTime",
        "effectiveInstant",
        "onsetDateTime",
        "occurrenceDateTime",
        "performedDateTime",
        "started",
        "collectedDateTime",
        "recordedDate",
        "authoredOn",
        "whenHandedOver",
        "dateTime",
        "date",
        "created",
        "issued",
        "sent",
    ];
    let periods = [
        "effectivePeriod",
        "performedPeriod",
        "occurrencePeriod",
        "onsetPeriod",
        "period",
        "billablePeriod",
    ];
    direct
        .iter()
        .filter_map(|name| value.text_of(name))
        .chain(
            periods
                .iter()
                .filter_map(|name| value.get(name)?.text_of("start")),
        )
        .find_map(Instant::from_fhir)
}

pub(super) fn status(value: &Value<'_>) -> Status {
    let verification = value
        .get("verificationStatus")
        .and_then(|v| v.get("coding")?.at(0)?.text_of("code"));
    let said = [value.text_of("status"), verification];
    if said.contains(&Some("entered-in-error")) {
        return Status::EnteredInError;
    }
    match value.text_of("status") {
        Some("preliminary" | "registered" | "partial" | "draft" | "proposed" | "planned" | "in-progress") => {
            Status::Preliminary
        }
        Some("amended" | "corrected" | "appended") => Status::Amended,
        _ => Status::Final,
    }
}

pub(super) fn patient(value: &Value<'_>) -> Option<String> {
    let named = ["subject", "patient", "beneficiary", "for", "individual"]
        .iter()
        .find_map(|name| value.get(name)?.text_of("reference"));
    if let Some(reference) = named {
        return Some(reference.to_owned());
    }
    let own = value.text_of("resourceType") == Some("Patient");
    own.then(|| value.text_of("id").map(|id| format!("Patient/{id}")))
        .flatten()
}
