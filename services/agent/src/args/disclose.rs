//! Commands that show parts of documents.

use clap::Args;
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(crate) struct Disclose {
    /// A document
    #[arg(value_name = "WHAT")]
    pub(crate) id: String,
    /// A part, such as code or item[0].productOrService; without it the parts are listed
    #[arg(long = "show", value_name = "PATH")]
    pub(crate) show: Vec<String>,
    /// To which contact: sent, unless --output is given
    #[arg(long = "to", value_name = "WHO", requires = "show")]
    pub(crate) whom: Option<String>,
    /// Made out to somebody who is no contact, by a name that they must give to verify it
    #[arg(
        long = "for",
        value_name = "NAME",
        conflicts_with = "whom",
        requires = "output"
    )]
    pub(crate) name: Option<String>,
    /// What the reader asked, word for word: it proves that this was made out for this occasion
    #[arg(long, value_name = "TEXT", requires = "show")]
    pub(crate) question: Option<String>,
    /// Write it into this new file, for the reader to `verify`
    #[arg(long, short, value_name = "FILE", requires = "show")]
    pub(crate) output: Option<PathBuf>,
    /// As an SD-JWT, for readers with other programs; it says who signed that form
    #[arg(long, requires = "output", conflicts_with = "whom")]
    pub(crate) sd_jwt: bool,
    /// One line for the reader's inbox
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Although the words were never compared
    #[arg(long)]
    pub(crate) unverified: bool,
    /// Do not ask for a yes after the preview
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Claim {
    /// The insurer: a contact
    pub(crate) who: String,
    /// What a provider signed: bills, procedures, visits; only codes, dates and amounts are shown
    #[arg(value_name = "WHAT")]
    pub(crate) what: Vec<String>,
    /// The policy or case that the insurer files it under
    #[arg(long, value_name = "TEXT")]
    pub(crate) policy: Option<String>,
    /// A document that justifies the claim; it is shown whole
    #[arg(long, value_name = "WHAT")]
    pub(crate) note: Vec<String>,
    /// Also the diagnoses
    #[arg(long)]
    pub(crate) diagnoses: bool,
    /// The claim, or the insurer's question, that this answers or adds to
    #[arg(long, value_name = "WHAT")]
    pub(crate) adds_to: Option<String>,
    /// What the insurer asked, word for word: it proves that this was made out for this occasion
    #[arg(long, value_name = "TEXT")]
    pub(crate) question: Option<String>,
    /// One line for the insurer's inbox
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Although the words were never compared
    #[arg(long)]
    pub(crate) unverified: bool,
    /// Do not ask for a yes after the preview
    #[arg(long)]
    pub(crate) yes: bool,
}
