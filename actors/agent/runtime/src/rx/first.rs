//! At the counter, while another hospital is asked.

use std::time::Duration;

use telesphor_wire::ids::DocumentId;

use super::record::told;
use crate::api::Agent;
use crate::error::Result;

impl Agent {
    /// What was asked of another hospital's ledger before, about this prescription, is answered
    /// first. So a command that is given again while that hospital is away asks for nothing more,
    /// and what it goes on with afterwards is how things stand then, not how they stood.
    ///
    /// # Errors
    /// [`telesphor_wire::error::ErrorCode::NotYetDurable`],
    /// [`telesphor_wire::error::ErrorCode::Unreachable`]: it is still being asked.
    pub(super) async fn rx_first(&self, id: DocumentId, wait: Duration) -> Result<()> {
        let waits = self.rx_change(move |ctx| ctx.ledger_waits(&id)).await?;
        let Some(ask) = waits else { return Ok(()) };
        self.wait_for(wait, move |core| told(&core.read()?, &ask)).await?;
        self.shared
            .work(move |core| core.write(|ctx| ctx.take_told(&ask)))
            .await?;
        Ok(())
    }
}
