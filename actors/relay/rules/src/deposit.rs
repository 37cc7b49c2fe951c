//! Deposit: a deposit key puts a sealed message into a personal mailbox, a member puts an MLS
//! message into a shared one (design 4.1; crypto profile, parts 4 and 5).

use telesphor_wire::answer::Refusal;
use telesphor_wire::command::Deposit;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::limits::MAX_PAYLOAD_BYTES;
use telesphor_wire::mailbox::MailboxKind;
use telesphor_wire::session::Right;
use telesphor_wire::sign::PublicKey;

use crate::decide::{Case, readable};
use crate::effects::{Decision, Gave};
use crate::event::{Draft, Words};
use crate::exchange;
use crate::facts::Facts;
use crate::prepared::Depositor;
use crate::state::Mailbox;

pub(crate) fn decide<F: Facts>(
    case: &Case<'_, F>,
    mailbox: Mailbox,
    d: &Deposit,
) -> Result<Decision, Refusal> {
    match mailbox.profile.kind {
        MailboxKind::Personal => by_contact(case, &mailbox, d)?,
        MailboxKind::Shared => by_member(case, &mailbox, d)?,
    }
    well_formed(&mailbox, d)?;
    exchange::may_lie_in_an_outbox(&mailbox, case.prepared.word, d)?;
    let words = Words {
        kind: d.kind,
        branch: d.branch,
        epoch: d.epoch,
    };
    let mut draft = Draft::of(mailbox);
    draft.append_deposit(case, words, d.payload.len())?;
    Ok(draft.accept(case, Gave::Nothing))
}

/// A contact's deposit key, or the owner (who could list a key of his own as well).
fn by_contact<F: Facts>(case: &Case<'_, F>, mailbox: &Mailbox, d: &Deposit) -> Result<(), Refusal> {
    let allowed = match (case.prepared.depositor, case.prepared.word) {
        (Depositor::Signed(key), _) => mailbox.may_deposit(&key),
        (Depositor::Word, Some(word)) if word.mailbox == d.mailbox => match word.right {
            Right::Deposit => mailbox.may_deposit(&word.key),
            Right::Owner => word.key == mailbox.profile.owner,
            Right::Read => false,
        },
        _ => false,
    };
    if allowed {
        Ok(())
    } else {
        Err(ErrorCode::Refused.into())
    }
}

/// The current access key: looked up now, not when the session began, so that a deposit
/// ordered after the commit that ended its epoch is refused.
fn by_member<F: Facts>(case: &Case<'_, F>, mailbox: &Mailbox, d: &Deposit) -> Result<(), Refusal> {
    let (key, branch, epoch): (PublicKey, u32, u64) = match (case.prepared.depositor, case.prepared.word) {
        (Depositor::Signed(key), _) => (key, d.branch, d.epoch),
        (Depositor::Word, Some(w)) if w.mailbox == d.mailbox && w.right == Right::Read => {
            (w.key, w.branch, w.epoch)
        }
        _ => return Err(ErrorCode::Refused.into()),
    };
    let head = &mailbox.head;
    if (branch, epoch) != (head.branch, head.epoch) {
        let record = case
            .facts
            .access(&mailbox.id, branch, epoch)
            .filter(|r| r.key == key);
        let record = record.ok_or(ErrorCode::Refused)?;
        let code = if branch == head.branch {
            ErrorCode::WrongEpoch
        } else {
            ErrorCode::WrongBranch
        };
        return Err(Refusal::standing(
            code,
            mailbox.standing_for(&record, branch, epoch),
        ));
    }
    if key != head.access {
        return Err(ErrorCode::Refused.into());
    }
    if mailbox.is_over(case.at.now) {
        return Err(ErrorCode::LeaseOver.into());
    }
    if d.branch != head.branch {
        return Err(Refusal::standing(ErrorCode::WrongBranch, mailbox.standing(0)));
    }
    if d.epoch != head.epoch {
        return Err(Refusal::standing(ErrorCode::WrongEpoch, mailbox.standing(0)));
    }
    Ok(())
}

fn well_formed(mailbox: &Mailbox, d: &Deposit) -> Result<(), Refusal> {
    if mailbox.profile.closed {
        return Err(ErrorCode::Closed.into());
    }
    if !d.kind.may_be_deposited() {
        return Err(ErrorCode::NotAllowedHere.into());
    }
    if mailbox.profile.kind == MailboxKind::Personal && (d.branch, d.epoch) != (0, 0) {
        return Err(ErrorCode::Malformed.into());
    }
    if d.payload.len() > MAX_PAYLOAD_BYTES {
        return Err(ErrorCode::TooLarge.into());
    }
    readable(&d.ext)
}
