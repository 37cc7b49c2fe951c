use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::padding::Bucket;
use telesphor_wire::seal::SealingKey;
use telesphor_wire::sign::SigningKey;

use crate::deposit::*;
use crate::invite::{open_answer, seal_answer};

struct Owner {
    mailbox: MailboxId,
    keys: Vec<IntakeKey>,
}

impl Owner {
    fn new(n: u8) -> Self {
        let key = |i: u8| IntakeKey {
            id: Digest([i; 32]),
            key: SealingKey::generate(),
        };
        Self {
            mailbox: MailboxId([n; 32]),
            keys: vec![key(n), key(n + 100)],
        }
    }

    fn intake(&self, i: usize) -> Intake {
        let k = &self.keys[i];
        Intake {
            mailbox: self.mailbox,
            id: k.id,
            key: k.key.public(),
        }
    }

    fn open(&self, sealed: &[u8]) -> Result<OpenedDeposit, DepositRefused> {
        SealedDeposit(sealed).open(&self.mailbox, &self.keys)
    }
}

const SENDER: IdentityId = IdentityId([5; 32]);

#[test]
fn a_deposit_that_the_recipient_cannot_open() {
    let (owner, endpoint) = (Owner::new(1), SigningKey::generate());
    for i in [0, 1] {
        let sealed = seal_deposit(
            &owner.intake(i),
            SENDER,
            &endpoint,
            b"good morning",
            Bucket::Message,
        )
        .unwrap();
        let opened = owner.open(&sealed).unwrap();
        assert_eq!(opened.claimed(), (SENDER, endpoint.public()));
        let deposit = opened
            .verify(&[SigningKey::generate().public(), endpoint.public()])
            .unwrap();
        assert_eq!(deposit.body(), b"good morning");
        assert_eq!(
            (deposit.sender(), deposit.endpoint()),
            (SENDER, endpoint.public())
        );
    }
}

#[test]
fn a_deposit_passed_on_as_if_meant_for_somebody_else() {
    // The first recipient, dishonest, opens it and seals the same signed content to another one.
    let (first, second, endpoint) = (Owner::new(1), Owner::new(2), SigningKey::generate());
    let sealed = seal_deposit(
        &first.intake(0),
        SENDER,
        &endpoint,
        b"for the first",
        Bucket::Message,
    )
    .unwrap();
    assert_eq!(second.open(&sealed).unwrap_err(), DepositRefused::Closed);
    let inner = first.open(&sealed).unwrap();
    let passed_on = reseal(inner, &second.intake(0));
    let opened = second.open(&passed_on).unwrap();
    assert_eq!(
        opened.verify(&[endpoint.public()]).unwrap_err(),
        DepositRefused::BadSignature
    );
    // Not even to another key of the same mailbox: a deposit to a retired key stays one.
    let sealed = seal_deposit(&first.intake(0), SENDER, &endpoint, b"old key", Bucket::Message).unwrap();
    let moved = reseal(first.open(&sealed).unwrap(), &first.intake(1));
    let opened = first.open(&moved).unwrap();
    assert_eq!(
        opened.verify(&[endpoint.public()]).unwrap_err(),
        DepositRefused::BadSignature
    );
}

#[test]
fn a_deposit_in_somebody_elses_name() {
    let (owner, thief, endpoint) = (Owner::new(1), SigningKey::generate(), SigningKey::generate());
    let sealed = seal_deposit(&owner.intake(0), SENDER, &thief, b"transfer him", Bucket::Message).unwrap();
    let opened = owner.open(&sealed).unwrap();
    assert_eq!(
        opened.verify(&[endpoint.public()]).unwrap_err(),
        DepositRefused::NotCurrent
    );
}

#[test]
fn an_altered_deposit() {
    let (owner, endpoint) = (Owner::new(1), SigningKey::generate());
    let sealed = seal_deposit(&owner.intake(0), SENDER, &endpoint, b"x", Bucket::Message).unwrap();
    for at in [0, 1, 5, 600, sealed.len() - 1] {
        let mut bad = sealed.0.clone();
        bad[at] ^= 1;
        assert!(matches!(
            owner.open(&bad).unwrap_err(),
            DepositRefused::Closed | DepositRefused::Malformed
        ));
    }
    assert_eq!(owner.open(&[]).unwrap_err(), DepositRefused::Malformed);
}

#[test]
fn deposits_whose_size_tells_what_they_are() {
    let (owner, endpoint) = (Owner::new(1), SigningKey::generate());
    let size = |n: usize, b| {
        seal_deposit(&owner.intake(0), SENDER, &endpoint, &vec![1; n], b)
            .unwrap()
            .len()
    };
    assert_eq!(size(0, Bucket::Message), size(300, Bucket::Message));
    assert_eq!(size(10, Bucket::Uniform), size(7_900, Bucket::Uniform));
    let too_large = seal_deposit(
        &owner.intake(0),
        SENDER,
        &endpoint,
        &vec![1; 70_000],
        Bucket::Message,
    );
    assert!(matches!(too_large.unwrap_err(), DepositError::TooLarge(_)));
}

#[test]
fn an_answer_opened_with_half_of_what_it_takes() {
    let (key, secret) = (SealingKey::generate(), Secret::random());
    let sealed = seal_answer(&key.public(), &secret, b"transcript", b"here I am").unwrap();
    assert_eq!(
        open_answer(&key, &secret, b"transcript", &sealed).unwrap(),
        b"here I am"
    );
    assert!(open_answer(&key, &Secret::random(), b"transcript", &sealed).is_err());
    assert!(open_answer(&SealingKey::generate(), &secret, b"transcript", &sealed).is_err());
    assert!(open_answer(&key, &secret, b"another", &sealed).is_err());
    for at in [0, 700, sealed.len() - 1] {
        let mut bad = sealed.0.clone();
        bad[at] ^= 1;
        assert!(open_answer(&key, &secret, b"transcript", &bad).is_err());
    }
}
