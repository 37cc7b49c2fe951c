//! An error on its way to the user: what happened, who must act, how the program ends.

use serde::Serialize;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::text::SupportCode;

use crate::exit::Exit;

/// An error with what is known about it here.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) code: ErrorCode,
    /// What exactly, in words of this program: an argument, a file name. Never content.
    pub(crate) detail: Option<String>,
    pub(crate) support: Option<SupportCode>,
    pub(crate) retry_after_ms: Option<u64>,
    /// The command that helps.
    pub(crate) next: Option<String>,
}

/// The program's result.
pub(crate) type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    pub(crate) const fn of(code: ErrorCode) -> Self {
        Self {
            code,
            detail: None,
            support: None,
            retry_after_ms: None,
            next: None,
        }
    }

    /// A call that cannot be carried out as written.
    pub(crate) fn usage(detail: impl Into<String>) -> Self {
        Self::of(ErrorCode::Usage).with(detail)
    }

    #[must_use]
    pub(crate) fn with(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub(crate) fn then(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    pub(crate) const fn exit(&self) -> Exit {
        Exit::of(self.code)
    }

    fn words(&self) -> String {
        match &self.detail {
            // A message that is whole by itself: how the call is wrong, when and how access ended.
            Some(detail)
                if matches!(
                    self.code,
                    ErrorCode::Usage | ErrorCode::LeaseOver | ErrorCode::Retracted
                ) =>
            {
                detail.clone()
            }
            Some(detail) => format!("{}: {detail}", self.code.words()),
            None => self.code.words().to_owned(),
        }
    }

    /// One JSON object on one line.
    pub(crate) fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Json {
            v: u8,
            error: String,
            words: String,
            who_acts: String,
            retry_after_s: Option<u64>,
            support: Option<String>,
            next: Option<String>,
        }
        let json = Json {
            v: 1,
            error: self.code.to_string(),
            words: self.words(),
            who_acts: self.code.who_acts().to_string(),
            retry_after_s: self.retry_after_ms.map(|ms| ms.div_ceil(1000)),
            support: self.support.map(|s| s.to_string()),
            next: self.next.clone(),
        };
        serde_json::to_string(&json).unwrap_or_default()
    }

    /// Two or three lines for a person.
    pub(crate) fn to_words(&self) -> String {
        use telesphor_wire::error::Actor;
        let who = match self.code.who_acts() {
            Actor::You => "you can act",
            Actor::Peer => "the other side must act",
            Actor::Operator => "whoever runs the relay must act",
            Actor::Us => "our fault; please report it",
        };
        let mut lines = format!("telesphor: {}\n  {} ({who})", self.words(), self.code);
        if let Some(ms) = self.retry_after_ms {
            lines.push_str(&format!("; again in {} s", ms.div_ceil(1000)));
        }
        if let Some(support) = self.support {
            lines.push_str(&format!("; support code {support}"));
        }
        if let Some(next) = &self.next {
            lines.push_str(&format!("\n  next: {next}"));
        }
        lines
    }
}

impl From<ErrorCode> for Fault {
    fn from(code: ErrorCode) -> Self {
        Self::of(code)
    }
}

impl From<telesphor_agent::Error> for Fault {
    fn from(error: telesphor_agent::Error) -> Self {
        Self {
            code: error.code,
            detail: error.place.map(|place| format!("[{place}]")),
            support: error.support,
            retry_after_ms: error.retry_after_ms,
            next: None,
        }
    }
}

impl From<telesphor_vault::VaultError> for Fault {
    fn from(error: telesphor_vault::VaultError) -> Self {
        Self::of(error.code())
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull => Self::of(ErrorCode::LocalDiskFull),
            _ => Self::of(ErrorCode::LocalIo).with(error.to_string()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_script_finds_the_documented_fields() {
        let mut fault = Fault::of(ErrorCode::Unreachable);
        fault.support = Some("7KQ-2M4".parse().unwrap());
        fault.retry_after_ms = Some(1500);
        let json = fault.to_json();
        assert!(
            json.starts_with(r#"{"v":1,"error":"T-6009","words":"the relay cannot be reached"#),
            "{json}"
        );
        assert!(
            json.contains(r#""who_acts":"you","retry_after_s":2,"support":"7KQ-2M4""#),
            "{json}"
        );
        assert!(!json.contains('\n'));
    }

    #[test]
    fn a_fault_of_ours_says_so() {
        assert!(Fault::of(ErrorCode::AgentFault).to_words().contains("our fault"));
    }
}
