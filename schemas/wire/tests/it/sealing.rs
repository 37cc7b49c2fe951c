use serde_json::Value;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::hash::Secret;
use telesphor_wire::labels::HpkeLabel;
use telesphor_wire::seal::{
    self, SEAL_OVERHEAD, SealError, Sealed, SealingKey, SealingPublic, X_WING_ENC_BYTES, seal_to,
};

#[test]
fn an_hpke_seal_opens_for_another_purpose_addressee_or_key() {
    let key = SealingKey::generate();
    for label in HpkeLabel::ALL {
        let sealed = seal_to(&key.public(), *label, b"aad", b"plaintext").unwrap();
        assert_eq!(sealed.enc.len(), X_WING_ENC_BYTES);
        assert_eq!(sealed.ciphertext.len(), 9 + 16);
        assert_eq!(key.open(*label, b"aad", &sealed).unwrap(), b"plaintext");
        for other in HpkeLabel::ALL.iter().filter(|l| *l != label) {
            assert_eq!(key.open(*other, b"aad", &sealed), Err(SealError));
        }
        assert_eq!(key.open(*label, b"ada", &sealed), Err(SealError));
        assert_eq!(key.open(*label, b"", &sealed), Err(SealError));
        assert_eq!(
            SealingKey::generate().open(*label, b"aad", &sealed),
            Err(SealError)
        );
    }
    let again = SealingKey::from_seed(key.seed().clone());
    assert_eq!(
        again.public(),
        key.public(),
        "a key kept as its seed is the same key"
    );
}

#[test]
fn a_changed_or_cut_seal_opens() {
    let key = SealingKey::from_seed(Secret::new([1; 32]));
    let sealed = seal_to(&key.public(), HpkeLabel::Deposit, b"", b"plaintext").unwrap();
    let open = |enc: Vec<u8>, ciphertext: Vec<u8>| {
        key.open(
            HpkeLabel::Deposit,
            b"",
            &Sealed {
                enc: Bytes(enc),
                ciphertext: Bytes(ciphertext),
            },
        )
    };
    for at in (0..sealed.enc.len()).step_by(37).chain([0, 1087, 1088, 1119]) {
        let mut enc = sealed.enc.0.clone();
        enc[at] ^= 1;
        assert_eq!(
            open(enc, sealed.ciphertext.0.clone()),
            Err(SealError),
            "enc byte {at}"
        );
    }
    for at in 0..sealed.ciphertext.len() {
        let mut ciphertext = sealed.ciphertext.0.clone();
        ciphertext[at] ^= 0x80;
        assert_eq!(
            open(sealed.enc.0.clone(), ciphertext),
            Err(SealError),
            "byte {at}"
        );
    }
    for len in [0, 1, 1119] {
        assert_eq!(
            open(sealed.enc[..len].to_vec(), sealed.ciphertext.0.clone()),
            Err(SealError)
        );
    }
    assert_eq!(
        open([&sealed.enc[..], &[0]].concat(), sealed.ciphertext.0.clone()),
        Err(SealError)
    );
    assert_eq!(open(sealed.enc.0.clone(), vec![]), Err(SealError));
}

#[test]
fn a_public_key_of_any_bytes_panics() {
    for fill in [0x00, 0x01, 0x7f, 0xff] {
        let mut bytes = canonical::encode(&SealingKey::from_seed(Secret::new([1; 32])).public());
        let start = bytes.len() - 1216;
        bytes[start..].fill(fill);
        if let Ok(public) = canonical::decode::<SealingPublic>(&bytes) {
            let _ = seal_to(&public, HpkeLabel::Deposit, b"", b"plaintext");
        }
    }
}

#[test]
fn a_symmetric_seal_opens_changed() {
    let key = Secret::new([2; 32]);
    let sealed = seal::seal(&key, b"aad", b"plaintext");
    assert_eq!(sealed.len(), 9 + SEAL_OVERHEAD);
    assert_eq!(seal::open(&key, b"aad", &sealed).unwrap(), b"plaintext");
    assert_ne!(
        sealed,
        seal::seal(&key, b"aad", b"plaintext"),
        "a nonce used twice"
    );
    assert_eq!(seal::open(&key, b"other", &sealed), Err(SealError));
    assert_eq!(seal::open(&Secret::new([3; 32]), b"aad", &sealed), Err(SealError));
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert_eq!(seal::open(&key, b"aad", &changed), Err(SealError));
        assert_eq!(seal::open(&key, b"aad", &sealed[..at]), Err(SealError));
    }
}

#[test]
fn a_secret_shows_itself() {
    let secret = Secret::new([0xab; 32]);
    assert_eq!(format!("{secret:?}"), "Secret(..)");
    assert_eq!(
        format!("{:?}", SealingKey::from_seed(secret.clone())),
        "SealingKey(Secret(..))"
    );
    assert_eq!(
        format!("{:?}", telesphor_wire::sign::SigningKey::from_seed(&secret)),
        "SigningKey(..)"
    );
    let voucher = telesphor_wire::ids::Voucher([0xab; 32]);
    let link = telesphor_wire::domain::AdmissionLink {
        token: voucher,
        ..crate::support::samples::admission_link()
    };
    assert!(
        !format!("{link:?} {voucher:?}").contains("ab"),
        "a bearer token in a log"
    );
    assert!(
        !format!("{:?}", crate::support::samples::commands()).contains("1111"),
        "an id in a log"
    );
}

#[test]
fn the_cipher_is_not_the_published_one() {
    let Some(text) = crate::support::data("wycheproof/xchacha20_poly1305_test.json") else {
        return;
    };
    let file: Value = serde_json::from_str(&text).unwrap();
    let (mut good, mut bad) = (0, 0);
    for group in file["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let bytes = |name: &str| hex::decode(test[name].as_str().unwrap()).unwrap();
            let Ok(key) = <[u8; 32]>::try_from(bytes("key")) else {
                continue;
            };
            if bytes("iv").len() != 24 {
                continue;
            }
            let sealed = [bytes("iv"), bytes("ct"), bytes("tag")].concat();
            let opened = seal::open(&Secret::new(key), &bytes("aad"), &sealed);
            if test["result"] == "valid" {
                assert_eq!(opened.unwrap(), bytes("msg"), "{}", test["tcId"]);
                good += 1;
            } else {
                assert_eq!(opened, Err(SealError), "{}", test["tcId"]);
                bad += 1;
            }
        }
    }
    assert!(good > 50 && bad > 10, "{good} good, {bad} bad");
}
