//! Commands about care teams and rosters.

use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

use super::Staff;
use crate::dates::parse_length;

#[derive(Debug, Subcommand)]
pub(crate) enum Team {
    /// Teams that look at my record, that I sit in, or that I am called to
    List,
    /// Who sits in one, and until when
    Show(TeamWhich),
    /// Write a note into one: its members and the patient get it, and it stays yours
    Write(TeamWrite),
    /// A patient needs this organisation no more: end what he granted to its roles
    Discharge(TeamDischarge),
    /// Who works where, in which role, and when
    #[command(subcommand)]
    Roster(Roster),
    /// Roles that one can write to: `send ROLE@WHO`
    #[command(subcommand)]
    Role(Role),
    /// How this organisation shows its people to patients, and who goes by a pseudonym
    #[command(subcommand)]
    Staff(Staff),
    /// What was written to the roles of this organisation, and who has taken it
    Desk,
    /// Keep this organisation's desk: rosters, teams, and what is written to roles, until stopped
    Serve(TeamServe),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// Make one of this organisation's roles one that can be written to
    New(RoleNew),
    /// Which ones there are, and who is on duty
    List,
}

#[derive(Args, Debug)]
pub(crate) struct RoleNew {
    /// As the roster writes it, such as cardiology-oncall
    pub(crate) role: String,
    /// For people to read, such as "Cardiology on call"
    #[arg(long)]
    pub(crate) name: Option<String>,
}

#[derive(Args, Debug)]
#[command(
    after_help = "What is written to a role goes to whoever is on duty, and on to the next role when nobody has \
accepted it in its time, also with the sender's machine off. The times lie in the vault: stopped and started again, it \
goes on where it was. It can open nothing of what it carries."
)]
pub(crate) struct TeamServe {
    /// Publish the roster files (*.toml) of this folder, now and whenever one changes
    #[arg(long, value_name = "FOLDER")]
    pub(crate) rosters: Option<PathBuf>,
    /// How long an edition may be gone by if no later one comes; renewed at half of it
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = parse_length)]
    pub(crate) good: Duration,
    /// End by itself after this time
    #[arg(long = "for", value_name = "TIME", value_parser = parse_length)]
    pub(crate) duration: Option<Duration>,
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

#[derive(Args, Debug)]
#[command(
    after_help = "The relay serves nobody of these teams any more, also with the patient's phone off, as soon as somebody who \
is on duty, or the patient, is online. The patient keeps everything; whoever wrote notes there gives them, signed as they are, to \
the organisation's record."
)]
pub(crate) struct TeamDischarge {
    /// The patient: a contact of this organisation
    #[arg(value_name = "WHO")]
    pub(crate) who: String,
    /// For the patient and the staff to read
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: Option<String>,
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
