//! Who may keep, show and fetch a blob, and how long it stays.
//!
//! Rights hang on mailboxes, never on addresses (crypto profile, part 11): whoever may read a
//! mailbox now may fetch what is kept or shown in it, and nothing else opens the door. These
//! are asked anew while a blob is being given, as they are for every event.

use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::session::Right;

use crate::read::{Claim, may_read};
use crate::state::{AccessRecord, Mailbox};

/// Whether a right lets its holder have a blob that stands in the mailbox since `since`.
///
/// A right that has ended, or that after a `cut` sees handshakes alone, does not: a member who was
/// removed cannot fetch what he had not fetched.
///
/// # Errors
/// The refusal to be sent.
pub fn may_fetch(
    mailbox: &Mailbox,
    record: Option<&AccessRecord>,
    claim: &Claim,
    since: u64,
    now: u64,
) -> Result<(), Refusal> {
    let span = may_read(mailbox, record, claim, now)?;
    if span.to != u64::MAX || span.handshake_only {
        return Err(ErrorCode::WrongEpoch.into());
    }
    match since >= span.not_before {
        true => Ok(()),
        false => Err(ErrorCode::BlobAbsent.into()),
    }
}

/// Whether a right lets its holder show a blob in the mailbox: whoever reads it now may.
///
/// # Errors
/// The refusal to be sent.
pub fn may_show(
    mailbox: &Mailbox,
    record: Option<&AccessRecord>,
    claim: &Claim,
    now: u64,
) -> Result<(), Refusal> {
    if mailbox.profile.closed {
        return Err(ErrorCode::Closed.into());
    }
    may_fetch(mailbox, record, claim, now, now)
}

/// Whether a right lets its holder have blobs kept in the mailbox, under its quota: the owner's.
///
/// # Errors
/// The refusal to be sent.
pub fn may_keep(mailbox: &Mailbox, claim: &Claim) -> Result<(), Refusal> {
    if claim.right != Right::Owner || claim.key != mailbox.profile.owner {
        return Err(ErrorCode::NotOwner.into());
    }
    match mailbox.profile.closed {
        true => Err(ErrorCode::Closed.into()),
        false => Ok(()),
    }
}

/// Whether a right lets its holder take a blob out of the mailbox: the owner's, unless a hold or
/// a retention duty stands. `kept`: the mailbox keeps it; what is only shown may always go.
///
/// # Errors
/// The refusal to be sent.
pub fn may_detach(mailbox: &Mailbox, claim: &Claim, kept: bool, now: u64) -> Result<(), Refusal> {
    if claim.right != Right::Owner || claim.key != mailbox.profile.owner {
        return Err(ErrorCode::NotOwner.into());
    }
    match kept && mailbox.is_protected(now) {
        true => Err(ErrorCode::OnHold.into()),
        false => Ok(()),
    }
}

/// Whether a blob's time in a mailbox has run out: the mailbox is gone or closed, or its policy
/// keeps nothing for so long. A hold or a retention duty keeps it.
pub fn is_over(mailbox: Option<&Mailbox>, since: u64, now: u64) -> bool {
    let Some(mailbox) = mailbox else {
        return true;
    };
    if mailbox.is_protected(now) {
        return false;
    }
    let kept_for = mailbox.profile.policy.keep_ms;
    mailbox.profile.closed || kept_for.is_some_and(|keep| since.saturating_add(keep) < now)
}
