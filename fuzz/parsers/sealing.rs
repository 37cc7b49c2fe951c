//! What an insider or a hostile contact may put inside a seal. The seal itself is made here
//! around the given bytes, since no fuzzer opens one by chance.

use std::collections::BTreeMap;

use telesphor_sealing::deposit::{IntakeKey, SealedDeposit};
use telesphor_sealing::package::open_package;
use telesphor_sealing::{
    Binding, Change, Expectation, Forbidden, Founding, GroupSession, Incoming, MemberKeys, PackageAddress,
    PackageRules, Suite, WelcomeLetter,
};
use telesphor_wire::canonical;
use telesphor_wire::hash::{Digest, Secret, derive_key};
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::labels::{HpkeLabel, KdfLabel};
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::padding::{Bucket, pad};
use telesphor_wire::seal::{SealingKey, seal, seal_to};
use telesphor_wire::sign::SigningKey;

const MAILBOX: MailboxId = MailboxId([7; 32]);
const NOW: u64 = 1_800_000_000_000;

fn secret(n: u8) -> Secret {
    Secret::new([n; 32])
}

/// A deposit whose content is these bytes.
pub fn deposits(bytes: &[u8]) {
    let _ = SealedDeposit(bytes).open(&MAILBOX, &[]);
    let intake = IntakeKey {
        id: Digest([3; 32]),
        key: SealingKey::from_seed(secret(4)),
    };
    let Ok(padded) = pad(Bucket::Message, bytes) else {
        return;
    };
    let aad = canonical::encode(&(MAILBOX, intake.id));
    let sealed = seal_to(&intake.key.public(), HpkeLabel::Deposit, &aad, &padded).expect("a good key");
    if let Ok(opened) = SealedDeposit(&canonical::encode(&sealed)).open(&MAILBOX, [&intake]) {
        let (_, endpoint) = opened.claimed();
        let _ = opened.verify(&[endpoint]);
    }
}

/// A key package whose content is these bytes.
pub fn packages(bytes: &[u8]) {
    let to = PackageAddress {
        mailbox: MAILBOX,
        contact: SigningKey::from_seed(&secret(5)).public(),
    };
    let aad = canonical::encode(&to);
    let Ok(padded) = pad(Bucket::KeyPackage, bytes) else {
        return;
    };
    let sealed = seal(&derive_key(KdfLabel::KpSeal, &secret(6), &aad), &aad, &padded);
    let rules = PackageRules {
        endpoints: &[],
        min_suite: Suite::default().code(),
        now: NOW,
    };
    assert!(
        open_package(&sealed, &to, &secret(6), &rules).is_err(),
        "a package of nobody's endpoint"
    );
}

/// A Welcome letter.
pub fn welcomes(bytes: &[u8]) {
    let Ok(letter) = canonical::decode::<WelcomeLetter>(bytes) else {
        return;
    };
    let expect = Expectation {
        mailbox: None,
        min_suite: Suite::default().code(),
        owner: None,
        policy: None,
        replace: false,
    };
    let joined = GroupSession::join(&BTreeMap::new(), &keys(), &letter, &expect);
    assert!(joined.is_err(), "joined without a key package");
}

fn keys() -> MemberKeys {
    let endpoint = SigningKey::from_seed(&secret(8)).public();
    MemberKeys::new(IdentityId([9; 32]), endpoint, &secret(10))
}

/// A group with one member, as rows.
pub fn group() -> BTreeMap<Vec<u8>, Vec<u8>> {
    let founding = Founding {
        binding: Binding::new(
            MAILBOX,
            "st-marien.example".parse().expect("a domain"),
            IdentityId([9; 32]),
            Suite::default(),
            Digest([0; 32]),
        ),
        suite: Suite::default(),
        members: vec![],
        now: NOW,
    };
    let mut rows = BTreeMap::new();
    let step = GroupSession::found(&rows, &keys(), &founding).expect("an empty state");
    step.diff().clone().apply_to(&mut rows);
    rows
}

/// An event of each kind with this payload, in that group.
pub fn events(rows: &BTreeMap<Vec<u8>, Vec<u8>>, bytes: &[u8]) {
    let nobody = |_: &Change| Err(Forbidden(1));
    let owner = SigningKey::from_seed(&secret(11)).public();
    for kind in [
        EventKind::MESSAGE,
        EventKind::PROPOSAL,
        EventKind::COMMIT,
        EventKind::REWIND,
    ] {
        let session = GroupSession::load(rows, MAILBOX)
            .expect("rows as written")
            .expect("a group");
        let event = Incoming {
            kind,
            branch: 0,
            epoch: 0,
            stamp: NOW,
            payload: bytes,
        };
        let _ = session.receive(rows, &keys(), event, &owner, &nobody);
    }
}
