use telesphor_wire::command::{Deposit, RewindStatement};
use telesphor_wire::ext::Extension;
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::receipt::AttestStatement;
use telesphor_wire::session::PseudonymStatement;
use telesphor_wire::sign::{PublicKey, Signature, Signed};

use crate::support::samples::{
    acts, claim, commit, deposit, key, owner, pseudonym, public, receipt, record, rewind_statement, take,
    voucher,
};

#[test]
fn a_signature_for_one_value_serves_another() {
    let signature = key(1).sign(&pseudonym());
    assert!(public(1).verify(&pseudonym(), &signature).is_ok());
    assert!(public(2).verify(&pseudonym(), &signature).is_err());
    assert!(
        public(1)
            .verify(
                &PseudonymStatement {
                    epoch: 8,
                    ..pseudonym()
                },
                &signature
            )
            .is_err()
    );
    assert!(public(1).verify(&rewind_statement(), &signature).is_err());
    for at in 0..64 {
        for bit in 0..8 {
            let mut changed = signature;
            changed.0[at] ^= 1 << bit;
            assert!(public(1).verify(&pseudonym(), &changed).is_err());
        }
    }
}

#[test]
fn the_holder_of_a_key_judges_its_signatures_otherwise_than_the_others() {
    let signature = key(1).sign(&pseudonym());
    assert!(key(1).confirm(&pseudonym(), &signature).is_ok());
    assert!(key(2).confirm(&pseudonym(), &signature).is_err());
    assert!(key(1).confirm(&rewind_statement(), &signature).is_err());
    for at in 0..64 {
        let mut changed = signature;
        changed.0[at] ^= 1;
        assert!(key(1).confirm(&pseudonym(), &changed).is_err());
    }
}

/// Deciding on the shape of a value alone is not enough: every type has a label of its own.
#[test]
fn two_types_share_a_label() {
    fn label<T: Signed>(_: &T) -> &'static str {
        T::LABEL.word()
    }
    let mut labels = vec![
        label(&claim()),
        label(&pseudonym()),
        label(&deposit().statement()),
        label(&commit().body),
        label(&rewind_statement()),
        label(&owner(acts().swap_remove(0).1).command),
        label(&take().request),
        label(&voucher().statement),
        label(&receipt().statement()),
        label(&record().record),
    ];
    let count = labels.len();
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels.len(), count);
    assert_ne!(
        <RewindStatement as Signed>::LABEL,
        <AttestStatement as Signed>::LABEL
    );
}

/// The eight points of small order, and non-canonical encodings of some: with such a key one
/// signature would be good for many messages.
#[test]
fn a_key_of_small_order_signs_everything() {
    let small = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];
    let mut identity = [0u8; 64];
    identity[0] = 1;
    for point in small {
        let key = PublicKey(hex::decode(point).unwrap().try_into().unwrap());
        for signature in [Signature([0; 64]), Signature(identity)] {
            assert!(key.verify(&pseudonym(), &signature).is_err(), "{point}");
        }
    }
}

#[test]
fn an_s_beyond_the_group_order_is_accepted() {
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let mut signature = key(1).sign(&pseudonym());
    let mut carry = 0u16;
    for (s, l) in signature.0[32..].iter_mut().zip(order) {
        let sum = u16::from(*s) + u16::from(l) + carry;
        *s = sum as u8;
        carry = sum >> 8;
    }
    assert!(public(1).verify(&pseudonym(), &signature).is_err());
}

#[test]
fn a_deposit_is_given_another_kind_epoch_or_extension_on_its_way() {
    let sent = deposit();
    let signature = key(5).sign(&sent.statement());
    let later = Extension {
        id: 900,
        critical: false,
        body: b"later"[..].into(),
    };
    let changed = [
        Deposit {
            kind: EventKind::PROPOSAL,
            ..sent.clone()
        },
        Deposit {
            epoch: sent.epoch + 1,
            ..sent.clone()
        },
        Deposit {
            branch: sent.branch + 1,
            ..sent.clone()
        },
        Deposit {
            ext: sent.ext.clone().with(later),
            ..sent.clone()
        },
    ];
    assert!(public(5).verify(&sent.statement(), &signature).is_ok());
    for deposit in changed {
        assert!(public(5).verify(&deposit.statement(), &signature).is_err());
    }
}
