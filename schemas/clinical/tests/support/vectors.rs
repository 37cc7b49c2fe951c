//! Frozen bytes and hashes of what travels inside the seal: `schemas/vectors/documents.json`.
//! Another client can be built against them; a change here breaks every signed document.

mod parts;
pub mod scans;

use serde_json::{Map, Value, json};
use std::path::PathBuf;
use telesphor_clinical::blob::Carried;
use telesphor_clinical::contact::{ContactRecord, IntakeKey};
use telesphor_clinical::document::{FHIR_JSON, SignOptions, SignedDocument, Signer};
use telesphor_clinical::fields::units::FHIR_R4;
use telesphor_clinical::fields::{leaf_salt, leaves};
use telesphor_clinical::grant::{Grant, Granted, Grantee, SignedGrant, Until};
use telesphor_clinical::header::{DocumentKind, Header, Purpose, PurposeCode, Relation, RelationKind};
use telesphor_clinical::identifier::HowChecked;
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::invite::InviteLink;
use telesphor_clinical::mandate::{Mandate, Power, StatusPlace};
use telesphor_clinical::message::{
    DepositEnvelope, DepositMessage, GroupEnvelope, GroupMessage, Papers, PseudonymAnnouncement,
};
use telesphor_clinical::present::{PresenceAsk, WrittenBy};
use telesphor_clinical::receipt::{OpeningReceipt, Person, Presence, ReceiptKind, SignedPresence};
use telesphor_clinical::retraction::{Retraction, RetractionReason};
use telesphor_clinical::roster::{Roster, RosterEntry, RosterSource};
use telesphor_clinical::scope::{Scope, Scopes};
use telesphor_clinical::self_entry::{OwnerKeyEntry, SelfEntry};
use telesphor_clinical::standing_in::{
    LogEntry, MandateAct, MandateAnswer, MandateAsk, MandateLog, MandateRequest, MandateWho, MandateWord,
    OnBehalf, RevokeAsk, SignedMandateRequest, WhoLine,
};
use telesphor_clinical::statement::{Profile, SaltUse, part_hash, salt, statement_bytes};
use telesphor_clinical::stream::{Association, Channel, Gap, GapReason, Quality, StreamBatch};
use telesphor_clinical::text::Text;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical::encode;
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::mailbox::Cursor;
use telesphor_wire::seal::SealingKey;
use telesphor_wire::sign::SigningKey;

const BODY: &str = r#"{"resourceType":"MedicationRequest","status":"active","intent":"order","doNotPerform":true,"authoredOn":"2026","_authoredOn":{"id":"a"},"medicationCodeableConcept":{"text":"Lithium"},"dosageInstruction":[{"text":"1"},{"doseAndRate":[{"doseQuantity":{"value":1.50e2}}]}]}"#;

/// Where the frozen values stand.
pub fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../vectors/documents.json")
}

fn at(ms: u64) -> Instant {
    Instant::now_of(ms, 120, Clock::Device)
}

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([n; 32]))
}

fn id(n: u8) -> IdentityId {
    IdentityId([n; 32])
}

fn scopes(names: &[&str]) -> Scopes {
    names.iter().map(|n| n.parse::<Scope>().unwrap()).collect()
}

