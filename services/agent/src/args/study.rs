//! Commands about studies.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Study {
    /// Studies that I was asked for, take part in or run
    List,
    /// One study: who asks, for what, and exactly what would leave of my record
    Show(StudyWhich),
    /// Take part, after a look at what leaves
    Join(StudyJoin),
    /// Send what my record says now, in the place of what I sent before
    Send(StudyWhich),
    /// Take part no more; nothing leaves after it
    Withdraw(StudyWhich),
    /// Vouchers: for whoever took part, and for whoever pays
    #[command(subcommand)]
    Voucher(StudyVoucher),
    /// For researchers: sign a study
    New(StudyNew),
    /// For researchers: ask contacts to take part, or write a file to publish
    Offer(StudyOffer),
    /// For researchers: the values that came, as far as they may be shown
    Collect(StudyCollect),
    /// For researchers: the sums. For the first who adds up: make batches of what came
    Aggregate(StudyWhich),
    /// For whoever adds up: take halves for one study of a researcher
    Serve(StudyServe),
}

#[derive(Args, Debug)]
pub(crate) struct StudyWhich {
    /// The study's name, or its id
    #[arg(value_name = "STUDY")]
    pub(crate) study: String,
}

#[derive(Args, Debug)]
pub(crate) struct StudyJoin {
    /// The study's name, its id, or a file that was published
    #[arg(value_name = "STUDY")]
    pub(crate) study: String,
    /// Do not ask for a yes
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args, Debug)]
#[command(
    after_help = "The file is TOML: name, purpose, approval, until, min-cell, dates (day, month, year, none), [[told]] with \
language and words, [[criterion]] and [[field]], and, for numbers of which only the sum is ever seen, aggregators = [WHO, WHO] \
and [[sum]]. docs/research.md has one of each."
)]
pub(crate) struct StudyNew {
    /// What is asked
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct StudyOffer {
    /// The study's name, or its id
    #[arg(value_name = "STUDY")]
    pub(crate) study: String,
    /// Contacts
    #[arg(value_name = "WHO")]
    pub(crate) who: Vec<String>,
    /// Write it to a file that anybody can join from
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct StudyCollect {
    /// The study's name, or its id
    #[arg(value_name = "STUDY")]
    pub(crate) study: String,
}

#[derive(Args, Debug)]
pub(crate) struct StudyServe {
    /// The researcher: a contact
    #[arg(value_name = "RESEARCHER")]
    pub(crate) researcher: String,
    /// By which name this service goes there
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StudyVoucher {
    /// My voucher, as a file for whoever pays; anybody can bring it
    Take(StudyVoucherTake),
    /// For researchers: sign a voucher for everybody who has earned one, all at once
    Sign(StudyWhich),
    /// For whoever pays: is it genuine, and was it paid before?
    Pay(StudyVoucherPay),
}

#[derive(Args, Debug)]
pub(crate) struct StudyVoucherTake {
    /// The study's name, or its id
    #[arg(value_name = "STUDY")]
    pub(crate) study: String,
    /// Where to write it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct StudyVoucherPay {
    /// The voucher
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}
