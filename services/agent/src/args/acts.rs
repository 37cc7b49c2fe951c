//! Commands about documents that were sent or came.

use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

use crate::dates::parse_length;

#[derive(Args, Debug)]
pub(crate) struct Ack {
    /// A document that came: from now on you are responsible for what it asks
    #[arg(value_name = "WHAT")]
    pub(crate) id: String,
    /// You are not: somebody else has to be asked
    #[arg(long, requires = "why")]
    pub(crate) decline: bool,
    /// Why not, for the sender, such as off-duty
    #[arg(long, value_name = "TEXT", requires = "decline")]
    pub(crate) why: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Amend {
    /// A document of yours
    #[arg(value_name = "WHAT")]
    pub(crate) id: String,
    /// The corrected text, or `-` for stdin; the earlier document stays as it was signed, and is
    /// shown as replaced
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// One line for inboxes; as it was if left out
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Urgent: shown first
    #[arg(long)]
    pub(crate) urgent: bool,
    /// Somebody must accept it within this time
    #[arg(long, value_name = "TIME", value_parser = parse_length)]
    pub(crate) ack_by: Option<Duration>,
}

/// Why a document is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Why {
    /// It is about somebody else than it says: both patients are told
    WrongPatient,
    /// What it says is wrong
    Error,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Everybody who was sent or shown the document is told, and programs hide it from then on. \
What was read, remembered, printed or copied before stays so: nothing can make anybody forget it."
)]
pub(crate) struct Retract {
    /// A document of yours; earlier and later versions of it go with it
    #[arg(value_name = "WHAT")]
    pub(crate) id: String,
    /// Why; everybody who had it reads this
    #[arg(long, value_enum)]
    pub(crate) why: Why,
    /// In your words, for everybody who had it; name no patient here
    #[arg(long, value_name = "TEXT")]
    pub(crate) words: Option<String>,
    /// The contact whom it is really about; told without naming the other one
    #[arg(long, value_name = "WHO")]
    pub(crate) belongs_to: Option<String>,
    /// Do not ask for a yes
    #[arg(long)]
    pub(crate) yes: bool,
}
