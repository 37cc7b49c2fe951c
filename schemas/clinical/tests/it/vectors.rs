//! Frozen bytes and hashes of what travels inside the seal: `schemas/vectors/documents.json`,
//! written by the example `document_vectors`.

use serde_json::{Map, Value};
use telesphor_clinical::document::SignedDocument;

use crate::support::{derived, file};

#[test]
fn a_byte_form_or_hash_inside_the_seal_changed_since_it_was_frozen() {
    let text = std::fs::read_to_string(file()).unwrap();
    let frozen: Map<String, Value> = serde_json::from_str(&text).unwrap();
    for (name, value) in derived() {
        assert_eq!(frozen.get(&name), Some(&value), "{name} is not what was frozen");
    }
    let bytes = hex::decode(frozen["signed-document"].as_str().unwrap()).unwrap();
    let document = SignedDocument::from_bytes(&bytes).unwrap();
    assert!(document.verify_signature().is_ok());
}