/// What is said under a mandate.
fn standing_in(grant: &Grant) -> Vec<(&'static str, Value)> {
    let request = MandateRequest {
        version: 1,
        subject: id(1),
        by: id(3),
        head: Digest([2; 32]),
        endpoint: key(4).public(),
        mandate: Digest([5; 32]),
        ask: MandateAsk::Revoke(RevokeAsk {
            to: id(6),
            scopes: scopes(&["heart"]),
            documents: vec![DocumentId([7; 32])],
        }),
        at: at(5),
        not_after: 6,
        random: Digest([8; 32]),
        ext: Extensions::none(),
    };
    let (name, asked) = (request.id(), request.clone());
    let signature = key(4).sign(&request);
    let on_behalf = OnBehalf {
        subject: id(1),
        mandate: Digest([5; 32]),
    };
    let words = [
        MandateWord::Who(MandateWho {
            mandate: Digest([5; 32]),
            at: at(5),
            lines: vec![WhoLine {
                document: DocumentId([7; 32]),
                to: id(6),
                name: Text::from("Dr Virtanen"),
                until: Some(8),
                given: false,
                why: Some(Text::from("follow-up")),
                opened: None,
                revoked: Some(9),
            }],
        }),
        MandateWord::Log(MandateLog {
            mandate: Digest([5; 32]),
            lines: vec![LogEntry {
                at: 5,
                who: Some(id(6)),
                name: Text::from("Dr Virtanen"),
                what: Text::from("opened"),
                words: Text::from("opened by Dr Virtanen: ECG"),
                document: DocumentId([7; 32]),
            }],
        }),
        MandateWord::Acted(Box::new(MandateAct {
            grant: SignedGrant {
                grant: grant.clone(),
                signature: key(4).sign(grant),
            },
            mailbox: MailboxId([9; 32]),
            domain: "hospital-a.example".parse().unwrap(),
            reader: vec![1, 2, 3].into(),
            name: Text::from("Dr Virtanen"),
            ext: Extensions::none(),
        })),
        MandateWord::Owner(OwnerKeyEntry {
            mailbox: MailboxId([9; 32]),
            seed: Secret::new([2; 32]),
            next_seed: Some(Secret::new([3; 32])),
            counter: 4,
        }),
        MandateWord::Request(Box::new(SignedMandateRequest { request, signature })),
        MandateWord::Answer(MandateAnswer {
            request: name,
            refused: 2022,
            grants: 1,
            documents: 2,
            opened: 3,
        }),
    ];
    let mut all = vec![
        ("mandate-request", hex_of(&asked)),
        ("mandate-request-id", json!(hex::encode(name.0))),
        ("mandate-request-signature", json!(hex::encode(signature.0))),
        ("receipt-on-behalf", hex_of(&on_behalf.extension())),
    ];
    let names = [
        "mandate-who",
        "mandate-log",
        "mandate-acted",
        "mandate-owner",
        "mandate-asked",
        "mandate-answer",
    ];
    all.extend(names.into_iter().zip(words.iter().map(hex_of)));
    all
}

fn document() -> SignedDocument {
    let title = Text::from("Lithium");
    let mut header = Header::new(
        DocumentKind::Resource,
        Text::from(FHIR_JSON),
        title,
        id(1),
        at(1_795_176_000_000),
    );
    header.effective = Instant::from_fhir("2026");
    header.relates = vec![
        Relation {
            kind: RelationKind::Replaces,
            document: DocumentId([2; 32]),
        },
        Relation {
            kind: RelationKind::RepliesTo,
            document: DocumentId([3; 32]),
        },
    ];
    header.scopes = scopes(&["medication", "psychiatry"]);
    header.sensitivity = scopes(&["psychiatry"]);
    header.ext = Extensions::none().with(Extension {
        id: 7,
        critical: false,
        body: vec![1].into(),
    });
    let key = key(4);
    let signer = Signer {
        key: &key,
        author_head: Digest([5; 32]),
    };
    let options = SignOptions {
        profile: Profile::Holder,
        holder: Some(self::key(6).public()),
        may_split: true,
        seed: Some(Secret::new([7; 32])),
        table: Some(FHIR_R4),
    };
    SignedDocument::sign(header, BODY.as_bytes().to_vec(), &signer, options).unwrap()
}

fn hex_of<T: serde::Serialize>(value: &T) -> Value {
    Value::String(hex::encode(encode(value)))
}

