//! The order of the checks: partition, memory, time, then the rules of each command.

use telesphor_wire::answer::Refusal;
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{MailboxId, PartitionId};
use telesphor_wire::limits::{DEDUPE_MARGIN_MS, MAX_NOT_AFTER_MS};

use crate::effects::{Decision, Effects, Gave, Remember};
use crate::facts::{At, DomainFacts, Facts, MemoryKey};
use crate::prepared::{Depositor, Prepared};
use crate::state::Mailbox;
use crate::{commit, deposit, enrol, ledger, open, owner, packages};

/// Everything that the rules of one command look at.
pub(crate) struct Case<'a, F> {
    pub(crate) domain: &'a DomainFacts,
    pub(crate) facts: &'a F,
    pub(crate) prepared: &'a Prepared<'a>,
    pub(crate) at: At,
    pub(crate) key: MemoryKey,
}

/// Decides one command. Total and deterministic; a refusal changes nothing.
///
/// A command that was carried out before is recognised before anything else is looked at
/// (epoch, lease, quota, time), so that a retry always finds its receipt.
pub fn decide(domain: &DomainFacts, facts: &impl Facts, prepared: &Prepared<'_>, at: At) -> Decision {
    weigh(domain, facts, prepared, at).unwrap_or_else(Decision::Refused)
}

/// The partition whose order must carry a command: its mailbox's, its ledger entry's, or its token's.
pub fn home(prepared: &Prepared<'_>, partitions: u16) -> PartitionId {
    let id = prepared
        .command
        .place()
        .or(prepared.token().map(|t| MailboxId(t.0)));
    id.map_or(PartitionId(0), |id| PartitionId::of(&id, partitions))
}

fn weigh(
    domain: &DomainFacts,
    facts: &impl Facts,
    prepared: &Prepared<'_>,
    at: At,
) -> Result<Decision, Refusal> {
    if home(prepared, domain.partitions) != at.partition {
        return Err(ErrorCode::NotAllowedHere.into());
    }
    // A bad signature never gets as far as the memory of the key it names.
    if prepared.depositor == Depositor::Forged {
        return Err(match prepared.command {
            Command::Ledger(_) => ErrorCode::BadSignature.into(),
            _ => ErrorCode::Refused.into(),
        });
    }
    let mailbox = prepared.command.mailbox().and_then(|id| facts.mailbox(&id));
    let key = prepared.memory_key(mailbox.as_ref().map(|m| m.profile.kind));
    if let Some(known) = facts.remembered(&key).filter(|k| at.now <= k.keep_until) {
        return if known.body == prepared.body {
            Ok(Decision::Repeated(known))
        } else {
            Err(ErrorCode::OtherBody.into())
        };
    }
    in_time(prepared.command.not_after(), at.now)?;

    let case = Case {
        domain,
        facts,
        prepared,
        at,
        key,
    };
    match prepared.command {
        Command::Deposit(d) => deposit::decide(&case, known(mailbox)?, d),
        Command::Commit(c) => commit::decide(&case, known(mailbox)?, c),
        Command::Owner(o) => match &o.command.act {
            telesphor_wire::command::OwnerAct::Open(open) => open::decide(&case, mailbox, o, open),
            _ => owner::decide(&case, known(mailbox)?, o),
        },
        Command::Take(t) => packages::take(&case, known(mailbox)?, t),
        Command::Enrol(e) => enrol::decide(&case, e),
        Command::Admit(a) => enrol::admit(&case, a),
        Command::Ledger(l) => ledger::decide(&case, l),
    }
}

/// One refusal for an unknown mailbox and for a key without right alike.
fn known(mailbox: Option<Mailbox>) -> Result<Mailbox, Refusal> {
    mailbox.ok_or(ErrorCode::Refused.into())
}

/// A command lives at most seven days, so remembering it until then is enough to do it once.
fn in_time(not_after: u64, now: u64) -> Result<(), Refusal> {
    if now > not_after {
        return Err(ErrorCode::Expired.into());
    }
    if not_after > now.saturating_add(MAX_NOT_AFTER_MS) {
        return Err(ErrorCode::TooFarAhead.into());
    }
    Ok(())
}

/// Refuses extensions that a newer version marked as critical.
pub(crate) fn readable(ext: &Extensions) -> Result<(), Refusal> {
    ext.check(&[]).map_err(|_| ErrorCode::UnknownCritical.into())
}

impl<F> Case<'_, F> {
    /// The memory of this command, with what it gave.
    pub(crate) fn remember(&self, gave: Gave) -> Remember {
        Remember {
            key: self.key,
            body: self.prepared.body,
            keep_until: self.prepared.command.not_after().saturating_add(DEDUPE_MARGIN_MS),
            gave,
        }
    }

    /// Effects that change nothing yet but the memory.
    pub(crate) fn effects(&self, gave: Gave) -> Effects {
        Effects {
            mailbox: None,
            event: None,
            access: Vec::new(),
            release: Vec::new(),
            stock: Vec::new(),
            spent: None,
            token: None,
            ledger: None,
            remember: self.remember(gave),
        }
    }
}
