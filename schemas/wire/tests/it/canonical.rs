use proptest::prelude::*;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical::{self, CanonicalError};
use telesphor_wire::command::{Deposit, DepositKeys};
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::{CommandId, MailboxId};
use telesphor_wire::labels::HashLabel;
use telesphor_wire::limits;
use telesphor_wire::mailbox::{EventKind, Policy};
use telesphor_wire::session::{ClientFrame, Hello, RelayFrame, Reply};

use crate::msgpack::{Kind, Token, after, other_forms, replace, tokens};
use crate::support::samples::{self, Sample, public};

fn refused(sample: &Sample, what: &str, bytes: &[u8]) {
    assert!(
        (sample.decode)(bytes).is_err(),
        "{}: {what} was accepted: {}",
        sample.name,
        hex::encode(bytes)
    );
}

#[test]
fn a_value_that_does_not_come_back_as_it_was() {
    for s in samples::all() {
        assert_eq!((s.decode)(&s.bytes), Ok(s.bytes.clone()), "{}", s.name);
    }
}

#[test]
fn another_way_to_write_the_same_value_is_accepted() {
    for s in samples::all() {
        for token in tokens(&s.bytes) {
            for (what, bytes) in other_forms(&s.bytes, &token) {
                // Some neighbours are other, equally canonical values (nil and [] in an optional
                // list, say); what must never happen is a form that is not its own canonical one.
                if let Ok(again) = (s.decode)(&bytes) {
                    assert_eq!(again, bytes, "{}: {what}", s.name);
                    assert!(
                        !what.contains("over-long") && !what.contains("for bin"),
                        "{}: {what}",
                        s.name
                    );
                }
            }
        }
    }
}

/// serde's structs can also be read from maps of names or of indices.
#[test]
fn a_struct_written_as_a_map_is_accepted() {
    for s in samples::all() {
        let all = tokens(&s.bytes);
        for (i, token) in all.iter().enumerate() {
            let Kind::Array(n) = token.kind else { continue };
            let mut map = vec![0xdf];
            map.extend((n as u32).to_be_bytes());
            let mut j = i + 1;
            for k in 0..n {
                let next = after(&all, j);
                let end = all.get(next).map_or(s.bytes.len(), |t: &Token| t.at);
                map.push(k as u8);
                map.extend(&s.bytes[all[j].at..end]);
                j = next;
            }
            let end = all.get(j).map_or(s.bytes.len(), |t| t.at);
            let bytes = [&s.bytes[..token.at], &map, &s.bytes[end..]].concat();
            refused(&s, "map of indices", &bytes);
        }
    }
    // And with the names of the fields.
    let cursor = telesphor_wire::mailbox::Cursor {
        seq: 1,
        hash: telesphor_wire::hash::Digest([2; 32]),
    };
    let mut named = vec![0x82, 0xa3];
    named.extend(b"seq\x01\xa4hash\xc4\x20");
    named.extend([2; 32]);
    assert_eq!(
        canonical::decode::<telesphor_wire::mailbox::Cursor>(&named),
        Err(CanonicalError::NotCanonical)
    );
    assert_eq!(canonical::decode(&canonical::encode(&cursor)), Ok(cursor));
}

#[test]
fn a_field_too_many_or_too_few_is_accepted() {
    for s in samples::all() {
        let all = tokens(&s.bytes);
        let Kind::Array(n) = all[0].kind else { continue };
        if n == 0 || n > 14 || s.name == "extensions" {
            continue;
        }
        let mut longer = s.bytes.clone();
        longer[0] += 1;
        longer.push(0xc0);
        refused(&s, "a field too many", &longer);
        let last = (0..n - 1).fold(1, |j, _| after(&all, j));
        let mut shorter = s.bytes[..all[last].at].to_vec();
        shorter[0] -= 1;
        refused(&s, "a field too few", &shorter);
    }
}

#[test]
fn a_huge_announced_length_is_believed() {
    // Nothing but heads that announce four billion: refused for want of bytes, at once.
    for s in samples::all() {
        let all = tokens(&s.bytes);
        for token in &all {
            for head in [
                [0xdd, 0xff, 0xff, 0xff, 0xff],
                [0xc6, 0xff, 0xff, 0xff, 0xff],
                [0xdb, 0xff, 0xff, 0xff, 0xff],
            ] {
                let bytes = replace(&s.bytes[..token.body], token, false, &head);
                refused(&s, "huge length", &bytes);
            }
        }
    }
}

#[test]
fn deep_nesting_exhausts_the_stack() {
    for deep in [vec![0x91; 1 << 20], vec![0x81; 1 << 20], vec![0x92; 40]] {
        for s in samples::all() {
            refused(&s, "nested arrays", &deep);
        }
    }
}

