//! Commit: first wins, and everybody else learns where the winner stands (crypto profile,
//! part 4). The commit installs the next access key, so a removed member loses access at the
//! relay in the very event that removes them from the group.

use telesphor_wire::answer::Refusal;
use telesphor_wire::canonical;
use telesphor_wire::command::{Commit, commit_bytes_hash};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::limits::{ATTRIBUTION_BYTES, MAX_PAYLOAD_BYTES};
use telesphor_wire::mailbox::{CommitRule, EventKind, MailboxKind};

use crate::decide::{Case, readable};
use crate::effects::{Decision, Gave};
use crate::event::{Draft, Words};
use crate::facts::Facts;
use crate::retain::Room;
use crate::state::{AccessRecord, Mailbox};

pub(crate) fn decide<F: Facts>(
    case: &Case<'_, F>,
    mailbox: Mailbox,
    c: &Commit,
) -> Result<Decision, Refusal> {
    let body = &c.body;
    if mailbox.profile.kind != MailboxKind::Shared {
        return Err(ErrorCode::Refused.into());
    }
    let record = case
        .facts
        .access(&mailbox.id, body.branch, body.from_epoch)
        .ok_or(ErrorCode::Refused)?;
    record
        .key
        .verify(body, &c.access_signature)
        .map_err(|_| ErrorCode::Refused)?;

    // From here on the sender is known to have been a member of that epoch.
    if body.branch != mailbox.head.branch {
        let standing = mailbox.standing_for(&record, body.branch, body.from_epoch);
        return Err(Refusal::standing(ErrorCode::WrongBranch, standing));
    }
    if body.from_epoch != mailbox.head.epoch {
        let standing = mailbox.standing_for(&record, body.branch, body.from_epoch);
        return Err(Refusal::standing(ErrorCode::EpochConflict, standing));
    }
    if mailbox.profile.closed {
        return Err(ErrorCode::Closed.into());
    }
    well_formed(&mailbox, c)?;
    second_word(case, &mailbox, c)?;
    if body.lease > mailbox.profile.ceiling {
        return Err(ErrorCode::LeaseTooLong.into());
    }

    let next_epoch = body.from_epoch.checked_add(1).ok_or(ErrorCode::Malformed)?;
    let words = Words {
        kind: EventKind::COMMIT,
        branch: body.branch,
        epoch: body.from_epoch,
    };
    let mut draft = Draft::of(mailbox);
    draft.append_own(case, words, canonical::encode(c), Room::Reserve)?;
    let (seq, hash) = (draft.mailbox.head.seq, draft.mailbox.head.hash);
    let ended = AccessRecord {
        ended_at: Some(seq),
        ended_hash: hash,
        ..record
    };
    let begun = AccessRecord {
        key: body.next_access,
        begins_at: seq,
        ended_at: None,
        ended_hash: Digest([0; 32]),
        lease: body.lease,
    };
    draft.access.push((body.branch, body.from_epoch, ended));
    draft.access.push((body.branch, next_epoch, begun));
    let head = &mut draft.mailbox.head;
    (head.epoch, head.access, head.lease) = (next_epoch, body.next_access, body.lease);
    if body.cut {
        draft.profile().cut_at = seq;
    }
    Ok(draft.accept(case, Gave::Nothing))
}

fn well_formed(mailbox: &Mailbox, c: &Commit) -> Result<(), Refusal> {
    let body = &c.body;
    if c.mls.len() > MAX_PAYLOAD_BYTES {
        return Err(ErrorCode::TooLarge.into());
    }
    // A commit that keeps the key would keep the removed member's access too.
    if body.attribution.len() != ATTRIBUTION_BYTES
        || body.mls != commit_bytes_hash(&c.mls)
        || body.next_access == mailbox.head.access
    {
        return Err(ErrorCode::Malformed.into());
    }
    readable(&body.ext)
}

/// The second signature: good wherever it stands, and needed under `listed` and after the lease.
fn second_word<F: Facts>(case: &Case<'_, F>, mailbox: &Mailbox, c: &Commit) -> Result<(), Refusal> {
    let policy = &mailbox.profile.policy;
    let Some((key, signature)) = &c.second else {
        if mailbox.is_over(case.at.now) {
            return Err(ErrorCode::LeaseOver.into());
        }
        return match policy.commits {
            CommitRule::Open => Ok(()),
            CommitRule::Listed => Err(ErrorCode::NotListed.into()),
        };
    };
    if *key != mailbox.profile.owner && policy.commit_keys.binary_search(key).is_err() {
        return Err(ErrorCode::NotListed.into());
    }
    key.verify(&c.body, signature)
        .map_err(|_| ErrorCode::BadSignature.into())
}
