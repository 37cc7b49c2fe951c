//! The frozen vectors, derived anew: `schemas/vectors/<file>.json` by name.

use blake3::derive_key;
use ed25519_dalek::Signer;
use serde_json::{Map, Value, json};
use telesphor_wire::canonical;
use telesphor_wire::hash::{Digest, Secret, derive_key as kdf, hash_bytes};
use telesphor_wire::ids::{DocumentId, IdentityId};
use telesphor_wire::labels::*;
use telesphor_wire::mailbox::{Event, EventHeader, EventKind, link, payload_hash};
use telesphor_wire::padding::{Bucket, blob_size, pad};
use telesphor_wire::receipt::{BatchLeaf, BatchTree};
use telesphor_wire::seal::{SealingKey, seal, seal_to};
use telesphor_wire::text::Address;

use super::samples::*;

/// What is hashed and signed in the label vectors: the canonical bytes of `["probe", 7]`.
pub fn probe() -> Vec<u8> {
    canonical::encode(&("probe", 7u8))
}
pub const KDF_KEY: [u8; 32] = [0x4b; 32];
pub const SIGN_SEED: [u8; 32] = [0x53; 32];
pub const HPKE_SEED: [u8; 32] = [0x48; 32];
pub const AAD: &[u8] = b"for whom";
pub const PLAINTEXT: &[u8] = b"what is sealed";

type Entries = Map<String, Value>;

/// All files; `(name, entries)`. A sealed value is different each time it is made, so the
/// generator keeps the frozen one and the test opens it.
pub fn all() -> Vec<(&'static str, Entries)> {
    vec![
        ("labels-sign", labels_sign()),
        ("labels-hash", labels_hash()),
        ("labels-kdf", labels_kdf()),
        ("labels-exporter", labels_exporter()),
        ("labels-hpke", labels_hpke()),
        ("structures", structures()),
        ("chain", chain()),
        ("batch", batch()),
        ("padding", padding()),
        ("text", text()),
        ("seal", sealed()),
    ]
}

/// Files whose entries hold a ciphertext with fresh randomness under `sealed` or `enc`.
pub fn is_random(file: &str) -> bool {
    matches!(file, "labels-hpke" | "seal")
}

/// Derived without this crate's signing code: the definition, written out.
fn labels_sign() -> Entries {
    let key = ed25519_dalek::SigningKey::from_bytes(&SIGN_SEED);
    SignLabel::ALL
        .iter()
        .map(|label| {
            let context = format!("telesphor/1 sign {}", label.word());
            let digest = derive_key(&context, &probe());
            let message = [b"telesphor/1 sign\0".as_slice(), &digest].concat();
            let entry = json!({
                "context": context,
                "value": hex::encode(probe()),
                "seed": hex::encode(SIGN_SEED),
                "public": hex::encode(key.verifying_key().to_bytes()),
                "message": hex::encode(&message),
                "signature": hex::encode(key.sign(&message).to_bytes()),
            });
            (label.word().to_owned(), entry)
        })
        .collect()
}

fn labels_hash() -> Entries {
    HashLabel::ALL
        .iter()
        .map(|label| {
            let entry = json!({
                "context": label.context(),
                "value": hex::encode(probe()),
                "hash": hex::encode(hash_bytes(*label, &probe()).0),
            });
            (label.word().to_owned(), entry)
        })
        .collect()
}

fn labels_kdf() -> Entries {
    KdfLabel::ALL
        .iter()
        .map(|label| {
            let entry = json!({
                "context": label.context(),
                "key": hex::encode(KDF_KEY),
                "x": hex::encode(probe()),
                "derived": hex::encode(kdf(*label, &Secret::new(KDF_KEY), &probe()).expose()),
            });
            (label.word().to_owned(), entry)
        })
        .collect()
}

fn labels_exporter() -> Entries {
    ExporterLabel::ALL
        .iter()
        .map(|label| {
            (
                label.word().to_owned(),
                json!({ "exporter_label": label.context() }),
            )
        })
        .collect()
}

fn labels_hpke() -> Entries {
    let key = SealingKey::from_seed(Secret::new(HPKE_SEED));
    HpkeLabel::ALL
        .iter()
        .map(|label| {
            let sealed = seal_to(&key.public(), *label, AAD, PLAINTEXT).unwrap();
            let entry = json!({
                "info": label.context(),
                "private_seed": hex::encode(HPKE_SEED),
                "public": hex::encode(key.public().as_bytes()),
                "aad": hex::encode(AAD),
                "plaintext": hex::encode(PLAINTEXT),
                "enc": hex::encode(&sealed.enc[..]),
                "ciphertext": hex::encode(&sealed.ciphertext[..]),
            });
            (label.word().to_owned(), entry)
        })
        .collect()
}

fn structures() -> Entries {
    super::samples::all()
        .into_iter()
        .map(|s| (s.name, Value::String(hex::encode(s.bytes))))
        .collect()
}

/// A genesis and three events, the second of them erased.
pub fn three_events() -> Vec<Event> {
    [(b"first".as_slice(), true), (b"second", false), (b"third", true)]
        .iter()
        .zip(1u64..)
        .map(|((payload, kept), seq)| Event {
            header: EventHeader {
                seq,
                kind: EventKind(if seq == 3 { 64 } else { 1 }),
                stamp: NOW + seq,
                size: payload.len() as u32,
                ..header()
            },
            payload_hash: payload_hash(payload),
            payload: kept.then(|| (*payload).into()),
        })
        .collect()
}

