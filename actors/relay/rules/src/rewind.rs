//! Rewind: the owner's commit that wins over everything after a base epoch, on a new branch
//! (crypto profile, part 4). The log is never cut; the dead commits stay visible.

use telesphor_wire::answer::Refusal;
use telesphor_wire::canonical;
use telesphor_wire::command::{Rewind, RewindStatement, SignedOwnerCommand, commit_bytes_hash};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::limits::{ATTRIBUTION_BYTES, MAX_PAYLOAD_BYTES};
use telesphor_wire::mailbox::{CommitRule, EventKind, MailboxKind};

use crate::decide::{Case, readable};
use crate::event::{Draft, Words};
use crate::facts::Facts;
use crate::retain::Room;
use crate::state::AccessRecord;

pub(crate) fn carry_out<F: Facts>(
    case: &Case<'_, F>,
    draft: &mut Draft,
    signed: &SignedOwnerCommand,
    rewind: &Rewind,
) -> Result<(), Refusal> {
    let mailbox = &draft.mailbox;
    if mailbox.profile.kind != MailboxKind::Shared {
        return Err(ErrorCode::WrongMailboxKind.into());
    }
    readable(&rewind.ext)?;
    if rewind.mls.len() > MAX_PAYLOAD_BYTES {
        return Err(ErrorCode::TooLarge.into());
    }
    if rewind.attribution.len() != ATTRIBUTION_BYTES || rewind.next_access == mailbox.head.access {
        return Err(ErrorCode::Malformed.into());
    }
    let (id, old_branch, old_epoch) = (mailbox.id, mailbox.head.branch, mailbox.head.epoch);
    let no_such_epoch = || Refusal::standing(ErrorCode::WrongEpoch, mailbox.standing(0));
    let base = case
        .facts
        .access(&id, old_branch, rewind.base_epoch)
        .ok_or_else(no_such_epoch)?;
    let current = case
        .facts
        .access(&id, old_branch, old_epoch)
        .ok_or(ErrorCode::Internal)?;
    let branch = old_branch.checked_add(1).ok_or(ErrorCode::Internal)?;
    let epoch = rewind.base_epoch.checked_add(1).ok_or(ErrorCode::Malformed)?;

    let statement = RewindStatement {
        mailbox: id,
        branch,
        base_epoch: rewind.base_epoch,
        mls: commit_bytes_hash(&rewind.mls),
        next_access: rewind.next_access,
        lease: rewind.lease,
        ext: rewind.ext.clone(),
    };
    base.key
        .verify(&statement, &rewind.base_signature)
        .map_err(|_| ErrorCode::BadSignature)?;
    if rewind.lease > mailbox.profile.ceiling {
        return Err(ErrorCode::LeaseTooLong.into());
    }

    let words = Words {
        kind: EventKind::REWIND,
        branch,
        epoch: rewind.base_epoch,
    };
    draft.append_own(case, words, canonical::encode(signed), Room::Reserve)?;
    let (seq, hash) = (draft.mailbox.head.seq, draft.mailbox.head.hash);
    let ended = |record| AccessRecord {
        ended_at: Some(seq),
        ended_hash: hash,
        ..record
    };
    // Who stayed at the base reads on up to the rewind itself, over the dead commits.
    draft.access.push((old_branch, rewind.base_epoch, ended(base)));
    if old_epoch != rewind.base_epoch {
        draft.access.push((old_branch, old_epoch, ended(current)));
    }
    // The base belongs to the new branch's past too, so that one more rewind can return to
    // it. In the new branch its key has ended as it began: it neither deposits nor commits.
    draft.access.push((
        branch,
        rewind.base_epoch,
        AccessRecord {
            begins_at: seq,
            ..ended(base)
        },
    ));
    let begun = AccessRecord {
        key: rewind.next_access,
        begins_at: seq,
        ended_at: None,
        ended_hash: Digest([0; 32]),
        lease: rewind.lease,
    };
    draft.access.push((branch, epoch, begun));
    let head = &mut draft.mailbox.head;
    (head.branch, head.epoch, head.access, head.lease) = (branch, epoch, rewind.next_access, rewind.lease);
    // One wedge per insider, not one per minute.
    draft.profile().policy.commits = CommitRule::Listed;
    Ok(())
}
