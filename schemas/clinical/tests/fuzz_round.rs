//! The fuzz targets' functions for this crate, run for a short and always equal round.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

#[path = "../../../fuzz/parsers/clinical.rs"]
mod clinical;
#[path = "../../../fuzz/parsers/mutate.rs"]
mod mutate;

use telesphor_clinical::blob::{BlobRef, PartsWord};
use telesphor_clinical::document::{SignOptions, SignedDocument, Signer};
use telesphor_clinical::fields::{leaves, path};
use telesphor_clinical::header::{DocumentKind, Header};
use telesphor_clinical::instant::Instant;
use telesphor_clinical::invite::InviteLink;
use telesphor_clinical::lab::code::LabCode;
use telesphor_clinical::lab::mapping::LabMapping;
use telesphor_clinical::lab::order::order_id;
use telesphor_clinical::lab::word::{FromLab, LabAsk, LabWord};
use telesphor_clinical::manifest::{Fact, Manifest, ManifestFile, hash_all};
use telesphor_clinical::presentation::{Audience, Nonce as Asked, Shower, ToShow, present};
use telesphor_clinical::receipt::{OpeningReceipt, ReceiptKind, SignedReceipt};
use telesphor_clinical::role::{RoleCopy, RoleKey, RoleLetter, RoleStep, RoleWant, RoleWord, SignedRoleKey};
use telesphor_clinical::roster::{Roster, RosterEntry, RosterSource, SignedRoster};
use telesphor_clinical::sdjwt::{SignedBy, Terms, issue};
use telesphor_clinical::standing_in::{
    LogEntry, MandateAsk, MandateLog, MandateRequest, MandateWord, OnBehalf, RevokeAsk, SignedMandateRequest,
};
use telesphor_clinical::study::ask::{Criterion, Field, FieldKind, Parts, Pick};
use telesphor_clinical::study::word::{SignedStudyLeave, StudyLeave, ToStudy};
use telesphor_clinical::study::{Study, StudyDates, StudyDesk, Told};
use telesphor_clinical::team::{TeamAsk, TeamAsks, TeamBasis, TeamWord};
use telesphor_clinical::text::Text;
use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId, Nonce};
use telesphor_wire::jws::JwsKey;
use telesphor_wire::labels::HpkeLabel;
use telesphor_wire::seal::{SealingKey, seal_to};
use telesphor_wire::sign::SigningKey;

const RESOURCE: &str = r#"{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org",
"code":"8867-4","display":"Heart rate"}]},"valueQuantity":{"value":6.30e1,"unit":"/min"},"effectiveDateTime":"2026-11-20T12:00:00+02:00",
"note":[{"text":"\u00e4\ud83d\ude00 \\ \" end"}],"component":[{"code":{"text":"a"},"valueQuantity":{"value":-0.0}},
{"code":{"text":"b"},"valueBoolean":false,"extension":[{"url":"u","valueDecimal":1E-2}]}]}"#;

fn bundle() -> String {
    format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{RESOURCE}}},{{"fullUrl":"urn:x"}}]}}"#
    )
}

#[test]
fn mutated_files_break_the_intake() {
    let corpus = [
        RESOURCE.to_owned(),
        bundle(),
        format!("{0}\n\n{0}\n", RESOURCE.replace('\n', "")),
    ];
    let corpus: Vec<Vec<u8>> = corpus.into_iter().map(String::into_bytes).collect();
    mutate::round(&corpus, 4_000, clinical::intake);
}

#[test]
fn mutated_parts_break_a_verifier() {
    let key = SigningKey::from_seed(&Secret::new([3; 32]));
    let signer = Signer {
        key: &key,
        author_head: Digest([4; 32]),
    };
    let at = Instant::from_fhir("2026-11-20T12:00:00+02:00").unwrap();
    let format = Text::from("application/fhir+json");
    let header = Header::new(
        DocumentKind::Note,
        format,
        Text::from("A note"),
        IdentityId([5; 32]),
        at.clone(),
    );
    let options = SignOptions {
        seed: Some(Secret::new([6; 32])),
        ..SignOptions::default()
    };
    let document = SignedDocument::sign(header, RESOURCE.as_bytes().to_vec(), &signer, options).unwrap();
    let shower = Shower {
        key: &key,
        identity: IdentityId([5; 32]),
        head: Digest([4; 32]),
    };
    let mut corpus: Vec<Vec<u8>> = [&["code"][..], &["note", "component[0]"], &["$"]]
        .iter()
        .map(|paths| {
            let wanted: Vec<_> = paths.iter().map(|p| path::parse(p).unwrap()).collect();
            let show = ToShow {
                wanted: &wanted,
                audience: Audience::Identity(IdentityId([9; 32])),
                nonce: Asked::Asked(Text::from("q")),
                date: at.clone(),
                sender: None,
            };
            present(&document, &shower, show).unwrap().to_bytes()
        })
        .collect();
    for presentation in &corpus {
        clinical::presentations(presentation);
    }
    corpus.push(b"entry[3].resource.note[1]".to_vec());
    mutate::round(&corpus, 4_000, clinical::presentations);
}

