//! Outboxes for other domains: who puts what into them.

use crate::opened;
use crate::support::commands::Home;
use crate::support::{NOW, key};
use telesphor_wire::batch::Submission;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::Forwarded;
use telesphor_wire::forward::outbox::{News, Passing, Undelivered};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::Nonce;
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::seal::Sealed;
use telesphor_wire::session::Right;
use telesphor_wire::text::SupportCode;

fn passing() -> Passing {
    Passing {
        lane: Nonce([1; 32]),
        support: SupportCode::random(),
        request: Forwarded {
            to: "hospital-b.example".parse().unwrap(),
            key: Digest([2; 32]),
            sealed: Sealed {
                enc: Bytes(vec![3; 1120]),
                ciphertext: Bytes(vec![4; 8 * 1024 + 512 + 16]),
            },
            ext: Extensions::none(),
        },
        ext: Extensions::none(),
    }
}

/// A deposit of a kind, by the owner's word on a session or by a contact's.
fn put(home: &Home, id: u64, kind: EventKind, payload: &[u8], owner: bool) -> Submission {
    let mut submission = home.deposit(0, id, payload);
    if let Command::Deposit(deposit) = &mut submission.command {
        deposit.kind = kind;
    }
    if owner && let Some(word) = &mut submission.word {
        (word.right, word.key) = (Right::Owner, home.owner.public());
    }
    submission
}

#[test]
fn a_contact_speaks_to_other_hospitals_in_the_owners_name() {
    let home = Home::personal(1);
    let mut model = opened(&home);
    let bytes = canonical::encode(&passing());
    for owner in [false, true] {
        let tried = put(&home, 20 + u64::from(owner), EventKind::FORWARD, &bytes, owner);
        if owner {
            model.must(&tried);
        } else {
            assert_eq!(model.refuses(&tried), ErrorCode::NotOwner);
        }
    }
    // What became of it is anybody's whom the owner has listed: the key that home gives for it.
    let news = News::Undelivered(Undelivered {
        to: passing().request.digest(),
        code: ErrorCode::NotDelivered,
        at: NOW,
        ext: Extensions::none(),
    });
    let news = canonical::encode(&news);
    model.must(&put(&home, 30, EventKind::FORWARDED, &news, false));
    let mut stranger = put(&home, 31, EventKind::FORWARDED, &news, false);
    if let Some(word) = &mut stranger.word {
        word.key = key("mallory", 0).public();
    }
    assert_eq!(model.refuses(&stranger), ErrorCode::Refused);
}

#[test]
fn something_that_cannot_be_passed_on_lies_in_an_outbox() {
    let (home, shared) = (Home::personal(1), Home::shared(2));
    let mut model = opened(&home);
    let good = canonical::encode(&passing());
    let mut other_size = passing();
    other_size.request.sealed.ciphertext.0.push(0);
    let mut not_canonical = good.clone();
    not_canonical.pop();
    not_canonical.extend([0xdc, 0, 0]);
    for (number, (payload, code)) in [
        (b"nonsense".to_vec(), ErrorCode::Malformed),
        (good[..good.len() - 1].to_vec(), ErrorCode::Malformed),
        (canonical::encode(&other_size), ErrorCode::Malformed),
        (not_canonical, ErrorCode::NotCanonical),
    ]
    .into_iter()
    .enumerate()
    {
        let tried = put(&home, 40 + number as u64, EventKind::FORWARD, &payload, true);
        assert_eq!(model.refuses(&tried), code);
        let tried = put(&home, 50 + number as u64, EventKind::FORWARDED, &payload, false);
        assert!(matches!(
            model.refuses(&tried),
            ErrorCode::Malformed | ErrorCode::NotCanonical
        ));
    }
    model.must(&shared.open(3));
    let mut by_member = shared.message(0, 1, 60, &good);
    if let Command::Deposit(deposit) = &mut by_member.command {
        deposit.kind = EventKind::FORWARDED;
    }
    assert_eq!(model.refuses(&by_member), ErrorCode::WrongMailboxKind);
}
