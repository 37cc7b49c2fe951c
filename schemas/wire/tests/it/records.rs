//! Delivery records: sealed to one owner, for one mailbox and number, in one size.

use serde_json::Value;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::limits::MAX_RECORD_RANGES;
use telesphor_wire::mailbox::Policy;
use telesphor_wire::padding::{Bucket, pad};
use telesphor_wire::records::{
    CIPHERTEXT_BYTES, DeliveryRecord, KEY_EXTENSION, Range, SealedRecord, key_of, with_key,
};
use telesphor_wire::seal::{SealError, SealingKey};
use telesphor_wire::session::Right;

use crate::support::{repo, samples, vectors};

fn largest() -> DeliveryRecord {
    let top = u64::MAX - 2 * MAX_RECORD_RANGES as u64;
    DeliveryRecord {
        right: Right::Owner,
        branch: u32::MAX,
        epoch: u64::MAX,
        ranges: (0..MAX_RECORD_RANGES as u64)
            .map(|n| Range {
                from: top + 2 * n,
                to: top + 2 * n,
            })
            .collect(),
        payloads: u64::MAX,
        first: u64::MAX,
        last: u64::MAX,
        ..samples::delivery_record()
    }
}

#[test]
fn the_size_of_a_record_tells_what_it_says() {
    let key = SealingKey::generate();
    for record in [samples::delivery_record(), largest()] {
        let sealed = record.seal(&key.public(), 7).unwrap();
        assert!(sealed.has_its_size());
        assert_eq!(sealed.sealed.ciphertext.len(), CIPHERTEXT_BYTES);
        assert_eq!(sealed.open(&record.mailbox, &key).unwrap(), record);
    }
}

#[test]
fn a_record_opens_for_another_owner_mailbox_or_number() {
    let (key, record) = (SealingKey::generate(), samples::delivery_record());
    let sealed = record.seal(&key.public(), 7).unwrap();
    assert!(sealed.open(&record.mailbox, &SealingKey::generate()).is_err());
    assert!(sealed.open(&MailboxId([0; 32]), &key).is_err());
    let moved = SealedRecord {
        number: 8,
        ..sealed.clone()
    };
    assert!(moved.open(&record.mailbox, &key).is_err());
    let mut changed = sealed;
    changed.sealed.ciphertext.0[100] ^= 1;
    assert!(changed.open(&record.mailbox, &key).is_err());
}

#[test]
fn a_record_that_contradicts_itself_is_read() {
    let read = |record: &DeliveryRecord| {
        DeliveryRecord::from_padded(&pad(Bucket::Message, &canonical::encode(record)).unwrap())
    };
    let good = samples::delivery_record();
    assert_eq!(read(&good), Ok(good.clone()));
    let critical = Extension {
        id: 900,
        critical: true,
        body: Bytes(vec![0xc0]),
    };
    let range = |from, to| Range { from, to };
    let bad = [
        DeliveryRecord {
            ranges: Vec::new(),
            ..good.clone()
        },
        DeliveryRecord {
            ranges: vec![range(5, 4)],
            ..good.clone()
        },
        DeliveryRecord {
            ranges: vec![range(1, 4), range(4, 6)],
            ..good.clone()
        },
        DeliveryRecord {
            right: Right::Deposit,
            ..good.clone()
        },
        DeliveryRecord {
            first: good.last + 1,
            ..good.clone()
        },
        DeliveryRecord {
            ext: Extensions::none().with(critical),
            ..good
        },
    ];
    for record in bad {
        assert_eq!(read(&record), Err(SealError), "{record:?}");
    }
}

#[test]
fn a_policy_without_a_key_or_with_something_else_gives_one() {
    let key = SealingKey::generate().public();
    let policy = with_key(Policy::standard(), &key);
    assert_eq!(key_of(&policy), Ok(Some(key.clone())));
    assert_eq!(key_of(&Policy::standard()), Ok(None));
    let other = SealingKey::generate().public();
    assert_eq!(key_of(&with_key(policy, &other)), Ok(Some(other)));
    let wrong = Policy {
        ext: Extensions::none().with(Extension {
            id: KEY_EXTENSION,
            critical: false,
            body: Bytes(vec![1, 2, 3]),
        }),
        ..Policy::standard()
    };
    assert_eq!(key_of(&wrong), Err(SealError));
}

#[test]
fn a_frozen_record_does_not_open() {
    let path = repo().join("schemas/vectors/seal.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let entry = &file["delivery-record"];
    let bytes = |name: &str| hex::decode(entry[name].as_str().unwrap()).unwrap();
    let sealed: SealedRecord = canonical::decode(&bytes("sealed")).unwrap();
    assert_eq!(Some(sealed.number), entry["number"].as_u64());
    let key = SealingKey::from_seed(Secret::new(vectors::HPKE_SEED));
    let record = sealed.open(&samples::mailbox_id(), &key).unwrap();
    assert_eq!(canonical::encode(&record), bytes("record"));
}