#[test]
fn mutated_tokens_break_a_reader() {
    let all = leaves(RESOURCE.as_bytes(), 2).unwrap();
    let chosen = all.iter().map(|leaf| leaf.path.clone()).collect();
    let terms = Terms {
        by: SignedBy::Holder,
        issuer: IdentityId([1; 32]),
        author: IdentityId([2; 32]),
        at: 1,
        bound: Some(("r", "q")),
    };
    let key = JwsKey::from_seed(&Secret::new([3; 32]));
    let token = issue(&all, &chosen, &terms, &key).token.to_text();
    mutate::round(&[token.into_bytes()], 1_000, clinical::sd_jwt);
}

#[test]
fn mutated_results_and_words_of_a_laboratory_break_a_reader() {
    let message = "MSH|^~\\&|L|L|E|E|20261120140551+0200||ORU^R01|1|T|2.5\rPID|1||X||Y^Z\rOBR|1|7K3M9PX24QC|R|57021-8^CBC^LN|||20261120080000\r\
OBX|1|NM|718-7^Hb^LN||12.5|g/dL^g^UCUM|13 to 18|L~HH|||F\rNTE|1||a \\T\\ b\rOBX|2|SN|1-8^L^LN||>^105|/uL||H|||F|||20261120\rOBX|3|CE|883-9^ABO^LN||A^B^L||||||C\r";
    let salt = Nonce([1; 32]);
    let people = [IdentityId([2; 32]), IdentityId([3; 32])];
    let tests = vec![telesphor_clinical::lab::catalogue::test("hba1c")];
    let mapping = LabMapping {
        version: 1,
        order: order_id(&salt, &people[0], &people[1], &tests),
        salt,
        patient: people[0],
        doctor: people[1],
        tests,
        laboratory: IdentityId([4; 32]),
        laboratory_name: Text::from("Acme"),
        tube: "2222-2222-222".parse().unwrap(),
        form: LabCode::random(),
        ext: Extensions::none(),
    };
    let ask = LabWord::AskPass(LabAsk {
        laboratory: IdentityId([4; 32]),
    });
    let corpus = [
        message.as_bytes().to_vec(),
        RESOURCE.as_bytes().to_vec(),
        bundle().into_bytes(),
        b"2222-2222-222".to_vec(),
        mapping.to_bytes(),
        canonical::encode(&ask),
        canonical::encode(&FromLab::Evidence(vec![1; 16].into())),
    ];
    for one in &corpus {
        clinical::laboratory(one);
    }
    mutate::round(&corpus, 4_000, clinical::laboratory);
}

#[test]
fn mutated_studies_and_words_about_them_break_a_reader() {
    let text = |t: &'static str| Text::from(t);
    let pick = Pick {
        resource: text("Observation"),
        system: None,
        code: Some(text("4548-4")),
    };
    let study = Study {
        version: 1,
        nonce: Nonce([1; 32]),
        name: text("s"),
        purpose: text("p"),
        approval: text("1"),
        told: vec![Told {
            language: text("en"),
            words: text("w"),
        }],
        criteria: vec![Criterion::Has(pick.clone())],
        fields: vec![Field {
            name: text("f"),
            kind: FieldKind::Parts(Parts {
                pick,
                elements: vec![text("valueQuantity")],
                newest: 1,
            }),
        }],
        dates: StudyDates::Month,
        until: 1_900_000_000_000,
        min_cell: 3,
        payout: None,
        desk: StudyDesk {
            domain: "st-marien.example".parse().unwrap(),
            mailbox: MailboxId([2; 32]),
            deposit_seed: Secret::new([3; 32]),
            key: SealingKey::generate().public(),
        },
        sums: Vec::new(),
        adders: Vec::new(),
        trial: false,
        ext: Extensions::none(),
    };
    assert_eq!(study.fault(), None);
    let leave = StudyLeave {
        version: 1,
        study: DocumentId([4; 32]),
        key: SigningKey::generate().public(),
        ext: Extensions::none(),
    };
    let signature = SigningKey::generate().sign(&leave);
    let leave = ToStudy::Leave(Box::new(SignedStudyLeave { leave, signature }));
    let corpus = [
        study.to_bytes(),
        canonical::encode(&leave),
        RESOURCE.as_bytes().to_vec(),
        bundle().into_bytes(),
    ];
    for one in &corpus {
        clinical::studies(one);
    }
    mutate::round(&corpus, 4_000, clinical::studies);
}

