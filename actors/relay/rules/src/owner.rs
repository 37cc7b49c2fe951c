//! What only an owner may do: signature, branch, counter, then the act (crypto profile, part 6).

use telesphor_wire::answer::Refusal;
use telesphor_wire::canonical;
use telesphor_wire::command::{OwnerAct, SignedOwnerCommand};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::mailbox::{EventKind, next_key};
use telesphor_wire::sign::PublicKey;

use crate::decide::{Case, readable};
use crate::effects::{Decision, Gave};
use crate::event::{Draft, Words};
use crate::facts::Facts;
use crate::retain::{self, Room};
use crate::state::Mailbox;
use crate::{packages, rewind, settings};

/// Every owner command but Open.
pub(crate) fn decide<F: Facts>(
    case: &Case<'_, F>,
    mailbox: Mailbox,
    signed: &SignedOwnerCommand,
) -> Result<Decision, Refusal> {
    let command = &signed.command;
    let speaker = speaker(&mailbox, &command.act)?;
    speaker
        .verify(command, &signed.signature)
        .map_err(|_| ErrorCode::Refused)?;

    if command.branch != mailbox.head.branch {
        return Err(Refusal::standing(
            ErrorCode::WrongBranch,
            mailbox.standing(mailbox.head.counter),
        ));
    }
    // The counter outlives the memory of ids: an old Erase or SetDepositKeys cannot come back.
    let counter = mailbox.head.counter.checked_add(1).ok_or(ErrorCode::Internal)?;
    if command.counter != counter {
        return Err(Refusal::standing(
            ErrorCode::WrongCounter,
            mailbox.standing(mailbox.head.counter),
        ));
    }
    if mailbox.profile.closed && !serves_closed(&command.act) {
        return Err(ErrorCode::Closed.into());
    }
    readable(&command.ext)?;

    let mut draft = Draft::of(mailbox);
    draft.mailbox.head.counter = counter;
    let room = match &command.act {
        OwnerAct::Open(_) => return Err(ErrorCode::Internal.into()),
        OwnerAct::Acknowledge(seq) => {
            retain::acknowledge(case, &mut draft, *seq)?;
            return Ok(draft.accept(case, Gave::Nothing));
        }
        OwnerAct::PublishKeyPackages(publish) => {
            packages::publish(case, &mut draft, publish)?;
            return Ok(draft.accept(case, Gave::Nothing));
        }
        OwnerAct::Rewind(rewind) => {
            rewind::carry_out(case, &mut draft, signed, rewind)?;
            return Ok(draft.accept(case, Gave::Nothing));
        }
        OwnerAct::RotateOwner(rotate) => {
            settings::rotate(&mut draft, rotate);
            Room::Reserve
        }
        OwnerAct::SetPolicy(policy) => {
            settings::policy(case, &mut draft, policy)?;
            Room::Reserve
        }
        OwnerAct::SetDepositKeys(keys) => {
            settings::deposit_keys(case, &mut draft, keys)?;
            Room::Reserve
        }
        OwnerAct::SetCeiling(ceiling) => {
            settings::ceiling(&mut draft, *ceiling)?;
            Room::Reserve
        }
        OwnerAct::Erase(range) => {
            retain::erase(case, &mut draft, *range)?;
            Room::Always
        }
        OwnerAct::Close(ext) => {
            readable(ext)?;
            draft.profile().closed = true;
            Room::Always
        }
    };
    let head = &draft.mailbox.head;
    let words = Words {
        kind: EventKind::OWNER,
        branch: head.branch,
        epoch: head.epoch,
    };
    draft.append_own(case, words, canonical::encode(signed), room)?;
    Ok(draft.accept(case, Gave::Nothing))
}

/// The key that must have signed: the owner's, or for a rotation the one committed to. A key
/// that was not committed to is refused like any other key without right.
fn speaker(mailbox: &Mailbox, act: &OwnerAct) -> Result<PublicKey, Refusal> {
    match act {
        OwnerAct::RotateOwner(rotate) if next_key(&rotate.reveal) == mailbox.profile.next_owner => {
            Ok(rotate.reveal)
        }
        OwnerAct::RotateOwner(_) => Err(ErrorCode::Refused.into()),
        _ => Ok(mailbox.profile.owner),
    }
}

/// What still serves a closed mailbox: giving up its content, and keeping its key safe until then.
fn serves_closed(act: &OwnerAct) -> bool {
    matches!(
        act,
        OwnerAct::Acknowledge(_) | OwnerAct::Erase(_) | OwnerAct::SetPolicy(_) | OwnerAct::RotateOwner(_)
    )
}
