use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{Incarnation, MailboxId, PartitionId};
use telesphor_wire::receipt::{Attest, AttestStatement, BadReceipt, BatchTree, Receipt};

use crate::support::samples::{key, public, receipt, receipts};

fn relays() -> Vec<telesphor_wire::sign::PublicKey> {
    vec![public(10), public(11), public(12)]
}

#[test]
fn an_honest_receipt_is_refused() {
    for n in 1..=40 {
        for r in receipts(n, &[10, 11]) {
            assert_eq!(r.verify(&relays(), 2), Ok(()), "leaf {} of {n}", r.index);
        }
    }
}

#[test]
fn a_receipt_for_another_event_is_accepted() {
    let good = receipt();
    let wrong: Vec<(&str, Receipt)> = vec![
        (
            "mailbox",
            Receipt {
                leaf: telesphor_wire::receipt::BatchLeaf {
                    mailbox: MailboxId([1; 32]),
                    ..good.leaf
                },
                ..good.clone()
            },
        ),
        (
            "seq",
            Receipt {
                leaf: telesphor_wire::receipt::BatchLeaf { seq: 99, ..good.leaf },
                ..good.clone()
            },
        ),
        (
            "hash",
            Receipt {
                leaf: telesphor_wire::receipt::BatchLeaf {
                    hash: Digest([9; 32]),
                    ..good.leaf
                },
                ..good.clone()
            },
        ),
        (
            "empty path",
            Receipt {
                path: vec![],
                ..good.clone()
            },
        ),
        (
            "longer path",
            Receipt {
                path: [&good.path[..], &[Digest([0; 32])]].concat(),
                ..good.clone()
            },
        ),
        (
            "very long path",
            Receipt {
                path: vec![Digest([0; 32]); 17],
                ..good.clone()
            },
        ),
        (
            "another sibling",
            Receipt {
                path: vec![Digest([0; 32]); good.path.len()],
                ..good.clone()
            },
        ),
        (
            "index outside",
            Receipt {
                index: good.count,
                ..good.clone()
            },
        ),
        (
            "index of another side",
            Receipt {
                index: 1,
                ..good.clone()
            },
        ),
        (
            "count zero",
            Receipt {
                count: 0,
                ..good.clone()
            },
        ),
        (
            "count of a huge batch",
            Receipt {
                count: u32::MAX,
                ..good.clone()
            },
        ),
    ];
    for (what, receipt) in wrong {
        assert_eq!(receipt.verify(&relays(), 2), Err(BadReceipt::Path), "{what}");
    }
}

#[test]
fn too_few_relays_make_a_receipt() {
    let good = receipt();
    assert_eq!(good.verify(&relays(), 3), Err(BadReceipt::Attests));
    assert_eq!(
        good.verify(&relays()[..1], 2),
        Err(BadReceipt::Attests),
        "a stranger's word counts"
    );
    assert_eq!(good.verify(&[], 0), Err(BadReceipt::Attests), "a quorum of none");
    let twice = Receipt {
        attests: vec![good.attests[0].clone(); 2],
        ..good.clone()
    };
    assert_eq!(
        twice.verify(&relays(), 2),
        Err(BadReceipt::Attests),
        "one relay counts twice"
    );
    let swapped = Receipt {
        attests: vec![
            Attest {
                relay: good.attests[1].relay,
                ext: Extensions::none(),
                signature: good.attests[0].signature,
            },
            Attest {
                relay: good.attests[0].relay,
                ext: Extensions::none(),
                signature: good.attests[1].signature,
            },
        ],
        ..good.clone()
    };
    assert_eq!(
        swapped.verify(&relays(), 1),
        Err(BadReceipt::Attests),
        "a word in another's name"
    );
}

#[test]
fn attestations_of_another_head_count() {
    let good = receipt();
    let mut heads = vec![good.head.clone(); 5];
    heads[0].position += 1;
    heads[1].incarnation = Incarnation([0; 32]);
    heads[2].partition = PartitionId(4);
    heads[3].stamp += 1;
    heads[4].previous = Digest([1; 32]);
    for head in heads {
        let moved = Receipt { head, ..good.clone() };
        assert_eq!(moved.verify(&relays(), 1), Err(BadReceipt::Attests));
    }
    // A signature for another purpose, even by the right key, is not an attestation.
    let other = key(10).sign(&crate::support::samples::pseudonym());
    let wrong = Receipt {
        attests: vec![Attest {
            relay: public(10),
            ext: Extensions::none(),
            signature: other,
        }],
        ..good
    };
    assert_eq!(wrong.verify(&relays(), 1), Err(BadReceipt::Attests));
}

#[test]
fn an_empty_batch_or_a_wrong_index_panics() {
    let empty = BatchTree::new(vec![]);
    assert_eq!(empty.root(), Digest([0; 32]));
    assert!(empty.path(7).is_empty());
    let one = BatchTree::new(vec![Digest([1; 32])]);
    assert_eq!(one.root(), Digest([1; 32]));
    assert!(one.path(u32::MAX).is_empty());
}

#[test]
fn a_newer_relays_word_is_lost_or_its_condition_ignored() {
    let later = |critical| {
        Extensions::none().with(Extension {
            id: 900,
            critical,
            body: b"later"[..].into(),
        })
    };
    let good = receipt();
    let attested = |ext: Extensions| {
        let statement = AttestStatement {
            ext: ext.clone(),
            ..good.statement()
        };
        Receipt {
            attests: vec![Attest {
                relay: public(10),
                ext,
                signature: key(10).sign(&statement),
            }],
            ..good.clone()
        }
    };
    assert_eq!(attested(later(false)).verify(&relays(), 1), Ok(()));
    assert_eq!(
        attested(later(true)).verify(&relays(), 1),
        Err(BadReceipt::Attests),
        "a word under a condition that is not known here counts"
    );
    let mut stripped = attested(later(false));
    stripped.attests[0].ext = Extensions::none();
    assert_eq!(stripped.verify(&relays(), 1), Err(BadReceipt::Attests));
}
