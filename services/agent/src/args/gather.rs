//! Commands about documents that go together: a history for another doctor, and collecting one's
//! own.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Refer {
    /// Give a chosen history to another doctor, for good, with a signed list of it
    Give(ReferGive),
    /// Is everything here that such a list names, and is it genuine?
    Check(ReferCheck),
}

#[derive(Args, Debug)]
#[command(
    after_help = "The referral itself is a document: the doctor who refers sends it with `telesphor send WHO FILE --kind referral`. \
Without --referral the list asks for a second opinion. What is given stays with whom it was given to; to let somebody look until a \
day, use `telesphor share`."
)]
pub(crate) struct ReferGive {
    /// To whom: a contact
    #[arg(value_name = "WHO")]
    pub(crate) who: String,
    /// What is given
    #[arg(value_name = "WHAT")]
    pub(crate) what: Vec<String>,
    /// Everything of my record in this compartment
    #[arg(long)]
    pub(crate) scope: Vec<String>,
    /// The referral that asks for it
    #[arg(long, value_name = "WHAT")]
    pub(crate) referral: Option<String>,
    /// In words
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) why: String,
    /// Although this contact has not been compared yet
    #[arg(long)]
    pub(crate) unverified: bool,
    /// Do not ask for a yes
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ReferCheck {
    /// The list's id
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Gather {
    /// Ask those who treated me for all that they have about me
    Ask(GatherAsk),
    /// Give somebody who asked all that is here about him
    Answer(GatherAnswer),
    /// Who was asked, who answered, how much of it is here
    List,
}

#[derive(Args, Debug)]
pub(crate) struct GatherAsk {
    /// Whom: contacts
    #[arg(value_name = "WHO", required = true)]
    pub(crate) who: Vec<String>,
    /// In words
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) why: String,
}

#[derive(Args, Debug)]
pub(crate) struct GatherAnswer {
    /// Who asked
    #[arg(value_name = "WHO")]
    pub(crate) who: String,
}
