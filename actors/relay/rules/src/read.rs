//! What a holder of a right may read. Looked up at each delivery, never kept from the start
//! of a session.

use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::mailbox::{EventHeader, EventKind, MailboxKind};
use telesphor_wire::session::Right;
use telesphor_wire::sign::PublicKey;

use crate::state::{AccessRecord, Mailbox};

/// What a session has proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The right.
    pub right: Right,
    /// Branch of the key; 0 in personal mailboxes.
    pub branch: u32,
    /// Epoch of the key; 0 in personal mailboxes.
    pub epoch: u64,
    /// Owner key, deposit key, or the epoch's access key (not the pseudonym it certified).
    pub key: PublicKey,
    /// The key that signed the proof: the pseudonym, or the same as `key`.
    pub reader: PublicKey,
    /// (branch, epoch) of the later access key that the reader has proved too, if it did: after
    /// a `cut` it must be the current one.
    pub current: Option<(u32, u64)>,
}

/// The part of a mailbox that may be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadSpan {
    /// Events after this one.
    pub after: u64,
    /// Up to and including this one; `u64::MAX` while the right goes on.
    pub to: u64,
    /// Whether the payloads of application events are held back (after a `cut`).
    pub handshake_only: bool,
    /// Payloads of events stamped before this instant have run out under the policy.
    pub not_before: u64,
}

impl ReadSpan {
    /// Whether the payload of an event in the span may be delivered.
    pub fn shows(&self, header: &EventHeader) -> bool {
        let handshake = matches!(
            header.kind,
            EventKind::PROPOSAL | EventKind::COMMIT | EventKind::REWIND | EventKind::OWNER
        );
        (handshake || !self.handshake_only) && header.stamp >= self.not_before
    }
}

/// Whether a key is registered for a right at all; for [`Right::Read`] the caller must also
/// have checked the pseudonym's certificate under `claim.key`.
///
/// # Errors
/// [`ErrorCode::Refused`] for unknown mailbox and wrong key alike; [`ErrorCode::LeaseOver`].
pub fn may_hold(
    mailbox: Option<&Mailbox>,
    record: Option<&AccessRecord>,
    claim: &Claim,
    now: u64,
) -> Result<(), Refusal> {
    let refused = Refusal::of(ErrorCode::Refused);
    let Some(mailbox) = mailbox else {
        return Err(refused);
    };
    match claim.right {
        Right::Owner if claim.key == mailbox.profile.owner => Ok(()),
        Right::Deposit
            if mailbox.profile.kind == MailboxKind::Personal && mailbox.may_deposit(&claim.key) =>
        {
            Ok(())
        }
        Right::Read => may_read(mailbox, record, claim, now).map(|_| ()),
        _ => Err(refused),
    }
}

/// What may be delivered to the holder of a right, now. `record` is the access key of the
/// claim's (branch, epoch), if there is one; `now` = max(own clock, the order's clock).
///
/// A key (branch, e) reads after the event that began e, up to and including the one that
/// ended it (crypto profile, part 4). The owner reads all of it: ciphertext only.
///
/// # Errors
/// [`ErrorCode::Refused`] without the right; [`ErrorCode::LeaseOver`] when it has ended.
pub fn may_read(
    mailbox: &Mailbox,
    record: Option<&AccessRecord>,
    claim: &Claim,
    now: u64,
) -> Result<ReadSpan, Refusal> {
    let not_before = match mailbox.profile.policy.keep_ms {
        Some(keep) if !mailbox.is_protected(now) => now.saturating_sub(keep),
        _ => 0,
    };
    let all = ReadSpan {
        after: 0,
        to: u64::MAX,
        handshake_only: false,
        not_before,
    };
    match (claim.right, mailbox.profile.kind) {
        (Right::Owner, _) if claim.key == mailbox.profile.owner => Ok(all),
        (Right::Read, MailboxKind::Shared) => {
            let record = record.filter(|r| r.key == claim.key).ok_or(ErrorCode::Refused)?;
            // The key's own end, and the end of the whole mailbox.
            if now > record.lease || mailbox.is_over(now) {
                return Err(ErrorCode::LeaseOver.into());
            }
            let cut = record.begins_at < mailbox.profile.cut_at;
            let holds_current = claim.current == Some((mailbox.head.branch, mailbox.head.epoch));
            Ok(ReadSpan {
                after: record.begins_at,
                to: record.ended_at.unwrap_or(u64::MAX),
                handshake_only: cut && !holds_current,
                ..all
            })
        }
        _ => Err(ErrorCode::Refused.into()),
    }
}
