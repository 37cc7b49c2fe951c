//! Everything that is printed: data on stdout, words and progress on stderr.
//!
//! Three forms of the same facts. For a person: a table or a few lines. `--plain`: one fact a
//! line, nothing redrawn, for screen readers. `--json`: one object, or one object a line,
//! each with `"v":1`; field names never change and are never translated.

mod picture;
mod progress;
mod qr;
mod row;
mod table;

pub(crate) use picture::{picture, svg};
pub(crate) use progress::Progress;
pub(crate) use qr::qr;
pub(crate) use row::{Row, rfc3339};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::io::{IsTerminal, Write};

use crate::fault::{Fault, Result};

/// Which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Person,
    Plain,
    Json,
}

/// The way out.
pub(crate) struct Out {
    pub(crate) form: Form,
    pub(crate) now: Timestamp,
    pub(crate) zone: TimeZone,
    quiet: bool,
}

impl Out {
    pub(crate) fn new(form: Form) -> Self {
        // No instant here is finer than a millisecond, and none is echoed as if it were.
        let now = Timestamp::now();
        Self {
            form,
            now: Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now),
            zone: TimeZone::system(),
            quiet: false,
        }
    }

    /// One thing.
    pub(crate) fn one(&self, row: &Row) -> Result<()> {
        match self.form {
            Form::Json => self.data(&row.to_json()),
            Form::Plain | Form::Person => self.data(row.to_lines().trim_end_matches('\n')),
        }
    }

    /// A list. `nothing` is said, on stderr, if it is empty; a list that is empty is not a list
    /// that could not be had.
    pub(crate) fn list(&self, rows: &[Row], nothing: &str) -> Result<()> {
        if rows.is_empty() {
            self.words(nothing);
            return Ok(());
        }
        match self.form {
            Form::Json => rows.iter().try_for_each(|row| self.data(&row.to_json())),
            Form::Plain => rows.iter().try_for_each(|row| self.data(&row.to_lines())),
            Form::Person => self.data(&table::table(rows)),
        }
    }

    /// A line of data, as it is.
    pub(crate) fn data(&self, line: &str) -> Result<()> {
        let mut out = std::io::stdout().lock();
        pipe(writeln!(out, "{line}").and_then(|()| out.flush()))
    }

    /// Bytes of data, as they are.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<()> {
        let mut out = std::io::stdout().lock();
        pipe(out.write_all(bytes).and_then(|()| out.flush()))
    }

    /// Words for whoever watches. Nothing depends on them, so a closed stderr is no error.
    pub(crate) fn words(&self, words: &str) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr(), "{words}");
        }
    }

    /// Words that only help a person: left out where a script reads.
    pub(crate) fn hint(&self, words: &str) {
        if self.form == Form::Person {
            self.words(words);
        }
    }

    /// An error, in the form that was asked for.
    pub(crate) fn fault(&self, fault: &Fault) {
        match self.form {
            Form::Json => self.words(&fault.to_json()),
            Form::Plain | Form::Person => self.words(&fault.to_words()),
        }
    }

    /// An instant for a table.
    pub(crate) fn short(&self, ms: u64) -> String {
        crate::dates::short(ms, self.now, &self.zone)
    }

    /// An instant in full.
    pub(crate) fn exactly(&self, ms: u64) -> String {
        crate::dates::When {
            instant: crate::dates::instant(ms),
            zone: self.zone.clone(),
        }
        .exactly()
    }

    /// An instant in words, as people agree on one: `Thu 18 Feb 2027 16:20`.
    pub(crate) fn to_the_minute(&self, ms: u64) -> String {
        crate::dates::to_the_minute(crate::dates::instant(ms), &self.zone)
    }

    /// Whether a person is watching stdout.
    pub(crate) fn watched(&self) -> bool {
        self.form == Form::Person && std::io::stdout().is_terminal()
    }
}

/// A reader that has seen enough (`| head`) is no failure.
fn pipe(result: std::io::Result<()>) -> Result<()> {
    match result {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Into::into),
    }
}
