//! Table 1: how FHIR R4 resources are cut into units and guards.
//!
//! A unit is a whole top-level element (of an array: one element of it), so a Quantity, a
//! CodeableConcept, a Dosage or a Period is never taken apart. Guards hold what R4 marks
//! `isModifier` (hl7.org/fhir/R4, "Is Modifier" in each resource's definitions), and
//! `intent` and `use` of requests and claims, `active` of people, and what a file replaces. A resource type that is not listed is one unit.
//!
//! This table is frozen: a document says by number which table cut it, and a better one gets
//! a new number.

use telesphor_wire::bytes::Bytes;

use super::json::{Node, Value};
use super::{Leaf, LeafKind, Path, Step};

/// The number of this table.
pub const FHIR_R4: u16 = 1;

/// One resource type: its modifier elements, and the backbone elements that are cut further.
struct Cut {
    resource: &'static str,
    modifiers: &'static [&'static str],
    backbones: &'static [&'static str],
}

macro_rules! table {
    ($($resource:literal [$($modifier:literal)*] [$($backbone:literal)*];)*) => {
        &[$(Cut { resource: $resource, modifiers: &[$($modifier),*], backbones: &[$($backbone),*] },)*]
    };
}

const TABLE: &[Cut] = table! {
    "AllergyIntolerance" ["clinicalStatus" "verificationStatus"] [];
    "Appointment" ["status"] [];
    "CarePlan" ["status" "intent"] [];
    "CareTeam" ["status"] [];
    "Claim" ["status" "use"] ["item"];
    "ClinicalImpression" ["status"] [];
    "Communication" ["status"] [];
    "CommunicationRequest" ["status" "doNotPerform"] [];
    "Composition" ["status"] [];
    "Condition" ["clinicalStatus" "verificationStatus"] [];
    "Consent" ["status" "scope"] [];
    "Coverage" ["status"] [];
    "DetectedIssue" ["status"] [];
    "Device" ["status"] [];
    "DeviceRequest" ["status" "intent"] [];
    "DeviceUseStatement" ["status"] [];
    "DiagnosticReport" ["status"] [];
    "DocumentReference" ["status" "relatesTo"] [];
    "Encounter" ["status"] [];
    "EpisodeOfCare" ["status"] [];
    "ExplanationOfBenefit" ["status" "use"] ["item"];
    "FamilyMemberHistory" ["status"] [];
    "Flag" ["status"] [];
    "Goal" ["lifecycleStatus"] [];
    "ImagingStudy" ["status"] [];
    "Immunization" ["status" "isSubpotent"] [];
    "List" ["status" "mode"] [];
    "Location" ["status"] [];
    "Media" ["status"] [];
    "Medication" ["status"] [];
    "MedicationAdministration" ["status"] [];
    "MedicationDispense" ["status"] [];
    "MedicationRequest" ["status" "intent" "doNotPerform"] [];
    "MedicationStatement" ["status"] [];
    "NutritionOrder" ["status" "intent"] [];
    "Observation" ["status"] [];
    "Organization" ["active"] [];
    "Patient" ["active" "deceasedBoolean" "deceasedDateTime" "link"] [];
    "Practitioner" ["active"] [];
    "PractitionerRole" ["active"] [];
    "Procedure" ["status"] [];
    "Provenance" [] [];
    "QuestionnaireResponse" ["status"] [];
    "RelatedPerson" ["active"] [];
    "RiskAssessment" ["status"] [];
    "ServiceRequest" ["status" "intent" "doNotPerform"] [];
    "Specimen" ["status"] [];
    "SupplyDelivery" ["status"] [];
    "SupplyRequest" ["status"] [];
    "Task" ["status" "intent"] [];
    "VisionPrescription" ["status"] [];
};

/// What guards every resource and backbone element.
const ALWAYS: &[&str] = &["resourceType", "implicitRules", "modifierExtension"];

/// Cuts a body into leaves, in its own order, guards first.
pub(super) fn cut(body: &Value<'_>) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    resource(body, Vec::new(), &mut leaves);
    leaves
}

fn resource(value: &Value<'_>, path: Path, out: &mut Vec<Leaf>) {
    let listed = value
        .text_of("resourceType")
        .and_then(|kind| TABLE.iter().find(|c| c.resource == kind));
    match (listed, &value.node) {
        (Some(cut), Node::Object(members)) => object(members, cut.modifiers, cut.backbones, &path, out),
        _ => out.push(unit(path, vec![(String::new(), raw(value))])),
    }
}

type Members<'a> = [(std::borrow::Cow<'a, str>, Value<'a>)];

fn object(members: &Members<'_>, modifiers: &[&str], backbones: &[&str], path: &Path, out: &mut Vec<Leaf>) {
    let guarded = |name: &str| {
        let name = name.strip_prefix('_').unwrap_or(name);
        ALWAYS.contains(&name) || modifiers.contains(&name)
    };
    let guard = members
        .iter()
        .filter(|(name, _)| guarded(name))
        .map(|(name, value)| (name.to_string(), raw(value)))
        .collect();
    out.push(Leaf {
        path: path.clone(),
        kind: LeafKind::Guard,
        content: guard,
    });

    for (name, value) in members.iter().filter(|(name, _)| !guarded(name)) {
        let at = child(path, Step::Name(name.to_string()));
        if name
            .strip_prefix('_')
            .is_some_and(|plain| members.iter().any(|(n, _)| n == plain))
        {
            // Goes with the primitive it extends.
            continue;
        }
        let extends = members.iter().find(|(n, _)| n.strip_prefix('_') == Some(name));
        match (&value.node, extends) {
            (Node::Array(items), None) => array(name, items, backbones, &at, out),
            _ => {
                let mut content = vec![(name.to_string(), raw(value))];
                content.extend(extends.map(|(n, v)| (n.to_string(), raw(v))));
                out.push(unit(at, content));
            }
        }
    }
}

fn array(name: &str, items: &[Value<'_>], backbones: &[&str], at: &Path, out: &mut Vec<Leaf>) {
    let length = Bytes(items.len().to_string().into_bytes());
    out.push(Leaf {
        path: at.clone(),
        kind: LeafKind::ArrayLength,
        content: vec![(name.to_owned(), length)],
    });
    for (i, item) in (0u32..).zip(items) {
        let at = child(at, Step::Index(i));
        match &item.node {
            // A resource inside a resource has its own guard.
            Node::Object(_) if name == "contained" => resource(item, at, out),
            Node::Object(members) if backbones.contains(&name) => object(members, &[], &[], &at, out),
            _ => out.push(unit(at, vec![(name.to_owned(), raw(item))])),
        }
    }
}

fn child(path: &Path, step: Step) -> Path {
    let mut path = path.clone();
    path.push(step);
    path
}

fn raw(value: &Value<'_>) -> Bytes {
    value.raw.as_bytes().into()
}

fn unit(path: Path, content: Vec<(String, Bytes)>) -> Leaf {
    Leaf {
        path,
        kind: LeafKind::Unit,
        content,
    }
}
