//! The fuzz targets' functions for this crate, run for a short and always equal round.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../../fuzz/parsers/mutate.rs"]
mod mutate;
#[path = "../../../../fuzz/parsers/sealing.rs"]
mod sealing;

use telesphor_sealing::WelcomeLetter;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{Commit, CommitBody, commit_bytes_hash};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{CommandId, IdentityId, MailboxId};
use telesphor_wire::mailbox::payload_hash;
use telesphor_wire::sign::{Signature, SigningKey};

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([n; 32]))
}

#[test]
fn mutated_deposits_break_the_opening() {
    // The shape of a deposit's content, signed or not.
    let body = b"body".to_vec();
    let content = canonical::encode(&(
        1u8,
        IdentityId([1; 32]),
        key(2).public(),
        Bytes(body.clone()),
        Extensions::none(),
        Signature([9; 64]),
    ));
    assert_eq!(payload_hash(&body), payload_hash(b"body"));
    mutate::round(&[content], 400, sealing::deposits);
}

#[test]
fn mutated_packages_break_the_taking() {
    let member = (IdentityId([1; 32]), key(2).public(), key(3).public());
    let to = (MailboxId([7; 32]), key(5).public());
    let statement = (
        1u8,
        to,
        false,
        member,
        Bytes(vec![0, 1, 0, 0x4e, 0x20]),
        Extensions::none(),
    );
    mutate::round(
        &[canonical::encode(&(statement, Signature([9; 64])))],
        2_000,
        sealing::packages,
    );
}

#[test]
fn mutated_welcomes_break_the_joining() {
    let letter = WelcomeLetter {
        version: 1,
        mailbox: MailboxId([7; 32]),
        domain: "st-marien.example".parse().unwrap(),
        branch: 0,
        epoch: 1,
        access: key(1).public(),
        welcome: Bytes(vec![0, 1, 0, 3, 0, 0x4e, 0x40, 0x00]),
        ext: Extensions::none(),
    };
    mutate::round(&[canonical::encode(&letter)], 4_000, sealing::welcomes);
}

#[test]
fn mutated_events_break_the_group() {
    let rows = sealing::group();
    // The head of an MLS private message of this group, epoch 0, and a commit around it.
    let mut mls = vec![0, 1, 0, 2, 32];
    mls.extend([7; 32]);
    mls.extend([0; 8]);
    mls.extend([1, 0, 4, 1, 2, 3, 4, 4, 5, 6, 7, 8]);
    let body = CommitBody {
        mailbox: MailboxId([7; 32]),
        branch: 0,
        from_epoch: 0,
        mls: commit_bytes_hash(&mls),
        next_access: key(1).public(),
        lease: u64::MAX,
        cut: false,
        attribution: Bytes(vec![1; 512]),
        command_id: CommandId([2; 32]),
        not_after: u64::MAX,
        ext: Extensions::none(),
    };
    let commit = Commit {
        access_signature: key(1).sign(&body),
        second: None,
        mls: Bytes(mls.clone()),
        body,
    };
    mutate::round(&[mls, canonical::encode(&commit)], 250, |bytes| {
        sealing::events(&rows, bytes)
    });
}
