//! Frozen bytes and hashes of identities: `schemas/vectors/identity.json`, written by the example
//! `identity_vectors`.

use serde_json::{Map, Value};
use telesphor_identity::evidence::Domains;
use telesphor_identity::history::History;

use crate::support::{derived, file};

#[test]
fn a_byte_form_or_hash_of_an_identity_changed_since_it_was_frozen() {
    let text = std::fs::read_to_string(file()).unwrap();
    let frozen: Map<String, Value> = serde_json::from_str(&text).unwrap();
    for (name, value) in derived() {
        assert_eq!(frozen.get(&name), Some(&value), "{name} is not what was frozen");
    }
    let bytes = hex::decode(frozen["history"].as_str().unwrap()).unwrap();
    assert!(
        History::from_bytes(&bytes)
            .unwrap()
            .verify(&Domains::none())
            .is_ok()
    );
}
