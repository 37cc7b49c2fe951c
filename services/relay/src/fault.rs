//! What a command says when it could not do its work: exit code, stable code, words.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use serde::Serialize;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::text::SupportCode;

/// Exit codes of every command but `check`, which has the codes of monitoring plug-ins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// A fault of this program; report it with its support code.
    Bug = 1,
    /// Wrong usage; mend the call.
    Usage = 2,
    /// Refused: not allowed, or the relay says no.
    Refused = 3,
    /// Not genuine: a chain, a signature or a checksum does not hold.
    NotGenuine = 4,
    /// Nothing of that name was found.
    NotFound = 5,
    /// Not yet: it goes on by itself.
    NotYet = 6,
    /// The relay is not reachable; nothing was lost.
    Unreachable = 7,
    /// This machine: disk, permissions, clock, damaged files.
    Machine = 8,
    /// Somebody was first; nothing was overwritten.
    Conflict = 9,
}

/// Why a command ends without having done its work.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The exit code.
    pub exit: Exit,
    /// The stable code.
    pub code: ErrorCode,
    /// What happened and what to do, for the operator of this machine.
    pub words: Cow<'static, str>,
    /// To be named when asking for help.
    pub support: SupportCode,
    /// When it is worth trying again, seconds.
    pub retry_after_s: Option<u64>,
}

/// The documented JSON form of a fault.
#[derive(Serialize)]
struct FaultJson<'a> {
    v: u8,
    error: String,
    words: &'a str,
    who_acts: String,
    retry_after_s: Option<u64>,
    support: String,
}

impl Fault {
    /// A fault with its own words.
    pub fn new(exit: Exit, code: ErrorCode, words: impl Into<Cow<'static, str>>) -> Self {
        Self {
            exit,
            code,
            words: words.into(),
            support: SupportCode::random(),
            retry_after_s: None,
        }
    }

    /// A fault that says what its code says.
    pub fn of(exit: Exit, code: ErrorCode) -> Self {
        Self::new(exit, code, code.words())
    }

    /// The command was not called as it must be.
    pub fn usage(words: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Exit::Usage, ErrorCode::Usage, words)
    }

    /// A file of this machine could not be read or written.
    pub fn file(what: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::new(
            Exit::Machine,
            ErrorCode::RelayIo,
            format!("{what} {}: {error}", path.display()),
        )
    }

    /// A fault of this program.
    pub fn bug(words: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Exit::Bug, ErrorCode::Internal, words)
    }

    /// The documented JSON form.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&FaultJson {
            v: 1,
            error: self.code.to_string(),
            words: &self.words,
            who_acts: self.code.who_acts().to_string(),
            retry_after_s: self.retry_after_s,
            support: self.support.to_string(),
        })
        .unwrap_or_default()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} [{} acts; support code {}]",
            self.code,
            self.words,
            self.code.who_acts(),
            self.support
        )
    }
}

impl std::error::Error for Fault {}
