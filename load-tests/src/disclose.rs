//! Parts of a document: signing a Bundle of 1 MiB, showing some of it, and checking that.
//!
//! Beside it in the same run what any program would do with such a file without parts: read the
//! JSON, hash it, sign and check the hash.

use std::hint::black_box;
use std::time::{Duration, Instant as Clock};

use telesphor_clinical::document::{FHIR_JSON, SignOptions, SignedDocument, Signer};
use telesphor_clinical::fhir;
use telesphor_clinical::fields::path;
use telesphor_clinical::header::{DocumentKind, Header};
use telesphor_clinical::instant::{self, Instant};
use telesphor_clinical::presentation::{Audience, Nonce, Presentation, Shower, ToShow, present};
use telesphor_clinical::text::Text;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::SigningKey;

use crate::error::{Result, odd};
use crate::report::Report;

const SIZE: usize = 1024 * 1024;

/// Resources as hospitals write them, until the Bundle has its size.
fn bundle() -> String {
    let mut bundle = String::from(r#"{"resourceType":"Bundle","type":"collection","entry":["#);
    let mut n = 0u32;
    while bundle.len() < SIZE {
        if n > 0 {
            bundle.push(',');
        }
        bundle.push_str(&format!(
            r#"{{"fullUrl":"urn:uuid:00000000-0000-4000-8000-{n:012}","resource":{{"resourceType":"Observation","id":"o{n}",
"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"vital-signs"}}]}}],
"code":{{"coding":[{{"system":"http://loinc.org","code":"85354-9","display":"Blood pressure panel with all children optional"}}],"text":"Blood pressure systolic and diastolic"}},
"subject":{{"reference":"urn:uuid:b3c0a3a1-0000-4000-8000-000000000001"}},"encounter":{{"reference":"urn:uuid:b3c0a3a1-0000-4000-8000-{n:012}"}},
"effectiveDateTime":"2026-11-20T12:00:00.000+02:00","issued":"2026-11-20T12:00:00.123+02:00",
"component":[{{"code":{{"coding":[{{"system":"http://loinc.org","code":"8462-4","display":"Diastolic Blood Pressure"}}]}},"valueQuantity":{{"value":7{n}.10,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}}},
{{"code":{{"coding":[{{"system":"http://loinc.org","code":"8480-6","display":"Systolic Blood Pressure"}}]}},"valueQuantity":{{"value":1{n}.00,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}}}]}}}}"#
        ));
        n += 1;
    }
    bundle.push_str("]}");
    bundle
}

/// The middle one of several rounds, milliseconds.
fn middle(rounds: u32, mut f: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut took = Vec::new();
    for _ in 0..rounds {
        let begun = Clock::now();
        f()?;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    let middle = took.get(took.len() / 2).copied().unwrap_or(Duration::ZERO);
    Ok(middle.as_secs_f64() * 1000.0)
}

/// Runs the scenario.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    const ROUNDS: u32 = 11;
    report.section("Parts: a FHIR Bundle of 1 MiB, signed, shown in part, checked; one thread, middle of 11");
    let body = bundle();
    let key = SigningKey::generate();
    let holder = SigningKey::generate();
    let signer = Signer {
        key: &key,
        author_head: Digest([1; 32]),
    };
    let now = Instant::now_of(1_795_176_000_000, 0, instant::Clock::Device);
    let header = Header::new(
        DocumentKind::Summary,
        Text::from(FHIR_JSON),
        Text::from("record"),
        IdentityId([2; 32]),
        now.clone(),
    );
    let options = SignOptions {
        holder: Some(holder.public()),
        ..SignOptions::default()
    };
    let sign_it = || {
        SignedDocument::sign(
            header.clone(),
            body.clone().into_bytes(),
            &signer,
            options.clone(),
        )
    };
    let document = sign_it().map_err(odd)?;
    let bytes = document.to_bytes();
    let wanted: Vec<_> = [
        "entry[7].resource.code",
        "entry[7].resource.component",
        "entry[90].resource.effectiveDateTime",
    ]
    .iter()
    .map(|text| path::parse(text))
    .collect::<std::result::Result<_, _>>()
    .map_err(odd)?;
    let shower = Shower {
        key: &holder,
        identity: IdentityId([3; 32]),
        head: Digest([4; 32]),
    };
    let show_it = || {
        let show = ToShow {
            wanted: &wanted,
            audience: Audience::Identity(IdentityId([5; 32])),
            nonce: Nonce::Own(Digest([6; 32])),
            date: now.clone(),
            sender: None,
        };
        present(&document, &shower, show)
    };
    let shown = show_it().map_err(odd)?.to_bytes();

    let judged = middle(ROUNDS, || fhir::check(black_box(body.as_bytes())).map_err(odd))?;
    let signed = middle(ROUNDS, || sign_it().map(|d| _ = black_box(d)).map_err(odd))?;
    let read = middle(ROUNDS, || {
        let document = SignedDocument::from_bytes(black_box(&bytes)).map_err(odd)?;
        document.verify_signature().map_err(odd)
    })?;
    let made = middle(ROUNDS, || show_it().map(|p| _ = black_box(p)).map_err(odd))?;
    let checked = middle(ROUNDS, || {
        let p = Presentation::from_bytes(black_box(&shown)).map_err(odd)?;
        p.statement
            .endpoint
            .verify(&p.statement, &p.signature)
            .map_err(odd)
    })?;
    let plain = middle(ROUNDS, || {
        let value: serde_json::Value = serde_json::from_slice(black_box(body.as_bytes())).map_err(odd)?;
        black_box(&value);
        black_box(blake3::hash(body.as_bytes()));
        Ok(())
    })?;

    let parts = document.leaves().map_err(odd)?.len();
    report.figure("parts of the document", parts as f64, "");
    report.figure("shown: bytes of the presentation", shown.len() as f64, "B");
    report.figure("is it FHIR", judged, "ms");
    report.figure("sign with the tree", signed, "ms");
    report.figure("read whole: tree anew, signature", read, "ms");
    report.figure("show parts of two resources", made, "ms");
    report.figure("check what is shown", checked, "ms");
    report.figure("for comparison: read the JSON and hash it", plain, "ms");
    report.figure(
        "sign + show + check, against reading and hashing",
        (signed + made + checked) / plain,
        "x",
    );
    report.at_most(
        "sign + show + check of 1 MiB",
        signed + made + checked,
        1000.0,
        "ms",
    );
    Ok(())
}
