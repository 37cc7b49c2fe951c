//! Open: a new mailbox for a voucher of the domain. The voucher is spent in the partition of
//! the mailbox, so that spending it is decided in one place.

use std::sync::Arc;

use telesphor_wire::answer::Refusal;
use telesphor_wire::canonical;
use telesphor_wire::command::{FirstAccess, Open, SignedOwnerCommand, SignedVoucher};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{MailboxId, PartitionId};
use telesphor_wire::mailbox::{EventKind, MailboxKind};
use telesphor_wire::sign::PublicKey;

use crate::class;
use crate::decide::{Case, readable};
use crate::effects::{Decision, Gave};
use crate::event::{Draft, Words};
use crate::facts::{Facts, token_hash};
use crate::retain::Room;
use crate::settings::{check_deposit_keys, check_policy};
use crate::state::{AccessRecord, Head, Mailbox, Profile};

pub(crate) fn decide<F: Facts>(
    case: &Case<'_, F>,
    mailbox: Option<Mailbox>,
    signed: &SignedOwnerCommand,
    open: &Open,
) -> Result<Decision, Refusal> {
    let (command, genesis) = (&signed.command, &open.genesis);
    voucher(case, &genesis.mailbox, &open.voucher)?;
    if genesis.mailbox != command.mailbox || (command.branch, command.counter) != (0, 0) {
        return Err(ErrorCode::Malformed.into());
    }
    genesis
        .owner
        .verify(command, &signed.signature)
        .map_err(|_| ErrorCode::BadSignature)?;
    if genesis.domain != case.domain.domain {
        return Err(ErrorCode::NotAllowedHere.into());
    }
    if mailbox.is_some() {
        return Err(ErrorCode::AlreadyExists.into());
    }
    readable(&command.ext)?;
    readable(&genesis.ext)?;
    check_policy(&genesis.policy)?;
    check_deposit_keys(&open.deposit_keys)?;
    let access = first_access(open)?;

    let statement = &open.voucher.statement;
    let mut draft = Draft::opening(begin(open, statement.class, access));
    draft.spent = Some((token_hash(&statement.voucher), statement.until));
    let epoch = draft.mailbox.head.epoch;
    if let Some(first) = access {
        let record = AccessRecord {
            key: first.key,
            begins_at: 0,
            ended_at: None,
            ended_hash: Digest([0; 32]),
            lease: first.lease,
        };
        draft.access.push((0, epoch, record));
    }
    let words = Words {
        kind: EventKind::OWNER,
        branch: 0,
        epoch,
    };
    draft.append_own(case, words, canonical::encode(signed), Room::Reserve)?;
    Ok(draft.accept(case, Gave::Nothing))
}

/// The domain's permission: genuine, for this domain, in time, of a known class, in the
/// partition of the mailbox, and not spent.
fn voucher<F: Facts>(case: &Case<'_, F>, mailbox: &MailboxId, signed: &SignedVoucher) -> Result<(), Refusal> {
    let statement = &signed.statement;
    let invalid = Refusal::of(ErrorCode::AdmissionInvalid);
    if case
        .domain
        .admission
        .verify(statement, &signed.signature)
        .is_err()
    {
        return Err(invalid);
    }
    readable(&statement.ext)?;
    let partition = |id: &MailboxId| PartitionId::of(id, case.domain.partitions);
    if statement.domain != case.domain.domain
        || case.at.now > statement.until
        || class::by_number(statement.class).is_none()
        || partition(&MailboxId(statement.voucher.0)) != partition(mailbox)
    {
        return Err(invalid);
    }
    if case.facts.voucher_spent(&token_hash(&statement.voucher)) {
        return Err(ErrorCode::VoucherSpent.into());
    }
    Ok(())
}

/// A shared mailbox begins with an access key, a personal one without.
fn first_access(open: &Open) -> Result<Option<&FirstAccess>, Refusal> {
    match (open.genesis.kind, &open.access) {
        (MailboxKind::Personal, None) => Ok(None),
        (MailboxKind::Shared, Some(_)) if !open.deposit_keys.0.is_empty() => {
            Err(ErrorCode::WrongMailboxKind.into())
        }
        (MailboxKind::Shared, Some(first)) if first.lease > first.ceiling => {
            Err(ErrorCode::LeaseTooLong.into())
        }
        (MailboxKind::Shared, Some(first)) => Ok(Some(first)),
        _ => Err(ErrorCode::WrongMailboxKind.into()),
    }
}

fn begin(open: &Open, class: u16, access: Option<&FirstAccess>) -> Mailbox {
    let genesis = &open.genesis;
    let link = genesis.link();
    let none = PublicKey(genesis.owner.0);
    Mailbox {
        id: genesis.mailbox,
        head: Head {
            seq: 0,
            hash: link,
            stamp: 0,
            branch: 0,
            epoch: access.map_or(0, |a| a.epoch),
            access: access.map_or(none, |a| a.key),
            lease: access.map_or(u64::MAX, |a| a.lease),
            counter: 0,
            total: 0,
            kept_bytes: 0,
            kept_events: 0,
            acknowledged: 0,
            floor: 0,
            floor_total: 0,
            oldest: u64::MAX,
        },
        profile: Arc::new(Profile {
            kind: genesis.kind,
            genesis: link,
            min_suite: genesis.min_suite,
            class,
            owner: genesis.owner,
            next_owner: genesis.next_owner,
            ceiling: access.map_or(u64::MAX, |a| a.ceiling),
            closed: false,
            cut_at: 0,
            packages: 0,
            policy: genesis.policy.clone(),
            deposit_keys: open.deposit_keys.0.clone(),
            holes: Vec::new(),
        }),
    }
}
