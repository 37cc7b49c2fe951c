//! `ack`, `amend`, `retract`.

use super::agent::Agent;
use crate::acts::amend::Correction;
use crate::acts::retract::RetractRequest;
use crate::error::Result;
use crate::views::{Amended, Retracted};

impl Agent {
    /// Takes responsibility for what a document asks, or declines it in words.
    ///
    /// # Errors
    /// `NotFound`; `NothingToAccept` for one's own documents; `Retracted`; `LeaseOver`.
    pub async fn acknowledge(&self, what: &str, declined: Option<String>) -> Result<()> {
        let what = what.to_owned();
        self.shared
            .change(move |core| core.write(|ctx| ctx.accept_or_decline(&what, declined.as_deref())))
            .await
    }

    /// Puts a corrected document in the place of one of one's own, for everybody who has it.
    /// Returns as soon as it is in the outbox; [`Agent::wait_sent`] waits for more.
    ///
    /// # Errors
    /// `NotFound`; `NotAuthor`; `Replaced` or `Retracted` if it is not the current one; `TooLarge`.
    pub async fn amend(&self, what: &str, correction: Correction) -> Result<Amended> {
        let what = what.to_owned();
        self.shared
            .change(move |core| core.write(|ctx| ctx.amend(&what, correction)))
            .await
    }

    /// Takes a document of one's own back, with the others of its chain, from everybody who was
    /// sent or shown any of them. What has not left yet does not leave any more; what was read or
    /// copied stays so. Returns as soon as it is in the outbox.
    ///
    /// # Errors
    /// `NotFound`; `NotAuthor`; `Retracted` if that was done already.
    pub async fn retract(&self, request: RetractRequest) -> Result<Retracted> {
        self.shared
            .change(move |core| core.write(|ctx| ctx.retract(&request)))
            .await
    }
}
