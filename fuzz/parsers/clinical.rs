//! Every parser of the words inside the seal: what another person, or a file from anywhere,
//! may hold.

use serde::{Serialize, de::DeserializeOwned};
use telesphor_clinical::blob::PartsWord;
use telesphor_clinical::collection::{Collection, GatherWord};
use telesphor_clinical::dicom;
use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::fhir;
use telesphor_clinical::fields::path;
use telesphor_clinical::grant::SignedGrant;
use telesphor_clinical::invite::InviteLink;
use telesphor_clinical::lab::code::LabCode;
use telesphor_clinical::lab::mapping::LabMapping;
use telesphor_clinical::lab::order::SignedLabOrder;
use telesphor_clinical::lab::values::take_in;
use telesphor_clinical::lab::word::{FromLab, LabWord, ToLab};
use telesphor_clinical::mandate::SignedMandate;
use telesphor_clinical::manifest::Manifest;
use telesphor_clinical::message::{DepositEnvelope, GroupEnvelope};
use telesphor_clinical::presentation::Presentation;
use telesphor_clinical::receipt::SignedReceipt;
use telesphor_clinical::retraction::Retraction;
use telesphor_clinical::role::{RoleContent, RoleReceipt, RoleWord};
use telesphor_clinical::roster::SignedRoster;
use telesphor_clinical::rx::Prescription;
use telesphor_clinical::rx_word::{RxPaper, RxWord};
use telesphor_clinical::sdjwt::SdJwt;
use telesphor_clinical::self_entry::SelfEntry;
use telesphor_clinical::standing_in::{MandateWord, OnBehalf, SignedMandateRequest};
use telesphor_clinical::stream::SignedStreamBatch;
use telesphor_clinical::study::Study;
use telesphor_clinical::study::facts::Facts;
use telesphor_clinical::study::word::{FromStudy, StudyWord, ToStudy, Voucher};
use telesphor_clinical::team::TeamWord;
use telesphor_wire::canonical;
use telesphor_wire::jws::JwsPublic;

fn one_form<T: DeserializeOwned + Serialize>(bytes: &[u8]) {
    if let Ok(value) = canonical::decode::<T>(bytes) {
        assert_eq!(
            canonical::encode(&value),
            bytes,
            "accepted in a form that is not canonical"
        );
    }
}

/// FHIR from a file: one resource or Bundle, or one on each line.
pub fn intake(bytes: &[u8]) {
    for taken in [fhir::take_in(bytes), fhir::take_in_lines(bytes)]
        .into_iter()
        .flatten()
    {
        for proposal in &taken.taken {
            // What is taken is a piece of what came, byte for byte.
            assert!(
                bytes.windows(proposal.body.len()).any(|w| w == proposal.body),
                "bytes were changed"
            );
        }
    }
}

