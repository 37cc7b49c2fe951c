//! The owner's settings: key, policy, deposit keys, ceiling.

use telesphor_wire::answer::Refusal;
use telesphor_wire::command::{DepositKeys, RotateOwner};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::limits::{DEPOSIT_KEY_PADDING, MAX_COMMIT_KEYS, MAX_DEPOSIT_KEYS};
use telesphor_wire::mailbox::{MailboxKind, Policy};
use telesphor_wire::sign::PublicKey;

use crate::decide::{Case, readable};
use crate::event::Draft;
use crate::facts::Facts;
use crate::{packages, records, retain};

/// The revealed key takes over; whether it may has been checked by then.
pub(crate) fn rotate(draft: &mut Draft, rotate: &RotateOwner) {
    let profile = draft.profile();
    (profile.owner, profile.next_owner) = (rotate.reveal, rotate.next);
}

pub(crate) fn policy<F: Facts>(case: &Case<'_, F>, draft: &mut Draft, new: &Policy) -> Result<(), Refusal> {
    check_policy(new)?;
    if new.no_erase_before < draft.mailbox.profile.policy.no_erase_before {
        return Err(ErrorCode::OnHold.into());
    }
    draft.profile().policy = new.clone();
    // What was acknowledged under a hold goes when the hold does.
    retain::let_go(case, draft)
}

/// Bounds and form of a policy, whoever sets it.
pub(crate) fn check_policy(policy: &Policy) -> Result<(), Refusal> {
    if policy.commit_keys.len() > MAX_COMMIT_KEYS {
        return Err(ErrorCode::TooMany.into());
    }
    if !sorted_once(&policy.commit_keys) {
        return Err(ErrorCode::Malformed.into());
    }
    records::check_key(policy)?;
    readable(&policy.ext)
}

pub(crate) fn deposit_keys<F: Facts>(
    case: &Case<'_, F>,
    draft: &mut Draft,
    keys: &DepositKeys,
) -> Result<(), Refusal> {
    if draft.mailbox.profile.kind != MailboxKind::Personal {
        return Err(ErrorCode::WrongMailboxKind.into());
    }
    check_deposit_keys(keys)?;
    packages::forget_others(case, draft, &keys.0);
    draft.profile().deposit_keys.clone_from(&keys.0);
    Ok(())
}

/// Bounds and form of a list of deposit keys: sorted, each once, padded so that their number
/// does not tell the number of contacts.
pub(crate) fn check_deposit_keys(keys: &DepositKeys) -> Result<(), Refusal> {
    if keys.0.len() > MAX_DEPOSIT_KEYS {
        return Err(ErrorCode::TooMany.into());
    }
    if !sorted_once(&keys.0) || !keys.0.len().is_multiple_of(DEPOSIT_KEY_PADDING) {
        return Err(ErrorCode::Malformed.into());
    }
    Ok(())
}

pub(crate) fn ceiling(draft: &mut Draft, ceiling: u64) -> Result<(), Refusal> {
    if draft.mailbox.profile.kind != MailboxKind::Shared {
        return Err(ErrorCode::WrongMailboxKind.into());
    }
    draft.profile().ceiling = ceiling;
    Ok(())
}

fn sorted_once(keys: &[PublicKey]) -> bool {
    keys.windows(2).all(|pair| matches!(pair, [a, b] if a < b))
}
