//! Errors of the agent: one stable code each, and what helps the caller go on.

use std::fmt;

use telesphor_wire::error::ErrorCode;
use telesphor_wire::text::SupportCode;

use crate::link::LinkError;

/// What went wrong. Carries no name, id or content; the words for the user come from
/// [`ErrorCode::words`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The stable code.
    pub code: ErrorCode,
    /// The relay's log can be searched by this, if a relay was asked.
    pub support: Option<SupportCode>,
    /// Come back after so many milliseconds.
    pub retry_after_ms: Option<u64>,
    /// Where in this program, for faults of ours; never data.
    pub place: Option<&'static str>,
}

/// The agent's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error that needs no more than its code.
    pub const fn of(code: ErrorCode) -> Self {
        Self {
            code,
            support: None,
            retry_after_ms: None,
            place: None,
        }
    }

    /// A fault of this program at a named place.
    pub const fn fault(place: &'static str) -> Self {
        Self {
            code: ErrorCode::AgentFault,
            support: None,
            retry_after_ms: None,
            place: Some(place),
        }
    }

    /// The same with a support code.
    #[must_use]
    pub const fn with_support(mut self, support: SupportCode) -> Self {
        self.support = Some(support);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.code.words())?;
        if let Some(place) = self.place {
            write!(f, " [{place}]")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        Self::of(code)
    }
}

impl From<LinkError> for Error {
    fn from(error: LinkError) -> Self {
        let retry_after_ms = match &error {
            LinkError::Lost { retry_after_ms } => *retry_after_ms,
            _ => None,
        };
        Self {
            code: error.code(),
            support: None,
            retry_after_ms,
            place: None,
        }
    }
}

impl From<telesphor_vault::VaultError> for Error {
    fn from(error: telesphor_vault::VaultError) -> Self {
        Self::of(error.code())
    }
}

impl From<telesphor_sealing::SessionError> for Error {
    fn from(error: telesphor_sealing::SessionError) -> Self {
        Self::of(error.code())
    }
}
