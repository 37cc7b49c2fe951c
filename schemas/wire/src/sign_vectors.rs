//! The strict verifier against published vectors, where they lie beside the repository.
#![allow(clippy::unwrap_used)]

use super::{PublicKey, Signature};
use serde_json::Value;

fn data(path: &str) -> Option<Value> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let text = std::fs::read_to_string(root.join(path)).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

fn hex<const N: usize>(value: &Value) -> Option<[u8; N]> {
    hex::decode(value.as_str()?).ok()?.try_into().ok()
}

fn accepts(key: [u8; 32], message: &[u8], signature: [u8; 64]) -> bool {
    PublicKey(key).verify_raw(message, &Signature(signature)).is_ok()
}

/// Every known way in which Ed25519 verifiers disagree (C2SP CCTV). Two replicas that
/// disagreed on one of these would fork.
#[test]
fn a_signature_on_which_verifiers_disagree_is_accepted() {
    let Some(file) = data("ed25519-cctv/ed25519vectors.json") else {
        return;
    };
    // Mixed-order points in a signature whose equation holds without the cofactor are no
    // second form: nobody but the key's holder can make them.
    const REFUSED: [&str; 6] = [
        "low_order_A",
        "low_order_R",
        "non_canonical_A",
        "non_canonical_R",
        "low_order_residue",
        "reencoded_k",
    ];
    let (mut good, mut bad) = (0, 0);
    for v in file.as_array().unwrap() {
        let flags: Vec<&str> = v["flags"]
            .as_array()
            .map_or_else(Vec::new, |f| f.iter().filter_map(Value::as_str).collect());
        let expected = !flags.iter().any(|f| REFUSED.contains(f));
        let taken = accepts(
            hex(&v["key"]).unwrap(),
            v["msg"].as_str().unwrap().as_bytes(),
            hex(&v["sig"]).unwrap(),
        );
        assert_eq!(taken, expected, "vector {} {flags:?}", v["number"]);
        if expected { good += 1 } else { bad += 1 }
    }
    assert!(good > 10 && bad > 100, "{good} good, {bad} bad");
}

#[test]
fn a_signature_known_to_be_invalid_is_accepted() {
    let Some(file) = data("wycheproof/ed25519_test.json") else {
        return;
    };
    let (mut good, mut bad) = (0, 0);
    for group in file["testGroups"].as_array().unwrap() {
        let key = hex(&group["publicKey"]["pk"]).unwrap();
        for test in group["tests"].as_array().unwrap() {
            let message = hex::decode(test["msg"].as_str().unwrap()).unwrap();
            let taken = hex(&test["sig"]).is_some_and(|signature| accepts(key, &message, signature));
            assert_eq!(taken, test["result"] == "valid", "{}", test["tcId"]);
            if taken { good += 1 } else { bad += 1 }
        }
    }
    assert!(good > 30 && bad > 30, "{good} good, {bad} bad");
}