#[test]
fn more_than_the_limit_is_parsed() {
    let policy = |n: u8| Policy {
        commit_keys: vec![public(1); n.into()],
        ..Policy::standard()
    };
    assert!(canonical::decode::<Policy>(&canonical::encode(&policy(16))).is_ok());
    assert!(canonical::decode::<Policy>(&canonical::encode(&policy(17))).is_err());

    let keys = |n| DepositKeys(vec![public(1); n]);
    assert!(canonical::decode::<DepositKeys>(&canonical::encode(&keys(limits::MAX_DEPOSIT_KEYS))).is_ok());
    assert!(
        canonical::decode::<DepositKeys>(&canonical::encode(&keys(limits::MAX_DEPOSIT_KEYS + 1))).is_err()
    );

    let many = (0..17u32).fold(Extensions::none(), |e, id| {
        e.with(Extension {
            id,
            critical: false,
            body: Bytes(vec![]),
        })
    });
    assert!(canonical::decode::<Extensions>(&canonical::encode(&many)).is_err());

    let hello = |n| Hello {
        versions: vec![1; n],
        ..samples::hello()
    };
    assert!(canonical::decode::<Hello>(&canonical::encode(&hello(limits::MAX_VERSIONS))).is_ok());
    assert!(canonical::decode::<Hello>(&canonical::encode(&hello(limits::MAX_VERSIONS + 1))).is_err());

    let call = samples::call(samples::commands().swap_remove(2).1);
    let calls = |n| ClientFrame::Calls(vec![call.clone(); n]);
    assert!(
        canonical::decode::<ClientFrame>(&canonical::encode(&calls(limits::MAX_CALLS_PER_FRAME))).is_ok()
    );
    assert!(
        canonical::decode::<ClientFrame>(&canonical::encode(&calls(limits::MAX_CALLS_PER_FRAME + 1)))
            .is_err()
    );

    let reply = Reply {
        call: 1,
        answer: telesphor_wire::answer::Answer::Busy(1),
    };
    let replies = |n| RelayFrame::Replies(vec![reply.clone(); n]);
    assert!(
        canonical::decode::<RelayFrame>(&canonical::encode(&replies(limits::MAX_CALLS_IN_FLIGHT))).is_ok()
    );
    assert!(
        canonical::decode::<RelayFrame>(&canonical::encode(&replies(limits::MAX_CALLS_IN_FLIGHT + 1)))
            .is_err()
    );

    let long = canonical::encode(&Bytes(vec![0; limits::MAX_VALUE_BYTES]));
    assert!(matches!(
        canonical::decode::<Bytes>(&long),
        Err(CanonicalError::TooLarge { .. })
    ));
    assert!(matches!(
        canonical::decode_bounded::<Bytes>(&canonical::encode(&Bytes(vec![0; 9])), 10),
        Err(CanonicalError::TooLarge { len: 11, max: 10 })
    ));
}

#[test]
fn extensions_out_of_order_or_twice_are_accepted() {
    let ext = |id: u32| (id, false, Bytes(vec![]));
    for wrong in [vec![ext(2), ext(1)], vec![ext(1), ext(1)]] {
        assert_eq!(
            canonical::decode::<Extensions>(&canonical::encode(&wrong)),
            Err(CanonicalError::Malformed)
        );
    }
    assert!(canonical::decode::<Extensions>(&canonical::encode(&vec![ext(1), ext(2)])).is_ok());
}

#[test]
fn an_unknown_algorithm_is_skipped() {
    for name in ["public-key", "sealing-public"] {
        let s = samples::all().into_iter().find(|s| s.name == name).unwrap();
        for alg in (0..=127u8).filter(|a| *a != s.bytes[1]) {
            let mut bytes = s.bytes.clone();
            bytes[1] = alg;
            refused(&s, "unknown algorithm", &bytes);
        }
    }
}

proptest! {
    #[test]
    fn a_deposit_of_any_numbers_changes_on_its_way(
        branch: u32, epoch: u64, kind: u16, not_after: u64,
        payload in proptest::collection::vec(any::<u8>(), 0..400),
        ids in proptest::collection::btree_map(any::<u32>(), (any::<bool>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..16),
    ) {
        let ext = ids.into_iter().fold(Extensions::none(), |e, (id, (critical, body))| {
            e.with(Extension { id, critical, body: body.into() })
        });
        let deposit = Deposit {
            mailbox: MailboxId::random(), branch, epoch, kind: EventKind(kind), command_id: CommandId::random(),
            not_after, payload: payload.into(), ext, signature: None,
        };
        let bytes = canonical::encode(&deposit);
        prop_assert_eq!(canonical::decode::<Deposit>(&bytes), Ok(deposit));
        // Shortest heads only: reading it with the test's own reader and writing it again is the same.
        prop_assert_eq!(tokens(&bytes).last().map(|t| t.end), Some(bytes.len()));
    }

    #[test]
    fn arbitrary_bytes_make_a_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for s in samples::all() {
            if let Ok(again) = (s.decode)(&bytes) {
                prop_assert_eq!(&again, &bytes);
            }
        }
    }
}

#[test]
fn a_hash_depends_on_how_the_encoder_cuts_its_writes() {
    for len in [0, 1, 400, 499, 500, 505, 506, 507, 511, 512, 513, 1024, 5000] {
        let value = (7u8, Bytes(vec![0x5a; len]), Bytes(vec![0x33; 512]), "end");
        let whole = blake3::derive_key(HashLabel::Command.context(), &canonical::encode(&value));
        assert_eq!(hash(HashLabel::Command, &value), Digest(whole), "{len}");
    }
}
