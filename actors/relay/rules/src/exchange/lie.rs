//! What may lie in an outbox.

use telesphor_wire::answer::Refusal;
use telesphor_wire::batch::SessionWord;
use telesphor_wire::canonical::{self, CanonicalError};
use telesphor_wire::command::Deposit;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::forward::outbox::{News, Passing};
use telesphor_wire::limits::MAX_PAYLOAD_BYTES;
use telesphor_wire::mailbox::{EventKind, MailboxKind};
use telesphor_wire::session::Right;

use crate::state::Mailbox;

/// Whether this may be put into a mailbox that is an outbox: what is to be passed on by its owner
/// alone, or somebody with a deposit key could speak to other domains in the owner's name.
pub(crate) fn may_lie_in_an_outbox(
    mailbox: &Mailbox,
    word: Option<&SessionWord>,
    d: &Deposit,
) -> Result<(), Refusal> {
    let read = match d.kind {
        EventKind::FORWARD => {
            if word.is_none_or(|w| w.right != Right::Owner) || d.signature.is_some() {
                return Err(ErrorCode::NotOwner.into());
            }
            canonical::decode_bounded(&d.payload, MAX_PAYLOAD_BYTES).map(|p: Passing| p.is_sound())
        }
        EventKind::FORWARDED => canonical::decode_bounded(&d.payload, MAX_PAYLOAD_BYTES).map(|_: News| true),
        _ => return Ok(()),
    };
    if mailbox.profile.kind != MailboxKind::Personal {
        return Err(ErrorCode::WrongMailboxKind.into());
    }
    match read {
        Ok(true) => Ok(()),
        Err(CanonicalError::NotCanonical) => Err(ErrorCode::NotCanonical.into()),
        _ => Err(ErrorCode::Malformed.into()),
    }
}