fn chain() -> Entries {
    let mut entries = Entries::new();
    let mut hash = genesis().link();
    entries.insert(
        "genesis".into(),
        json!({
            "genesis": hex::encode(canonical::encode(&genesis())),
            "h": hex::encode(hash.0),
        }),
    );
    for event in three_events() {
        hash = link(&hash, &event.header, &event.payload_hash);
        entries.insert(
            format!("event-{}", event.header.seq),
            json!({
                "header": hex::encode(canonical::encode(&event.header)),
                "payload_hash": hex::encode(event.payload_hash.0),
                "event": hex::encode(canonical::encode(&event)),
                "h": hex::encode(hash.0),
            }),
        );
    }
    entries
}

fn batch() -> Entries {
    let digests: Vec<Digest> = leaves(5).iter().map(BatchLeaf::digest).collect();
    let mut entries = Entries::new();
    for n in 1..=5 {
        entries.insert(
            format!("root-of-{n}"),
            json!(hex::encode(BatchTree::new(digests[..n].to_vec()).root().0)),
        );
    }
    for (i, receipt) in receipts(5, &[10, 11]).iter().enumerate() {
        entries.insert(
            format!("receipt-{i}"),
            json!({
                "leaf": hex::encode(canonical::encode(&receipt.leaf)),
                "leaf_hash": hex::encode(digests[i].0),
                "path": receipt.path.iter().map(|d| hex::encode(d.0)).collect::<Vec<_>>(),
                "head_hash": hex::encode(receipt.head.digest().0),
                "receipt": hex::encode(canonical::encode(receipt)),
            }),
        );
    }
    entries.insert(
        "relays".into(),
        json!([hex::encode(public(10).0), hex::encode(public(11).0)]),
    );
    entries
}

fn padding() -> Entries {
    let buckets = [
        ("message", Bucket::Message),
        ("uniform", Bucket::Uniform),
        ("receipt", Bucket::Receipt),
        ("handshake", Bucket::Handshake),
        ("key-package", Bucket::KeyPackage),
        ("forwarded", Bucket::Forwarded),
    ];
    let mut entries = Entries::new();
    for (name, bucket) in buckets {
        let sizes = bucket.sizes();
        let edges: Vec<Value> = sizes
            .iter()
            .flat_map(|s| [s - 4, s - 3])
            .map(|len| json!([len, pad(bucket, &vec![1; len]).ok().map(|p| p.len())]))
            .collect();
        entries.insert(name.into(), json!({ "sizes": sizes, "content_to_padded": edges }));
    }
    entries.insert(
        "example".into(),
        json!({
            "content": hex::encode(b"abc"),
            "padded_start": hex::encode(&pad(Bucket::Message, b"abc").unwrap()[..16]),
            "padded_length": 512,
        }),
    );
    let blobs: Vec<Value> = [
        0u64,
        1,
        512,
        513,
        1 << 20,
        (1 << 20) + 1,
        3_000_000,
        10_000_000_000,
    ]
    .iter()
    .map(|&len| json!([len, blob_size(len)]))
    .collect();
    entries.insert("blob".into(), json!(blobs));
    entries
}

fn text() -> Entries {
    let identity = IdentityId([0x1d; 32]);
    let address = Address {
        identity,
        domain: domain(),
        deposit_key: Some(public(5)),
    };
    let open = Address {
        deposit_key: None,
        ..address.clone()
    };
    let mut entries = Entries::new();
    let mut put = |name: &str, bytes: &[u8], text: String| {
        entries.insert(name.into(), json!({ "bytes": hex::encode(bytes), "text": text }));
    };
    put("identity", &identity.0, identity.to_string());
    put("mailbox", &mailbox_id().0, mailbox_id().to_string());
    put("document", &[0xd0; 32], DocumentId([0xd0; 32]).to_string());
    put("key", &public(5).0, public(5).to_string());
    put("address", &identity.0, address.to_string());
    put("address-without-key", &identity.0, open.to_string());
    put(
        "admission-link",
        &canonical::encode(&admission_link()),
        admission_link().to_text(),
    );
    put(
        "support-code",
        &canonical::encode(&support()),
        support().to_string(),
    );
    entries
}

fn sealed() -> Entries {
    let mut entries = Entries::new();
    entries.insert(
        "xchacha20-poly1305".into(),
        json!({
            "key": hex::encode(KDF_KEY),
            "aad": hex::encode(AAD),
            "plaintext": hex::encode(PLAINTEXT),
            "sealed": hex::encode(seal(&Secret::new(KDF_KEY), AAD, PLAINTEXT)),
        }),
    );
    let key = SealingKey::from_seed(Secret::new(HPKE_SEED));
    let record = delivery_record().seal(&key.public(), 3).unwrap();
    entries.insert(
        "delivery-record".into(),
        json!({
            "private_seed": hex::encode(HPKE_SEED),
            "number": record.number,
            "record": hex::encode(canonical::encode(&delivery_record())),
            "sealed": hex::encode(canonical::encode(&record)),
        }),
    );
    entries.insert("forwarded".into(), forwarded());
    entries
}

/// One request to another domain and its answer, with the private keys of both.
fn forwarded() -> Value {
    let asked = ask(telesphor_wire::command::Command::Deposit(signed_deposit()));
    let request = asked.seal(&domain(), &sealing()).unwrap();
    let reply = told().seal(&request, &asked.reply).unwrap();
    json!({
        "sealing_seed": hex::encode(sealing_key().seed().expose()),
        "reply_seed": hex::encode(reply_key().seed().expose()),
        "now": NOW,
        "ask": hex::encode(canonical::encode(&asked)),
        "told": hex::encode(canonical::encode(&told())),
        "sealed": hex::encode(canonical::encode(&request)),
        "sealed_reply": hex::encode(canonical::encode(&reply)),
    })
}
