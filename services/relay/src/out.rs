//! Data to stdout, words to stderr; one JSON object a line where it was asked for.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::fault::Fault;

/// How a command shows what it has to say.
#[derive(Clone, Copy, Debug)]
pub struct Out {
    /// One JSON object a line.
    pub json: bool,
    /// One fact a line, nothing redrawn.
    pub plain: bool,
}

/// Adds the version of the JSON form to an object.
#[derive(Serialize)]
struct Versioned<'a, T: Serialize> {
    v: u8,
    #[serde(flatten)]
    body: &'a T,
}

impl Out {
    /// Shows a value: as JSON, or in the words that `text` makes of it.
    pub fn show<T: Serialize>(&self, value: &T, text: impl FnOnce() -> String) {
        if self.json {
            self.data(&serde_json::to_string(&Versioned { v: 1, body: value }).unwrap_or_default());
        } else {
            self.data(text().trim_end());
        }
    }

    /// One piece of data. A reader that has gone away (`| head`) is no fault.
    pub fn data(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{text}");
        let _ = out.flush();
    }

    /// Words about progress.
    pub fn note(&self, text: &str) {
        if !self.json {
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    /// Why the command ends without having done its work.
    pub fn fault(&self, fault: &Fault) {
        let text = if self.json {
            fault.to_json()
        } else {
            fault.to_string()
        };
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Whether a page may be redrawn in place.
    pub fn redraws(&self) -> bool {
        !self.json && !self.plain && io::stdout().is_terminal()
    }
}
