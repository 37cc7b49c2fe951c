use std::fs;

use serde_json::{Map, Value};
use telesphor_wire::canonical;
use telesphor_wire::hash::{Secret, hash};
use telesphor_wire::labels::{HashLabel, HpkeLabel};
use telesphor_wire::mailbox::{Cursor, Event};
use telesphor_wire::receipt::Receipt;
use telesphor_wire::seal::{self, Sealed, SealingKey};
use telesphor_wire::sign::PublicKey;

use crate::support::{data, repo, samples, vectors};

const HOW: &str = "`cargo run -p telesphor-wire --example make_vectors` adds vectors for what is new; what is frozen must not change";

fn frozen(file: &str) -> Map<String, Value> {
    let text = fs::read_to_string(repo().join(format!("schemas/vectors/{file}.json"))).expect(HOW);
    serde_json::from_str(&text).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

#[test]
fn a_byte_form_or_a_hash_changed_since_it_was_frozen() {
    for (file, derived) in vectors::all() {
        let frozen = frozen(file);
        for (name, value) in derived {
            let old = frozen
                .get(&name)
                .unwrap_or_else(|| panic!("{file}: no vector for {name}; {HOW}"));
            assert!(
                vectors::is_random(file) || *old == value,
                "{file}: {name} changed; {HOW}"
            );
        }
    }
}

#[test]
fn a_frozen_structure_is_no_longer_read() {
    let frozen = frozen("structures");
    for s in samples::all() {
        let old = bytes(&frozen[&s.name]);
        assert_eq!((s.decode)(&old), Ok(old), "{}", s.name);
    }
}

#[test]
fn a_frozen_seal_no_longer_opens() {
    let frozen_hpke = frozen("labels-hpke");
    for label in HpkeLabel::ALL {
        let v = &frozen_hpke[label.word()];
        assert_eq!(v["info"], label.context());
        let key = SealingKey::from_seed(Secret::new(array(&v["private_seed"])));
        assert_eq!(key.public().as_bytes(), bytes(&v["public"]));
        let sealed = Sealed {
            enc: bytes(&v["enc"]).into(),
            ciphertext: bytes(&v["ciphertext"]).into(),
        };
        assert_eq!(
            key.open(*label, &bytes(&v["aad"]), &sealed).unwrap(),
            bytes(&v["plaintext"])
        );
    }
    let v = &frozen("seal")["xchacha20-poly1305"];
    let opened = seal::open(
        &Secret::new(array(&v["key"])),
        &bytes(&v["aad"]),
        &bytes(&v["sealed"]),
    );
    assert_eq!(opened.unwrap(), bytes(&v["plaintext"]));
}

/// A reader of frozen bytes alone, as another client would do it.
#[test]
fn the_frozen_chain_does_not_hold() {
    let chain = frozen("chain");
    let genesis = bytes(&chain["genesis"]["genesis"]);
    assert_eq!(
        blake3::derive_key("telesphor/1 mailbox-genesis", &genesis).to_vec(),
        bytes(&chain["genesis"]["h"])
    );
    let mut cursor = Cursor {
        seq: 0,
        hash: telesphor_wire::hash::Digest(array(&chain["genesis"]["h"])),
    };
    for n in 1..=3 {
        let v = &chain[&format!("event-{n}")];
        let event: Event = canonical::decode(&bytes(&v["event"])).unwrap();
        cursor.advance(&event).unwrap();
        assert_eq!(cursor.hash.0.to_vec(), bytes(&v["h"]));
    }
}

#[test]
fn a_frozen_receipt_is_refused() {
    let batch = frozen("batch");
    let relays: Vec<PublicKey> = batch["relays"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| PublicKey(array(r)))
        .collect();
    for i in 0..5 {
        let receipt: Receipt = canonical::decode(&bytes(&batch[&format!("receipt-{i}")]["receipt"])).unwrap();
        assert_eq!(receipt.verify(&relays, 2), Ok(()));
    }
}

/// The signing code against the definition, for every type of this crate that is signed.
#[test]
fn a_signature_is_not_over_what_the_protocol_says() {
    fn check<T: telesphor_wire::sign::Signed>(value: &T) {
        let digest = blake3::derive_key(
            &format!("telesphor/1 sign {}", T::LABEL.word()),
            &canonical::encode(value),
        );
        let message = [b"telesphor/1 sign\0".as_slice(), &digest].concat();
        let key = ed25519_dalek::VerifyingKey::from_bytes(&samples::public(1).0).unwrap();
        let signature = ed25519_dalek::Signature::from_bytes(&samples::key(1).sign(value).0);
        assert!(
            key.verify_strict(&message, &signature).is_ok(),
            "{}",
            T::LABEL.word()
        );
    }
    check(&samples::claim());
    check(&samples::pseudonym());
    check(&samples::deposit().statement());
    check(&samples::commit().body);
    check(&samples::rewind_statement());
    check(&samples::take().request);
    check(&samples::voucher().statement);
    check(&samples::receipt().statement());
    check(&samples::record().record);
}

#[test]
fn a_hash_is_not_over_the_canonical_bytes() {
    let value = samples::genesis();
    let expected = blake3::derive_key("telesphor/1 command", &canonical::encode(&value));
    assert_eq!(hash(HashLabel::Command, &value).0, expected);
}

#[test]
fn the_hash_function_is_not_the_published_one() {
    let Some(text) = data("blake3/test_vectors.json") else {
        return;
    };
    let file: Value = serde_json::from_str(&text).unwrap();
    let context = file["context_string"].as_str().unwrap();
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        let len = case["input_len"].as_u64().unwrap() as usize;
        let input: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        assert_eq!(
            blake3::derive_key(context, &input).to_vec(),
            bytes(&case["derive_key"])[..32]
        );
        // In pieces, as values are hashed while they are written.
        let mut hasher = blake3::Hasher::new_derive_key(context);
        for piece in input.chunks(97) {
            hasher.update(piece);
        }
        assert_eq!(hasher.finalize().as_bytes()[..], bytes(&case["derive_key"])[..32]);
    }
    assert!(cases.len() > 8);
}
