//! What can go wrong between an agent and its relay.

use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;

/// Why a connection, a proof or a call did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// No connection, or it broke. For a call under way the outcome is unknown: the same
    /// bytes must be sent again, and their id makes that harmless.
    #[error("the relay cannot be reached")]
    Lost {
        /// The relay asked to be left alone for so many milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// Another TLS key, domain or attesting key than the pinned one. Nothing was sent.
    #[error("this is not the relay that was agreed on")]
    WrongRelay,
    /// The relay sent something that is not of this protocol.
    #[error("the relay's answer is not well-formed")]
    Form,
    /// The relay refused, with a stable code.
    #[error("refused by the relay: {}", .0.code)]
    Refused(Refusal),
}

impl LinkError {
    /// A connection that ended without a word.
    pub const fn lost() -> Self {
        Self::Lost { retry_after_ms: None }
    }

    /// The stable code of this error.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Lost { .. } => ErrorCode::Unreachable,
            Self::WrongRelay => ErrorCode::WrongRelay,
            Self::Form => ErrorCode::Malformed,
            Self::Refused(refusal) => refusal.code,
        }
    }
}
