//! Which scopes a resource is proposed for: by its type, its category, and words of its codes.
//!
//! The words are a rough net, knotted tighter where missing something would hurt: a document
//! that wrongly counts as psychiatric is withheld and the patient is asked; one that wrongly
//! does not is shown. Only the displays and texts of codes are looked at, never names of
//! people. Bills and administrative papers get sensitive scopes only, because a share of
//! "heart" does not mean bills about the heart.

use crate::fields::json::{Node, Value};
use crate::scope::{Scope, Scopes};

/// The scope of a resource type by itself.
fn by_type(resource: &str) -> &'static str {
    match resource {
        "AllergyIntolerance" => "allergies",
        "MedicationRequest"
        | "MedicationStatement"
        | "MedicationAdministration"
        | "MedicationDispense"
        | "Medication" => "medication",
        "Immunization" | "ImmunizationEvaluation" | "ImmunizationRecommendation" => "immunizations",
        "Condition" | "ClinicalImpression" | "DetectedIssue" | "RiskAssessment" | "Flag" => "conditions",
        "Procedure" | "ServiceRequest" | "DeviceRequest" | "NutritionOrder" => "procedures",
        "DiagnosticReport" | "Specimen" => "laboratory",
        "ImagingStudy" | "Media" => "imaging",
        "CarePlan" | "CareTeam" | "Goal" | "Task" => "care-plan",
        "Encounter" | "EpisodeOfCare" | "Appointment" => "encounters",
        "Device" | "DeviceUseStatement" | "DeviceMetric" => "devices",
        "Claim"
        | "ClaimResponse"
        | "ExplanationOfBenefit"
        | "Coverage"
        | "Invoice"
        | "ChargeItem"
        | "Account"
        | "PaymentNotice"
        | "PaymentReconciliation" => "billing",
        "Patient" | "RelatedPerson" | "Practitioner" | "PractitionerRole" | "Organization" | "Location"
        | "Provenance" | "Person" | "HealthcareService" | "Endpoint" => "administrative",
        "FamilyMemberHistory" => "family-history",
        "MolecularSequence" => "genetics",
        "Consent" => "consent",
        "VisionPrescription" => "eyes",
        "Composition" | "Bundle" | "List" => "summary",
        "DocumentReference" | "Communication" | "QuestionnaireResponse" | "Questionnaire" => "notes",
        _ => "other",
    }
}

/// The scope of an Observation or report by its category code.
fn by_category(code: &str) -> Option<&'static str> {
    Some(match code {
        "vital-signs" => "vitals",
        "laboratory" | "LAB" | "CH" | "HM" | "MB" => "laboratory",
        "imaging" | "RAD" | "CT" | "RUS" => "imaging",
        "social-history" => "social",
        "survey" | "exam" | "therapy" | "activity" => "notes",
        "procedure" => "procedures",
        "GE" => "genetics",
        _ => return None,
    })
}

/// Words and beginnings of words. A text is made small, everything but letters and digits
/// becomes one space, and it is looked at with a space before and behind; so `" heart "` is a
/// whole word and `" cardi"` a beginning.
#[rustfmt::skip]
const WORDS: &[(&str, &[&str])] = &[
    ("heart", &[" heart ", " cardi", " coronary ", " myocard", " hypertens", " angina ", " atrial ",
        " ventric", " aort", " arrhythm", " tachycard", " bradycard", " electrocard", " ecg ", " ekg ",
        " troponin", " stent ", " nitroglycerin", " metoprolol", " bisoprolol", " atenolol",
        " carvedilol", " lisinopril", " enalapril", " ramipril", " losartan", " valsartan",
        " amlodipine", " clopidogrel", " warfarin", " apixaban", " verapamil", " diltiazem", " digoxin",
        " hydrochlorothiazide", " furosemide", " simvastatin", " atorvastatin", " rosuvastatin",
        " cholesterol", " hyperlipid"]),
    ("psychiatry", &[" psych", " depress", " anxi", " bipolar ", " schizo", " suicid", " mania ",
        " manic ", " mental ", " mood ", " panic ", " ptsd ", " post traumatic stress",
        " posttraumatic stress", " phq ", " phq2 ", " phq9 ", " gad 7 ", " autis", " adhd ",
        " attention deficit", " eating disorder", " anorexia nervosa", " bulimi", " self harm",
        " obsessive compulsive", " personality disorder", " lithium", " sertraline", " fluoxetine",
        " citalopram", " escitalopram", " paroxetine", " venlafaxine", " duloxetine", " mirtazapine",
        " bupropion", " quetiapine", " olanzapine", " risperidone", " aripiprazole", " haloperidol",
        " clozapine", " methylphenidate", " alprazolam", " lorazepam", " stress "]),
    ("substance-use", &[" alcohol", " opioid", " opiate", " cocaine", " cannabis", " heroin",
        " amphetamine", " substance ", " drug abuse", " drug use", " drug misuse", " misuses drugs",
        " addict", " overdose", " methadone", " buprenorphine", " naltrexone", " disulfiram",
        " dast 10 ", " audit c "]),
    ("sexual-health", &[" hiv ", " human immunodeficiency", " chlamydi", " gonorrh", " syphil",
        " genital herpes", " sexually transmitted", " sexual", " contracept", " std ", " hpv ",
        " condom"]),
    ("reproductive", &[" pregnan", " abortion", " miscarr", " infertil", " fertility", " antenatal",
        " prenatal", " obstet", " childbirth", " contracept", " menstr", " menopaus", " sterilization",
        " sterilisation", " fetal ", " fetus", " intrauterine", " gynecolog", " gynaecolog",
        " eclampsia", " preeclampsia"]),
    ("genetics", &[" genetic", " genom", " brca", " karyotyp", " chromosom", " hereditary", " gene "]),
    ("violence", &[" intimate partner", " domestic violence", " violence", " assault", " abuse of ",
        " victim"]),
    ("respiratory", &[" asthma", " copd ", " bronch", " pulmon", " pneumon", " respirat", " lung ",
        " emphysema", " albuterol", " salbutamol", " fluticasone", " budesonide", " sinusit",
        " pharyngit", " oxygen saturation"]),
    ("diabetes", &[" diabet", " prediabet", " insulin", " metformin", " a1c ", " glucose", " hyperglyc",
        " hypoglyc"]),
    ("kidney", &[" renal ", " kidney", " nephr", " dialysis", " creatinine", " glomerular"]),
    ("neurology", &[" stroke", " seizure", " epilep", " migraine", " neuro", " parkinson", " dementia",
        " alzheimer", " concussion", " multiple sclerosis"]),
    ("oncology", &[" cancer", " carcinoma", " neoplas", " tumor", " tumour", " malignan", " chemother",
        " leukemia", " leukaemia", " lymphoma", " metasta", " radiotherap"]),
    ("musculoskeletal", &[" fractur", " sprain", " arthr", " osteo", " knee ", " hip ", " spine ",
        " spinal ", " back pain", " ankle", " wrist", " rheum", " muscul", " tendon", " ligament",
        " gout "]),
    ("infectious", &[" infect", " covid", " sars cov", " influenza", " sepsis", " tubercul", " viral ",
        " bacteri", " hepatitis", " streptococc"]),
    ("eyes", &[" eye ", " ophthalm", " retin", " glaucoma", " cataract", " visual acuity"]),
    ("teeth", &[" dental ", " tooth ", " teeth ", " dentist", " gingiv"]),
    ("surgery", &[" surg", " appendectom", " postoperative", " anesthe", " anaesthe"]),
];

