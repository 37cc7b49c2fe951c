//! Commands about care teams and rosters.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Team {
    /// Teams that look at my record, that I sit in, or that I am called to
    List,
    /// Who sits in one, and until when
    Show(TeamWhich),
    /// Write a note into one: its members and the patient get it, and it stays yours
    Write(TeamWrite),
    /// Who works where, in which role, and when
    #[command(subcommand)]
    Roster(Roster),
}

#[derive(Args, Debug)]
pub(crate) struct TeamWhich {
    /// A team: the beginning of its id or of the patient's name, as `team list` shows them
    #[arg(value_name = "TEAM")]
    pub(crate) team: String,
}

#[derive(Args, Debug)]
pub(crate) struct TeamWrite {
    /// A team: the beginning of its id or of the patient's name
    #[arg(value_name = "TEAM")]
    pub(crate) team: String,
    /// A text file, or `-` for stdin
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// One line for lists; otherwise the first line of the text
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// The scope it belongs to; the team's first one if left out
    #[arg(long, value_name = "NAME")]
    pub(crate) scope: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Roster {
    /// Replace the turns of one place by those of a file, and tell everybody
    Publish(RosterPublish),
    /// The newest rosters known here
    Show,
    /// One's own roster of one place as a file, to change and publish again
    Export(RosterExport),
}

#[derive(Args, Debug)]
pub(crate) struct RosterPublish {
    /// Such as ward-4b.toml: `place`, and for each turn `person`, `role`, `from`, `until`, `source`
    pub(crate) file: PathBuf,
    /// How long it may be gone by if no later edition comes; teams close then
    #[arg(long, value_name = "WHEN", default_value = "7d")]
    pub(crate) good: String,
}

#[derive(Args, Debug)]
pub(crate) struct RosterExport {
    /// Which place, such as ward-4b
    pub(crate) place: String,
}
