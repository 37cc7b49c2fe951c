//! Who may: strangers, foreign words, forged signatures.

use crate::support::commands::{Home, sign_as, signed_by};
use crate::support::{NOW, command, key};
use crate::{changed, opened};
use telesphor_wire::batch::Submission;
use telesphor_wire::command::{Command, Deposit, OwnerAct, RotateOwner, Take, TakeRequest};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::mailbox::{MailboxKind, next_key};
use telesphor_wire::sign::SigningKey;

#[test]
fn a_stranger_cannot_tell_an_unknown_mailbox_from_one_that_is_not_his() {
    let (personal, shared, unknown) = (Home::personal(1), Home::shared(2), Home::shared(99));
    let mut model = opened(&personal);
    model.must(&shared.open(2));
    let mallory = key("mallory", 0);
    for home in [&personal, &shared, &unknown] {
        let deposit = home.deposit(0, 10, b"x");
        let word = |k: &SigningKey, right| {
            let mut w = deposit.word.unwrap();
            (w.key, w.right) = (k.public(), right);
            Submission {
                word: Some(w),
                ..deposit.clone()
            }
        };
        use telesphor_wire::session::Right;
        let mls = b"mls".as_slice();
        let body = home.commit_body(0, 1, 11, false, mls);
        let mut commit = home.commit_of(body.clone(), mls, None);
        if let Command::Commit(c) = &mut commit.command {
            c.access_signature = mallory.sign(&body);
        }
        let owner = |act| sign_as(&mallory, home.owner_command(0, 1, 12, act));
        let rotate = RotateOwner {
            reveal: mallory.public(),
            next: next_key(&mallory.public()),
        };
        let request = TakeRequest {
            mailbox: home.id,
            contact: mallory.public(),
            command_id: command(13),
            not_after: NOW + 1,
            ext: Extensions::none(),
        };
        let take = Command::Take(Take {
            signature: mallory.sign(&request),
            request,
        });
        let tries = vec![
            word(&mallory, Right::Deposit),
            word(&mallory, Right::Read),
            word(&mallory, Right::Owner),
            signed_by(&mallory, deposit.clone()),
            Submission {
                word: None,
                ..deposit.clone()
            },
            commit,
            owner(OwnerAct::Close(Extensions::none())),
            owner(OwnerAct::Acknowledge(1)),
            owner(OwnerAct::RotateOwner(rotate)),
            Submission {
                word: None,
                command: take,
            },
        ];
        for s in tries {
            let refusal = model.refusal(&s, NOW);
            assert_eq!((refusal.code, refusal.standing), (ErrorCode::Refused, None));
        }
    }
}

#[test]
fn a_word_for_one_mailbox_is_worth_nothing_in_another() {
    let (a, b) = (Home::personal(1), Home::personal(2));
    let mut model = opened(&a);
    model.must(&b.open(2));
    let astray = changed(&a.deposit(0, 10, b"x"), |d| d.mailbox = b.id);
    assert_eq!(model.refuses(&astray), ErrorCode::Refused);
}

#[test]
fn a_deposit_signed_for_something_else_is_refused() {
    let home = Home::personal(1);
    let mut model = opened(&home);
    let good = signed_by(&home.contact(0), home.deposit(0, 10, b"payload"));
    for spoil in [
        (|d: &mut Deposit| d.payload = b"other".as_slice().into()) as fn(&mut Deposit),
        |d| d.command_id = command(11),
        |d| d.not_after += 1,
    ] {
        assert_eq!(model.refuses(&changed(&good, spoil)), ErrorCode::Refused);
    }
    model.must(&good);
}

#[test]
fn the_kinds_of_mailbox_do_not_mix() {
    let (personal, shared) = (Home::personal(1), Home::shared(2));
    let mut model = opened(&personal);
    model.must(&shared.open(2));
    assert_eq!(personal.kind, MailboxKind::Personal);
    assert_eq!(model.refuses(&personal.commit(0, 1, 10)), ErrorCode::Refused);
    assert_eq!(model.refuses(&shared.take(0, 11)), ErrorCode::Refused);
    assert_eq!(model.refuses(&shared.deposit(0, 12, b"x")), ErrorCode::Refused);
    assert_eq!(
        model.refuses(&personal.message(0, 0, 13, b"x")),
        ErrorCode::Refused
    );
}