/// Every value as the code derives it today.
pub fn derived() -> Map<String, Value> {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| assert!(out.insert(name.into(), value).is_none());
    let d = document();
    put("body", json!(BODY));
    for (name, purpose) in [
        ("salt-header", SaltUse::Header),
        ("salt-original", SaltUse::Original),
        ("salt-holder", SaltUse::Holder),
        ("salt-part-1", SaltUse::Part(1)),
    ] {
        put(name, json!(hex::encode(salt(&d.seed, purpose).expose())));
    }
    let tree: Vec<Value> = leaves(BODY.as_bytes(), 1)
        .unwrap()
        .iter()
        .map(|leaf| {
            let salt = leaf_salt(&d.seed, &leaf.path);
            json!({
                "leaf": hex_of(leaf),
                "salt": hex::encode(salt.expose()),
                "digest": hex::encode(leaf.digest(&salt).0),
            })
        })
        .collect();
    put("leaves", Value::Array(tree));
    put("fields-root", hex_of(&d.header.fields_root.unwrap()));
    put("body-hash", json!(hex::encode(d.header.body_hash.0)));
    put(
        "part-hash-1",
        json!(hex::encode(part_hash(&d.seed, 1, b"attachment").0)),
    );
    put("header", hex_of(&d.header));
    put("header-hash", json!(hex::encode(d.statement().header.0)));
    put(
        "statement",
        json!(hex::encode(&statement_bytes(&d.statement())[..])),
    );
    put("document-id", json!(d.id().to_string()));
    put("signature", json!(hex::encode(d.signature.0)));
    put("signed-document", hex_of(&d));

    let cursor = Cursor {
        seq: 9,
        hash: Digest([8; 32]),
    };
    let pseudonym = PseudonymAnnouncement {
        branch: 1,
        epoch: 300,
        identity: id(1),
        endpoint: key(4).public(),
        pseudonym: key(9).public(),
    };
    put(
        "group-pseudonym",
        hex_of(&GroupEnvelope::new(
            cursor,
            GroupMessage::Pseudonym(pseudonym.clone()),
        )),
    );
    let word = Bytes(encode(&GroupMessage::Pseudonym(pseudonym)));
    let papers = Papers {
        words: vec![word.clone(), word],
    };
    put(
        "group-papers",
        hex_of(&GroupEnvelope::new(cursor, GroupMessage::Papers(papers))),
    );
    let carried = || Carried::Inline(vec![1, 2, 3].into());
    put(
        "group-document",
        hex_of(&GroupEnvelope::new(cursor, GroupMessage::Document(carried()))),
    );
    put(
        "deposit-document",
        hex_of(&DepositEnvelope::new(DepositMessage::Document(carried()))),
    );
    let said = DepositMessage::Said(encode(&GroupMessage::Document(carried())).into());
    put("deposit-said", hex_of(&DepositEnvelope::new(said)));
    let owner = OwnerKeyEntry {
        mailbox: MailboxId([1; 32]),
        seed: Secret::new([2; 32]),
        next_seed: Some(Secret::new([3; 32])),
        counter: 4,
    };
    put("self-owner-key", hex_of(&SelfEntry::OwnerKey(owner)));
    put(
        "self-root-secret",
        hex_of(&SelfEntry::RootSecret(Secret::new([1; 32]))),
    );

    let intake = SealingKey::from_seed(Secret::new([1; 32])).public();
    let contact = ContactRecord {
        version: 1,
        identity: id(1),
        history_head: Digest([2; 32]),
        addresses: Vec::new(),
        intake: IntakeKey {
            id: Digest([3; 32]),
            key: intake,
            until: 4,
        },
        contact_secret: Secret::new([5; 32]),
        min_suite: 77,
        petnames: vec![Text::from("Aino")],
        made: at(6),
        ext: Extensions::none(),
    };
    put("contact-record", hex_of(&contact));
    let link = InviteLink {
        version: 1,
        domain: "st-marien.example".parse().unwrap(),
        inviter: id(1),
        mailbox: MailboxId([2; 32]),
        deposit_seed: Secret::new([3; 32]),
        key: Digest([4; 32]),
        secret: Secret::new([5; 32]),
        expires: 1_800_000_000_000,
    };
    put("invite-link", json!(link.to_text()));

    let grant = Grant {
        version: 1,
        subject: id(1),
        by: id(1),
        head: Digest([2; 32]),
        endpoint: key(4).public(),
        mandate: None,
        to: Grantee::Identity(id(3)),
        what: Granted::Scopes(scopes(&["allergies", "heart"])),
        from: at(5),
        until: Until::Instant(at(6)),
        why: Purpose {
            code: PurposeCode::Treatment,
            words: Some(Text::from("follow-up")),
        },
        random: Digest([7; 32]),
        ext: Extensions::none(),
    };
    put("grant", hex_of(&grant));
    put("grant-id", json!(hex::encode(grant.id().0)));
    let mandate = Mandate {
        version: 1,
        issuer: id(1),
        issuer_head: Digest([2; 32]),
        endpoint: key(4).public(),
        subject: id(1),
        holder: id(3),
        powers: vec![Power::Share, Power::Read],
        scopes: Some(scopes(&["heart"])),
        from: at(5),
        until: Some(at(6)),
        status: Some(StatusPlace {
            list: Digest([8; 32]),
            index: 9,
        }),
        dormant_until: Some(Text::from("incapacity")),
        words: None,
        random: Digest([7; 32]),
        ext: Extensions::none(),
    };
    put("mandate", hex_of(&mandate));
    put("mandate-id", json!(hex::encode(mandate.id().0)));
    for (name, value) in standing_in(&grant) {
        put(name, value);
    }
    let roster = Roster {
        version: 1,
        organisation: id(1),
        head: Digest([2; 32]),
        endpoint: key(4).public(),
        edition: 3,
        issued: at(5),
        until: at(6),
        entries: vec![RosterEntry {
            person: id(3),
            name: Text::from("Maria Heikkinen"),
            role: Text::from("nurse"),
            place: Text::from("ward-4b"),
            from: at(5),
            until: at(6),
            source: RosterSource::Agency,
            approved_by: Some(id(7)),
        }],
        ext: Extensions::none(),
    };
    put("roster", hex_of(&roster));
    put("roster-id", json!(hex::encode(roster.id().0)));
    let receipt = OpeningReceipt {
        document: DocumentId([1; 32]),
        kind: ReceiptKind::Accepted,
        person: Some(Person::Identity(id(2))),
        place: id(3),
        place_head: Digest([4; 32]),
        at_endpoint: key(4).public(),
        presence: None,
        at: at(5),
        purpose: None,
        words: None,
        ext: Extensions::none(),
    };
    put("opening-receipt", hex_of(&receipt));
    put(
        "opening-receipt-signature",
        json!(hex::encode(key(4).sign(&receipt).0)),
    );
    let presence = Presence {
        person: id(2),
        person_head: Digest([7; 32]),
        by_endpoint: key(5).public(),
        place: id(3),
        at_endpoint: key(4).public(),
        from: at(4),
        until: at(9),
        ext: Extensions::none(),
    }
    .named(&Text::from("Maria Heikkinen"));
    put("presence", hex_of(&presence));
    let signature = key(5).sign(&presence);
    put("presence-signature", json!(hex::encode(signature.0)));
    let there = SignedPresence {
        statement: presence,
        signature,
    };
    let ask = PresenceAsk {
        version: 1,
        place: id(3),
        place_name: Text::from("Ward 4B"),
        at_endpoint: key(4).public(),
        device: Text::from("WOW-3"),
        ext: Extensions::none(),
    };
    put("presence-ask", json!(ask.to_text()));
    put(
        "written-by",
        hex_of(&WrittenBy::Present(Box::new(there)).extension().body),
    );
    let association = Association {
        version: 1,
        device: id(1),
        patient: id(2),
        stream: Digest([3; 32]),
        from: at(4),
        until: None,
        by: id(5),
        head: Digest([6; 32]),
        endpoint: key(4).public(),
        checked: HowChecked::Wristband,
        ext: Extensions::none(),
    };
    put("association", hex_of(&association));
    put("association-id", json!(hex::encode(association.id().0)));
    let channel = Channel {
        system: Text::from("loinc"),
        code: Text::from("8867-4"),
        unit: Text::from("/min"),
        scale: -1,
        samples: vec![700, -1, 70_000],
        gaps: vec![Gap {
            at: 1,
            missing: 2,
            reason: GapReason::NoSignal,
        }],
        quality: Quality::NOISE,
    };
    let batch = StreamBatch {
        version: 1,
        device: id(1),
        head: Digest([2; 32]),
        endpoint: key(4).public(),
        association: Some(association.id()),
        stream: Digest([3; 32]),
        sequence: 1,
        device_time: at(4),
        interval_us: 1_000_000,
        channels: vec![channel],
        quality: Quality::SIMULATED,
        ext: Extensions::none(),
    };
    put("stream-batch", hex_of(&batch));
    let retraction = Retraction::new(RetractionReason::WrongPatient, Some(Text::from("mixed up")));
    put("retraction", hex_of(&retraction));
    for (name, value) in parts::parts() {
        put(name, value);
    }
    for (name, value) in scans::scans() {
        put(name, value);
    }
    out
}
