//! The tables: how FHIR R4 resources are cut into units and guards.
//!
//! A unit is a whole top-level element (of an array: one element of it), so a Quantity, a
//! CodeableConcept, a Dosage or a Period is never taken apart. Guards hold what R4 marks
//! `isModifier` (hl7.org/fhir/R4, "Is Modifier" in each resource's definitions), and
//! `intent` and `use` of requests and claims, `active` of people, and what a file replaces. A resource type that is not listed is one unit.
//!
//! Tables are frozen: a document says by number which table cut it, and a better one gets
//! a new number. Table 2 is table 1 with more types, and with Bundles cut into the resources of
//! their entries, each of which keeps its own guard.

use telesphor_wire::bytes::Bytes;

use super::json::{Node, Value};
use super::{Leaf, LeafKind, Path, Step};

/// The first table.
pub const FHIR_R4: u16 = 1;
/// The table by which documents are cut from now on.
pub const FHIR_R4_BUNDLES: u16 = 2;
/// Every table that is read here.
pub const TABLES: [u16; 2] = [FHIR_R4, FHIR_R4_BUNDLES];

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

/// What table 2 has beside table 1. In `entry` of a Bundle, what is asked to be done with a
/// resource (`request`) guards it, and the resource is cut by its own type.
const MORE: &[Cut] = table! {
    "Account" ["status"] [];
    "AdverseEvent" ["actuality"] [];
    "AppointmentResponse" ["participantStatus"] [];
    "Basic" ["code"] [];
    "BodyStructure" ["active"] [];
    "Bundle" ["type"] ["entry"];
    "ChargeItem" ["status"] [];
    "ClaimResponse" ["status" "use" "outcome"] ["item"];
    "CoverageEligibilityRequest" ["status"] [];
    "CoverageEligibilityResponse" ["status" "outcome"] [];
    "DocumentManifest" ["status"] [];
    "GuidanceResponse" ["status"] [];
    "HealthcareService" ["active"] [];
    "ImmunizationEvaluation" ["status" "doseStatus"] [];
    "ImmunizationRecommendation" [] [];
    "Invoice" ["status"] [];
    "Linkage" ["active"] [];
    "MeasureReport" ["status" "improvementNotation"] [];
    "MedicationKnowledge" ["status"] [];
    "PaymentNotice" ["status"] [];
    "PaymentReconciliation" ["status" "outcome"] [];
    "Person" ["active"] [];
    "RequestGroup" ["status" "intent"] [];
    "ResearchSubject" ["status"] [];
    "Schedule" ["active"] [];
    "Slot" ["status"] [];
    "Substance" ["status"] [];
};

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

/// What guards an entry of a Bundle.
const ENTRY: &[&str] = &["request"];

/// Cuts a body into leaves, in its own order, guards first; none if the table is not known.
pub(super) fn cut(body: &Value<'_>, table: u16) -> Option<Vec<Leaf>> {
    let mut leaves = Vec::new();
    let tables: &[&[Cut]] = match table {
        FHIR_R4 => &[TABLE],
        FHIR_R4_BUNDLES => &[TABLE, MORE],
        _ => return None,
    };
    let mut knife = Knife {
        tables,
        leaves: &mut leaves,
    };
    knife.resource(body, Vec::new());
    Some(leaves)
}

type Members<'a> = [(std::borrow::Cow<'a, str>, Value<'a>)];

struct Knife<'o> {
    tables: &'static [&'static [Cut]],
    leaves: &'o mut Vec<Leaf>,
}

/// What an object is cut by.
#[derive(Clone, Copy)]
struct By {
    modifiers: &'static [&'static str],
    backbones: &'static [&'static str],
    /// A member that is a resource itself.
    nested: Option<&'static str>,
}

impl Knife<'_> {
    fn resource(&mut self, value: &Value<'_>, path: Path) {
        let listed = value.text_of("resourceType").and_then(|kind| {
            let mut rows = self.tables.iter().copied().flatten();
            rows.find(|c| c.resource == kind)
        });
        match (listed, &value.node) {
            (Some(cut), Node::Object(members)) => {
                let by = By {
                    modifiers: cut.modifiers,
                    backbones: cut.backbones,
                    nested: None,
                };
                self.object(members, by, cut.resource, &path);
            }
            _ => self.leaves.push(unit(path, vec![(String::new(), raw(value))])),
        }
    }

    fn object(&mut self, members: &Members<'_>, by: By, resource: &str, path: &Path) {
        let guarded = |name: &str| {
            let name = name.strip_prefix('_').unwrap_or(name);
            ALWAYS.contains(&name) || by.modifiers.contains(&name)
        };
        let guard = members
            .iter()
            .filter(|(name, _)| guarded(name))
            .map(|(name, value)| (name.to_string(), raw(value)))
            .collect();
        self.leaves.push(Leaf {
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
                (Node::Array(items), None) => self.array(name, items, by, resource, &at),
                (Node::Object(_), None) if by.nested == Some(name) => self.resource(value, at),
                _ => {
                    let mut content = vec![(name.to_string(), raw(value))];
                    content.extend(extends.map(|(n, v)| (n.to_string(), raw(v))));
                    self.leaves.push(unit(at, content));
                }
            }
        }
    }

    fn array(&mut self, name: &str, items: &[Value<'_>], by: By, resource: &str, at: &Path) {
        let length = Bytes(items.len().to_string().into_bytes());
        self.leaves.push(Leaf {
            path: at.clone(),
            kind: LeafKind::ArrayLength,
            content: vec![(name.to_owned(), length)],
        });
        let bundle = resource == "Bundle";
        let inner = By {
            modifiers: if bundle { ENTRY } else { &[] },
            backbones: &[],
            nested: bundle.then_some("resource"),
        };
        for (i, item) in (0u32..).zip(items) {
            let at = child(at, Step::Index(i));
            match &item.node {
                // A resource inside a resource has its own guard.
                Node::Object(_) if name == "contained" => self.resource(item, at),
                Node::Object(members) if by.backbones.contains(&name) => {
                    self.object(members, inner, "", &at);
                }
                _ => self.leaves.push(unit(at, vec![(name.to_owned(), raw(item))])),
            }
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
