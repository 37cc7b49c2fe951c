//! From calls to submissions: who says that the sender may, and which mailbox it concerns.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use telesphor_rules::facts::token_hash;
use telesphor_rules::read::Claim;
use telesphor_wire::batch::{SessionWord, Submission};
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::limits::MAX_PAYLOAD_BYTES;
use telesphor_wire::session::Call;

use crate::away::ShownRight;
use crate::house::House;
use crate::observe::{Counters, EngineStanding};
use crate::session::shared::Shared;
use crate::ticket::{Held, Sink, Ticket};
use crate::weight;

/// A right that was proved, here or at a relay that keeps the mailbox.
#[derive(Clone)]
pub(crate) struct Granted {
    pub(crate) mailbox: MailboxId,
    pub(crate) claim: Claim,
    /// What was shown, if the mailbox is kept elsewhere: whoever keeps it looks for himself.
    pub(crate) shown: Option<ShownRight>,
}

impl Granted {
    /// Of a mailbox that is kept here.
    pub(crate) const fn here(mailbox: MailboxId, claim: Claim) -> Self {
        Self {
            mailbox,
            claim,
            shown: None,
        }
    }

    /// Of a mailbox that is kept elsewhere; what the proof claims, as it was shown.
    pub(crate) fn elsewhere(shown: ShownRight) -> Self {
        let proof = &shown.proof;
        let claim = Claim {
            right: proof.right,
            branch: proof.branch,
            epoch: proof.epoch,
            key: proof.key,
            reader: proof.key,
            current: None,
        };
        Self {
            mailbox: proof.mailbox,
            claim,
            shown: Some(shown),
        }
    }
}

/// A submission on its way, with its claim to an answer.
pub(crate) struct Item {
    pub(crate) submission: Submission,
    /// What a command without a signature of its own rests on, if it is passed on.
    pub(crate) shown: Option<ShownRight>,
    pub(crate) ticket: Ticket,
}

/// Passes the calls of one frame on, in one group per mailbox, each group in their order.
pub(crate) fn calls(house: &House, shared: &Shared, calls: Vec<Call>, held: &Arc<Held>, began: Instant) {
    let mut groups: Vec<(MailboxId, Vec<Item>)> = Vec::new();
    let mut places: HashMap<MailboxId, usize> = HashMap::new();
    let handles = shared.handles();
    for call in calls {
        let sink = Sink::Session {
            session: shared.id,
            outbox: shared.outbox.clone(),
            call: call.call,
            weight: weight::answer(&call.command),
        };
        let ticket = Ticket::new(house.core.clone(), sink, call.support, began, held.clone());
        let proved = handles.get(&call.handle);
        let Some((key, item)) = admit(house, call.command, proved, ticket) else {
            continue;
        };
        // Calls of one frame mostly concern one mailbox.
        match groups.last_mut() {
            Some((last, items)) if *last == key => items.push(item),
            _ => {
                let place = *places.entry(key).or_insert(groups.len());
                match groups.get_mut(place) {
                    Some((_, items)) => items.push(item),
                    None => groups.push((key, vec![item])),
                }
            }
        }
    }
    drop(handles);
    for (key, items) in groups {
        house.submit(key, items);
    }
}

/// The checks that need no lookup; then the submission and the mailbox that it is ordered
/// with. Refusals are answered here.
pub(crate) fn admit(
    house: &House,
    command: Command,
    proved: Option<&Granted>,
    ticket: Ticket,
) -> Option<(MailboxId, Item)> {
    match house.core.standing() {
        EngineStanding::Serving => {}
        EngineStanding::Draining => {
            ticket.refuse(ErrorCode::Draining);
            return None;
        }
        EngineStanding::Failed => {
            ticket.refuse(ErrorCode::Fenced);
            return None;
        }
    }
    let word = match word(&command, proved) {
        Ok(word) => word,
        Err(code) => {
            ticket.refuse(code);
            return None;
        }
    };
    Counters::add(&house.core.counters.bytes_in, weight::bytes(&command) as u64);
    let key = place(&command)?;
    let shown = proved
        .filter(|_| word.is_some())
        .and_then(|granted| granted.shown.clone());
    Some((
        key,
        Item {
            submission: Submission { word, command },
            shown,
            ticket,
        },
    ))
}

/// The mailbox that a command is ordered with. An enrolment concerns none; its token decides where it is
/// ordered, so that a token is spent in one place.
pub(crate) fn place(command: &Command) -> Option<MailboxId> {
    match command {
        Command::Enrol(enrol) => Some(MailboxId(token_hash(&enrol.token).0)),
        Command::Admit(signed) => Some(MailboxId(signed.admission.token.0)),
        other => other.place(),
    }
}

/// A deposit without a signature of its own needs a proved right to this very mailbox.
fn word(command: &Command, proved: Option<&Granted>) -> Result<Option<SessionWord>, ErrorCode> {
    let Command::Deposit(deposit) = command else {
        return Ok(None);
    };
    if deposit.payload.len() > MAX_PAYLOAD_BYTES {
        return Err(ErrorCode::TooLarge);
    }
    if deposit.signature.is_some() {
        return Ok(None);
    }
    match proved {
        Some(Granted { mailbox, claim, .. }) if *mailbox == deposit.mailbox => Ok(Some(SessionWord {
            mailbox: *mailbox,
            right: claim.right,
            branch: claim.branch,
            epoch: claim.epoch,
            key: claim.key,
        })),
        _ => Err(ErrorCode::Refused),
    }
}