/// What a laboratory's system writes, what is typed off a label, and words about orders.
pub fn laboratory(bytes: &[u8]) {
    if let Ok(values) = take_in(bytes) {
        assert!(
            values.count > 0 && fhir::check(&values.body).is_ok(),
            "signed what is not FHIR"
        );
        let body = String::from_utf8_lossy(&values.body);
        for name in [
            "\"subject\":",
            "\"performer\":",
            "\"reference\":",
            "\"identifier\":",
        ] {
            assert!(!body.contains(name), "somebody could be named");
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(code) = text.parse::<LabCode>()
    {
        assert_eq!(code.to_string().parse(), Ok(code));
    }
    if let Ok(mapping) = LabMapping::from_bytes(bytes) {
        assert!(mapping.opens() && mapping.to_bytes() == bytes);
    }
    if let Ok(order) = canonical::decode::<SignedLabOrder>(bytes) {
        let _ = order.is_sound();
    }
    one_form::<SignedLabOrder>(bytes);
    one_form::<LabWord>(bytes);
    one_form::<ToLab>(bytes);
    one_form::<FromLab>(bytes);
}

/// A study, and what is said about one.
pub fn studies(bytes: &[u8]) {
    if let Ok(study) = Study::from_bytes(bytes) {
        assert!(study.fault().is_none() && study.to_bytes() == bytes);
    }
    // A record, asked for everything that a study can ask.
    let facts = Facts::of([bytes], 1_800_000_000_000);
    let _ = (facts.age(), facts.sex());
    one_form::<StudyWord>(bytes);
    one_form::<ToStudy>(bytes);
    one_form::<FromStudy>(bytes);
    one_form::<Voucher>(bytes);
}

/// An invitation as somebody pastes it.
pub fn invitation(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(link) = InviteLink::from_text(text) {
        assert!(
            InviteLink::from_text(&link.to_text()).is_ok(),
            "written in a form that is not read"
        );
    }
}

/// Parts of documents, and paths as somebody types them.
pub fn presentations(bytes: &[u8]) {
    if let Ok(presentation) = Presentation::from_bytes(bytes) {
        assert_eq!(
            presentation.to_bytes(),
            bytes,
            "accepted in a form that is not canonical"
        );
        // Whatever holds together shows the guards of the resource.
        assert!(presentation.parts.iter().any(|p| p.leaf.path.is_empty()));
        let _ = (presentation.units(), presentation.lists());
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(path) = path::parse(text)
        // What is shown escaped is not meant to be typed.
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'$')
    {
        assert_eq!(path::parse(&path::words(&path)), Ok(path));
    }
}

/// SD-JWT, as a file from anywhere.
pub fn sd_jwt(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(token) = SdJwt::parse(text) {
        assert_eq!(token.to_text(), text.trim());
        let _ = (token.header(), token.claims());
        let _ = token.verified(&JwsPublic([1; 32]), Some(("r", "q")));
    }
}

/// Documents and messages after the seal was opened.
pub fn documents(bytes: &[u8]) {
    if let Ok(document) = SignedDocument::from_bytes(bytes) {
        assert_eq!(
            document.to_bytes(),
            bytes,
            "accepted in a form that is not canonical"
        );
        let _ = (document.id(), document.verify_signature());
    }
    one_form::<GroupEnvelope>(bytes);
    one_form::<DepositEnvelope>(bytes);
    one_form::<SignedGrant>(bytes);
    one_form::<SignedMandate>(bytes);
    one_form::<SignedReceipt>(bytes);
    one_form::<Retraction>(bytes);
    one_form::<SignedStreamBatch>(bytes);
    one_form::<SelfEntry>(bytes);
    one_form::<TeamWord>(bytes);
    one_form::<MandateWord>(bytes);
    if let Ok(signed) = canonical::decode::<SignedMandateRequest>(bytes) {
        let _ = signed.request.id();
    }
    one_form::<SignedMandateRequest>(bytes);
    if let Ok(signed) = canonical::decode::<SignedReceipt>(bytes) {
        let _ = OnBehalf::of(&signed.receipt);
    }
    if let Ok(rx) = Prescription::from_bytes(bytes) {
        assert_eq!(rx.to_bytes(), bytes);
        let _ = (
            rx.due(0),
            rx.next_due(u64::MAX),
            rx.amount(rx.total),
            rx.opening(),
        );
    }
    one_form::<RxWord>(bytes);
    if let Ok(list) = Collection::from_bytes(bytes) {
        assert_eq!(list.to_bytes(), bytes);
    }
    one_form::<GatherWord>(bytes);
    if let Ok(paper) = RxPaper::from_file(bytes) {
        assert_eq!(paper.to_file(), bytes);
    }
    one_form::<RoleWord>(bytes);
    one_form::<RoleContent>(bytes);
    one_form::<RoleReceipt>(bytes);
    if let Ok(signed) = canonical::decode::<SignedRoster>(bytes) {
        assert_eq!(
            canonical::encode(&signed),
            bytes,
            "accepted in a form that is not canonical"
        );
        let person = signed.roster.entries.first().map(|e| (e.person, e.role.clone()));
        if let Some((person, role)) = person {
            let _ = signed
                .roster
                .on_duty(&person, role.as_str(), u64::MAX, u64::MAX, u64::MAX);
        }
        let _ = (signed.roster.id(), signed.roster.is_sound());
    }
}

/// What a machine signs of its files, where they lie, and what a scan says of itself.
pub fn scans(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::from_bytes(bytes) {
        assert_eq!(manifest.to_bytes(), bytes, "accepted in another form");
        for file in &manifest.files {
            assert!(file.hashes().is_ok());
        }
    }
    one_form::<PartsWord>(bytes);
    for (name, value) in dicom::facts(bytes) {
        assert!(!name.is_empty() && !value.is_empty() && value.is_ascii());
    }
}
