//! What only an operator asks for.

use std::time::Duration;

use telesphor_rules::facts::Token;
use telesphor_store::{Fatal, StoreError};
use telesphor_wire::answer::Answer;
use telesphor_wire::command::{Admission, Command, SignedAdmission};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::CommandId;
use telesphor_wire::sign::SigningKey;
use telesphor_wire::text::SupportCode;

use crate::core::Core;
use crate::house::House;
use crate::single;

/// An operator's request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The relay is being stopped.
    #[error("the relay is being stopped")]
    Stopped,
    /// Too many such requests at once.
    #[error("too many such requests at once; try again")]
    Busy,
    /// A majority of relays does not answer; it may be done later all the same.
    #[error("too few relays answer; ask again")]
    NotYet,
    /// The store failed; the process is about to end.
    #[error("the store failed")]
    Failed,
    /// The store refused, and goes on.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Somebody held the store all the while that was to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("somebody still holds the store")]
pub struct StillOpen;

impl From<Fatal> for AdminError {
    fn from(_: Fatal) -> Self {
        Self::Failed
    }
}

/// How long an operator's command is given before he is told to ask again.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between two times that it is asked again whether it is durable.
const AGAIN: Duration = Duration::from_millis(200);

/// The domain's word on an admission token, as a command.
pub(crate) fn admission(core: &Core, key: &SigningKey, token: Digest, entry: Token) -> Command {
    let admission = Admission {
        domain: core.domain.clone(),
        token,
        class: entry.class,
        uses: entry.uses,
        until: entry.until,
        command_id: CommandId::random(),
        not_after: core.clock.now_ms().saturating_add(3_600_000),
        ext: Extensions::none(),
    };
    let signature = key.sign(&admission);
    Command::Admit(Box::new(SignedAdmission { admission, signature }))
}

/// Has an operator's command ordered and carried out, like anybody's.
pub(crate) async fn carried_out(house: &House, command: Command) -> Result<(), AdminError> {
    let began = tokio::time::Instant::now();
    loop {
        match single::command(house, None, SupportCode::random(), command.clone()).await {
            Answer::Admitted(_) => return Ok(()),
            Answer::Refused(refusal) if refusal.code == ErrorCode::Draining => {
                return Err(AdminError::Stopped);
            }
            Answer::Busy(_) | Answer::NotYetDurable(_) if began.elapsed() < PATIENCE => {
                tokio::time::sleep(AGAIN).await;
            }
            Answer::Busy(_) => return Err(AdminError::Busy),
            Answer::NotYetDurable(_) => return Err(AdminError::NotYet),
            _ => return Err(AdminError::Failed),
        }
    }
}