#[test]
fn mutated_links_break_the_invitation() {
    let domain = "st-marien.example".parse().unwrap();
    let (link, _) = InviteLink::create(domain, IdentityId([1; 32]), MailboxId([2; 32]), 1_800_000_000_000);
    let corpus = [
        link.to_text(),
        link.to_web_address("https://st-marien.example/join"),
    ];
    let corpus: Vec<Vec<u8>> = corpus.into_iter().map(String::into_bytes).collect();
    mutate::round(&corpus, 4_000, clinical::invitation);
}

#[test]
fn mutated_documents_break_a_reader() {
    let key = SigningKey::from_seed(&Secret::new([3; 32]));
    let signer = Signer {
        key: &key,
        author_head: Digest([4; 32]),
    };
    let sign = |format: &'static str, body: &str| {
        let recorded = Instant::from_fhir("2026-11-20T12:00:00+02:00").unwrap();
        let header = Header::new(
            DocumentKind::Note,
            Text::from(format),
            Text::from("A note"),
            IdentityId([5; 32]),
            recorded,
        );
        let options = SignOptions {
            seed: Some(Secret::new([6; 32])),
            ..SignOptions::default()
        };
        SignedDocument::sign(header, body.as_bytes().to_vec(), &signer, options)
            .unwrap()
            .to_bytes()
    };
    let corpus = vec![
        sign("text/plain", "words"),
        sign("application/fhir+json", &RESOURCE.replace('\n', "")),
    ];
    mutate::round(&corpus, 4_000, clinical::documents);
}

#[test]
fn mutated_lists_of_files_break_a_reader() {
    let hashes = hash_all([&[7u8; 300_000][..]].into_iter()).unwrap();
    let fact = Fact {
        name: Text::from("modality"),
        value: Text::from("CT"),
    };
    let manifest = Manifest::of(vec![ManifestFile::of(&hashes, vec![fact])]);
    let word = PartsWord {
        document: DocumentId([1; 32]),
        at: vec![BlobRef {
            address: Digest([2; 32]),
            length: 327_680,
            key: Secret::new([3; 32]),
        }],
        ext: Extensions::none(),
    };
    let mut scan = [
        vec![0; 128],
        b"DICM\x02\0\x10\0UI\x14\x001.2.840.10008.1.2.1\0".to_vec(),
    ]
    .concat();
    scan.extend(b"\x08\0\x60\0CS\x02\0CT\x20\0\x0d\0UI\x04\x001.2\0");
    let corpus = [manifest.to_bytes(), canonical::encode(&word), scan];
    mutate::round(&corpus, 4_000, clinical::scans);
}

#[test]
fn mutated_rosters_and_words_about_teams_break_a_reader() {
    let key = SigningKey::from_seed(&Secret::new([3; 32]));
    let at = Instant::from_fhir("2026-11-20T12:00:00+02:00").unwrap();
    let roster = Roster {
        version: 1,
        organisation: IdentityId([5; 32]),
        head: Digest([4; 32]),
        endpoint: key.public(),
        edition: 7,
        issued: at.clone(),
        until: at.clone(),
        entries: vec![RosterEntry {
            person: IdentityId([6; 32]),
            name: Text::from("Maria"),
            role: Text::from("nurse"),
            place: Text::from("ward-4b"),
            from: at.clone(),
            until: at.clone(),
            source: RosterSource::Shift,
            approved_by: None,
        }],
        ext: Extensions::none(),
    };
    let signed = SignedRoster {
        signature: key.sign(&roster),
        roster,
    };
    let ask = TeamAsk {
        mailbox: MailboxId([1; 32]),
        person: IdentityId([6; 32]),
        endpoint: key.public(),
        package: vec![1; 64].into(),
        secret: Secret::new([2; 32]),
        again: false,
        proofs: vec![2; 16].into(),
    };
    let basis = TeamBasis {
        roster: signed.clone(),
        proofs: vec![vec![3; 16].into()],
        barred: vec![IdentityId([7; 32])],
    };
    let words = [
        TeamWord::Roster(Box::new(signed.clone())),
        TeamWord::Asks(Box::new(TeamAsks { asks: vec![ask] })),
        TeamWord::Basis(Box::new(basis)),
        TeamWord::Barred(IdentityId([8; 32])),
    ];
    let mut corpus: Vec<Vec<u8>> = words.iter().map(canonical::encode).collect();
    corpus.push(canonical::encode(&signed));
    mutate::round(&corpus, 4_000, clinical::documents);
}

