//! Why a prescription could not be filled, in words for a counter.

use telesphor_agent::Agent;
use telesphor_agent::views::RxView;
use telesphor_wire::error::ErrorCode;

use super::session::Here;
use crate::fault::Fault;
use crate::shown;

/// What of a prescription is under way here, for a fault.
fn here_words(here: &Here<'_>, view: &RxView) -> String {
    let fills = view
        .fills
        .iter()
        .rev()
        .map(|f| shown::rx::fill_words(here.out, f));
    fills.take(1).collect()
}

/// What a counter does while the other hospital is away.
pub(super) fn away_words(view: &RxView) -> String {
    let again = "hand nothing over; the same command again goes on where it was";
    match view.rx.offline {
        0 => again.to_owned(),
        units => format!(
            "{again}; or, of the allowance of {}: telesphor rx fill WHAT --offline N --why WORDS",
            view.rx.amount(units)
        ),
    }
}

/// A fault with what is known of the prescription beside it.
pub(super) async fn explained(
    here: &Here<'_>,
    agent: &Agent,
    id: &str,
    error: telesphor_agent::Error,
) -> Fault {
    let code = error.code;
    let fault = Fault::from(error);
    let Ok(view) = agent.rx(id).await else {
        return fault;
    };
    let what = match code {
        ErrorCode::RxNotEnough | ErrorCode::RxAllTaken | ErrorCode::RxOnHold | ErrorCode::RxLetGo => {
            match agent.rx_left(&view.document.id, here.wait()).await {
                Ok(left) => format!("left: {}", shown::rx::left_words(here.out, &view.rx, &left)),
                Err(_) => return fault,
            }
        }
        ErrorCode::RxNotDue => match view.rx.next_due(here.now_ms()) {
            Some(next) => format!("due {}", here.out.exactly(next)),
            None => return fault,
        },
        ErrorCode::RxNoTicket | ErrorCode::RxNotReserved | ErrorCode::RxHandedOver => here_words(here, &view),
        ErrorCode::RxNotThisLedger => format!("it is kept in the ledger of {}", view.rx.domain.as_str()),
        ErrorCode::DomainUnknown | ErrorCode::ExchangeOff | ErrorCode::NotPinnedThere => {
            format!("it is kept in the ledger of {}", view.rx.domain.as_str())
        }
        ErrorCode::NotYetDurable | ErrorCode::NotDelivered if view.elsewhere => {
            format!("{} keeps it and has not answered", view.rx.domain.as_str())
        }
        ErrorCode::RxNoOffline => format!("allowed: {}", view.rx.amount(view.rx.offline)),
        _ => return fault,
    };
    fault.with(what)
}