/// Phrases that contain a listed word and mean something else; they are taken out first.
#[rustfmt::skip]
const NOT_MEANT: &[&str] = &[
    " st depression ", " st segment depression ", " respiratory depression ", " bone marrow depression ",
    " psychology department ", " stress test ", " stress echo", " stress fracture",
    " no known drug abuse ", " sexual orientation ", " heart of ",
];

/// Elements whose codes are looked at.
#[rustfmt::skip]
const CODED: &[&str] = &[
    "code", "category", "type", "reasonCode", "reason", "medicationCodeableConcept",
    "medicationReference", "vaccineCode", "valueCodeableConcept", "valueString", "conclusion",
    "conclusionCode", "bodySite", "component", "diagnosis", "item", "procedure", "serviceType", "class",
    "title", "section", "activity", "description", "contained", "reaction", "substance", "condition",
    "addresses", "indication", "complication", "detail", "subjectOf", "interpretation", "modality",
    "series", "orderDetail", "target", "topic", "name",
];

/// Scopes and the sensitive ones among them.
pub(super) fn scopes(resource: &str, value: &Value<'_>) -> (Scopes, Scopes) {
    let mut scopes = Scopes::none();
    let base = by_type(resource);
    let mut categorised = false;
    for code in category_codes(value) {
        if let Some(scope) = by_category(code) {
            categorised |= scopes.insert(Scope::standard(scope));
        }
    }
    // An Observation without category is a note; a report without one counts as laboratory.
    match (resource, categorised) {
        ("Observation", false) => scopes.insert(Scope::standard("notes")),
        ("Observation" | "DiagnosticReport", true) => true,
        _ => scopes.insert(Scope::standard(base)),
    };

    let mut text = String::from(" ");
    // The name of a person or place says nothing of an illness.
    let named = matches!(base, "administrative");
    for element in CODED.iter().filter(|e| !(named && **e == "name")) {
        if let Some(part) = value.get(element) {
            collect(part, &mut text, 0);
        }
    }
    for phrase in NOT_MEANT {
        text = text.replace(phrase, " ");
    }
    let papers = matches!(base, "billing" | "administrative");
    for (scope, words) in WORDS {
        let scope = Scope::standard(scope);
        let plain = !papers && base != "immunizations";
        if (scope.is_sensitive() || plain) && words.iter().any(|w| text.contains(w)) {
            scopes.insert(scope);
        }
    }
    let sensitive = scopes.iter().filter(|s| s.is_sensitive()).cloned().collect();
    (scopes, sensitive)
}

fn category_codes<'v>(value: &'v Value<'_>) -> impl Iterator<Item = &'v str> {
    let categories = value.get("category").map_or(&[][..], Value::items);
    categories
        .iter()
        .flat_map(|c| c.get("coding").map_or(&[][..], Value::items))
        .filter_map(|coding| coding.text_of("code"))
}

/// Appends the words of every `display`, `text` and plain string below a coded element.
fn collect(value: &Value<'_>, out: &mut String, depth: usize) {
    match &value.node {
        Node::String(text) if depth == 0 => words(text, out),
        Node::Array(items) => items.iter().for_each(|item| collect(item, out, depth)),
        Node::Object(members) => {
            for (name, member) in members {
                match (name.as_ref(), &member.node) {
                    ("display" | "text" | "title" | "description" | "valueString", Node::String(text)) => {
                        words(text, out);
                    }
                    // Who did it, and where, is not what it is about.
                    (
                        "performer" | "author" | "actor" | "requester" | "provider" | "member" | "location",
                        _,
                    ) => {}
                    _ => collect(member, out, depth + 1),
                }
            }
        }
        _ => {}
    }
}

fn words(text: &str, out: &mut String) {
    for c in text.chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    if !out.ends_with(' ') {
        out.push(' ');
    }
}
