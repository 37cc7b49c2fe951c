//! `share`, `revoke`, `who`, `log`, and whom documents may go to.

use telesphor_agent::Agent;
use telesphor_agent::views::{ContactState, ContactView};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use super::session::Here;
use crate::fault::{Fault, Result};

/// Clinical content goes to somebody whose words were compared, unless it is said explicitly.
pub(super) fn refuse_unverified(here: &Here<'_>, to: &ContactView, anyway: bool) -> Result<()> {
    if to.state == ContactState::Verified || anyway {
        return Ok(());
    }
    here.out.hint(&format!(
        "The words to compare with {}: {}",
        to.alias,
        to.words.join(" ")
    ));
    Err(Fault::of(ErrorCode::Unverified).then(format!(
        "telesphor contacts confirm {}, or --unverified",
        to.alias
    )))
}

/// A contact's identity, or one's own for `me`.
pub(super) async fn person(agent: &Agent, who: &str) -> Result<IdentityId> {
    if who == "me" {
        return Ok(agent.me().await?.id);
    }
    Ok(agent.contact(who).await?.id)
}
