//! Frozen bytes and hashes of identities: `schemas/vectors/identity.json`.

use serde_json::{Map, Value, json};
use std::path::PathBuf;
use telesphor_clinical::text::Text;
use telesphor_identity::attestation::{Claim, Issuer};
use telesphor_identity::compare::Comparison;
use telesphor_identity::endpoint::{EndReason, EndpointKind, EndpointRecord, SignedEndpoint};
use telesphor_identity::event::{Change, EndEndpoint, Rotation};
use telesphor_identity::evidence::{Domains, stamp};
use telesphor_identity::history::History;
use telesphor_identity::inception::{Custody, Inception, Kind, RecoveryTerms};
use telesphor_identity::keys::{KeySet, NextKeys};
use telesphor_identity::kit::{Home, RecoveryKit, root_derived};
use telesphor_identity::locator::locator;
use telesphor_identity::status::{RevocationReason, Revoked, StatusBook};
use telesphor_wire::canonical::encode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{IdentityId, Nonce};
use telesphor_wire::mailbox::next_key;
use telesphor_wire::sign::SigningKey;

/// Where the frozen values stand.
pub fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../schemas/vectors/identity.json")
}

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([n; 32]))
}

fn hex_of<T: serde::Serialize>(value: &T) -> Value {
    Value::String(hex::encode(encode(value)))
}

fn history() -> History {
    let mut inception = Inception::simple(
        Kind::Person,
        KeySet::single(key(1).public()),
        NextKeys::single(&key(2).public()),
    );
    inception.random = Nonce([3; 32]);
    inception.recovery = Some(RecoveryTerms {
        guardian_set: Digest([4; 32]),
        key: next_key(&key(5).public()),
        wait_ms: 604_800_000,
        authority: Some(IdentityId([6; 32])),
    });
    let mut history = History::begin(inception);
    let record = EndpointRecord {
        identity: history.id(),
        key: key(7).public(),
        mls_leaf: key(8).public(),
        min_suite: 77,
        kind: EndpointKind::Phone,
        name: Text::from("phone"),
        ext: Extensions::none(),
    };
    let rotation = Rotation {
        keys: KeySet::single(key(2).public()),
        next: NextKeys::single(&key(9).public()),
        custody: Custody::own(),
        recovery: None,
    };
    let end = EndEndpoint {
        endpoint: key(7).public(),
        since: 30,
        reason: EndReason::Lost,
    };
    let add = Change::AddEndpoint(Box::new(SignedEndpoint::sign(record, &key(7))));
    for (change, at, by) in [
        (add, 10, 1),
        (Change::Rotate(Box::new(rotation)), 20, 2),
        (Change::EndEndpoint(end), 40, 2),
    ] {
        history.extend(change, at, &[&key(by)], &Domains::none()).unwrap();
    }
    history
}

/// Every value as the code derives it today.
pub fn derived() -> Map<String, Value> {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| assert!(out.insert(name.into(), value).is_none());
    let history = history();
    let verified = history.verify(&Domains::none()).unwrap();
    put("inception", hex_of(&history.inception));
    put("identity", json!(history.id().to_string()));
    put("history", hex_of(&history));
    let heads: Vec<_> = (0..4)
        .map(|n| hex::encode(verified.at_event(n).unwrap().head.0))
        .collect();
    put("history-heads", json!(heads));
    put("history-locator", json!(hex::encode(locator(&history.id()).0)));
    put(
        "stamp",
        json!(hex::encode(stamp(&Secret::new([1; 32]), &Digest([2; 32])).0)),
    );

    let issuer_key = key(7);
    let issuer = Issuer {
        identity: history.id(),
        head: verified.at_event(1).unwrap().head,
        key: &issuer_key,
    };
    let mut book = StatusBook {
        list: Digest([1; 32]),
        ..StatusBook::new()
    };
    let place = book.take_place().unwrap();
    let claim = Claim::from_word("licensed-physician", Text::from("M-1")).unwrap();
    let mut licence = issuer
        .attest(IdentityId([2; 32]), claim, (3, 4), (book.list, place))
        .attestation;
    licence.random = Nonce([5; 32]);
    put("attestation", hex_of(&licence));
    put("attestation-id", json!(hex::encode(licence.id().0)));
    put(
        "attestation-signature",
        json!(hex::encode(issuer_key.sign(&licence).0)),
    );
    book.withdraw(Revoked {
        index: place,
        since: 6,
        reason: RevocationReason::KeyStolen,
    })
    .unwrap();
    let list = book.sign(&issuer, 7, 8);
    put("status-list-signature", json!(hex::encode(list.signature.0)));
    put("status-list-bytes", json!(encode(&list.list).len()));

    let home = Home {
        domain: "st-marien.example".parse().unwrap(),
        address: "relay-1.st-marien.example:7443".into(),
        key: key(10).public(),
        tls_key: Digest([11; 32]),
    };
    let kit = RecoveryKit {
        version: 1,
        identity: history.id(),
        secret: Secret::new([12; 32]),
        root: None,
        rotations: 0,
        home,
    };
    put("kit-text", json!(kit.to_text()));
    put("kit-words", json!(kit.words().join(" ")));
    let long = RecoveryKit {
        root: Some(Secret::new([13; 32])),
        ..kit.clone()
    };
    put("kit-words-with-root", json!(long.words().join(" ")));
    put("kit-next-key-1", json!(kit.next_key(1).public().to_string()));
    put("kit-root-secret", json!(hex::encode(kit.root_secret().expose())));
    put(
        "kit-backup-key",
        json!(hex::encode(kit.backup_key(&[14; 32]).expose())),
    );
    put(
        "root-derived",
        json!(hex::encode(
            root_derived(&kit.root_secret(), "deposit", &[1, 2]).expose()
        )),
    );
    let comparison = Comparison::of(&IdentityId([1; 32]), &IdentityId([2; 32]));
    put("safety-digits", json!(comparison.digits()));
    put("safety-words", json!(comparison.words(6).join(" ")));
    out
}