#[test]
fn mutated_words_under_a_mandate_break_a_reader() {
    let key = SigningKey::from_seed(&Secret::new([3; 32]));
    let at = Instant::from_fhir("2026-11-20T12:00:00+02:00").unwrap();
    let on_behalf = OnBehalf {
        subject: IdentityId([1; 32]),
        mandate: Digest([2; 32]),
    };
    let receipt = OpeningReceipt {
        document: DocumentId([4; 32]),
        kind: ReceiptKind::Opened,
        person: None,
        place: IdentityId([5; 32]),
        place_head: Digest([6; 32]),
        at_endpoint: key.public(),
        presence: None,
        at: at.clone(),
        purpose: None,
        words: None,
        ext: Extensions::none().with(on_behalf.extension()),
    };
    let signed = SignedReceipt {
        signature: key.sign(&receipt),
        receipt,
        staff: None,
    };
    let request = MandateRequest {
        version: 1,
        subject: IdentityId([1; 32]),
        by: IdentityId([5; 32]),
        head: Digest([6; 32]),
        endpoint: key.public(),
        mandate: Digest([2; 32]),
        ask: MandateAsk::Revoke(RevokeAsk {
            to: IdentityId([7; 32]),
            scopes: ["heart".parse().unwrap()].into_iter().collect(),
            documents: vec![DocumentId([4; 32])],
        }),
        at: at.clone(),
        not_after: 1_800_000_000_000,
        random: Digest([8; 32]),
        ext: Extensions::none(),
    };
    let request = SignedMandateRequest {
        signature: key.sign(&request),
        request,
    };
    let log = MandateLog {
        mandate: Digest([2; 32]),
        lines: vec![LogEntry {
            at: 1,
            who: None,
            name: Text::from("Dr Virtanen"),
            what: Text::from("opened"),
            words: Text::from("opened by Dr Virtanen"),
            document: DocumentId([4; 32]),
        }],
    };
    let words = [
        MandateWord::Log(log),
        MandateWord::Request(Box::new(request.clone())),
        MandateWord::Read(Box::new(signed.clone())),
    ];
    let mut corpus: Vec<Vec<u8>> = words.iter().map(canonical::encode).collect();
    corpus.push(canonical::encode(&request));
    corpus.push(canonical::encode(&signed));
    mutate::round(&corpus, 4_000, clinical::documents);
}

#[test]
fn mutated_words_about_letters_to_roles_break_a_reader() {
    let key = SigningKey::from_seed(&Secret::new([3; 32]));
    let at = Instant::from_fhir("2026-11-20T12:00:00+02:00").unwrap();
    let sealing = SealingKey::from_seed(Secret::new([4; 32])).public();
    let statement = RoleKey {
        version: 1,
        organisation: IdentityId([5; 32]),
        person: IdentityId([6; 32]),
        head: Digest([7; 32]),
        endpoint: key.public(),
        key: sealing.clone(),
        made: at.clone(),
        ext: Extensions::none(),
    };
    let signed = SignedRoleKey {
        signature: key.sign(&statement),
        key: statement,
    };
    let want = RoleWant {
        letter: Digest([8; 32]),
        keys: vec![signed.clone()],
        proofs: vec![vec![3; 16].into()],
    };
    let letter = RoleLetter {
        version: 1,
        letter: Digest([8; 32]),
        organisation: IdentityId([5; 32]),
        from: IdentityId([9; 32]),
        name: Text::from("Dr Virtanen"),
        steps: vec![RoleStep {
            role: Text::from("cardiology-oncall"),
            identity: IdentityId([10; 32]),
            by: Some(at),
        }],
        at: 0,
        follows: Some(Digest([11; 32])),
        sealed: vec![1; 64].into(),
        copies: vec![RoleCopy {
            person: IdentityId([6; 32]),
            endpoint: key.public(),
            key: seal_to(&sealing, HpkeLabel::Role, b"for", &[12; 32]).unwrap(),
        }],
        ext: Extensions::none(),
    };
    let words = [
        RoleWord::Key(Box::new(signed)),
        RoleWord::Want(Box::new(want)),
        RoleWord::Letter(Box::new(letter)),
    ];
    let corpus: Vec<Vec<u8>> = words.iter().map(canonical::encode).collect();
    mutate::round(&corpus, 2_000, clinical::documents);
}
