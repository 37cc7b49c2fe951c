//! Commands about prescriptions.

use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

use crate::dates::parse_length;

#[derive(Debug, Subcommand)]
pub(crate) enum Rx {
    /// Prescribe; the patient's program must answer once with a key that only it has
    Write(Box<RxWrite>),
    /// Prescriptions, with what was told of them
    List,
    /// May it be filled? Genuine, licensed, valid, how much is left; also without a network
    Check(RxCheck),
    /// Let a pharmacy draw an amount of my prescription
    Ticket(RxTicket),
    /// My prescription as a file, as good as paper: whoever has it can draw all of it
    Paper(RxPaper),
    /// At the pharmacy: a key for one fill, for a patient who is no contact
    Desk,
    /// At the pharmacy: set aside, confirm, then hand over
    Fill(RxFill),
    /// At the pharmacy: let go of what was set aside; or tell that what was handed over came back
    Return(RxReturn),
    /// At the pharmacy: stop a prescription with a question to its prescriber
    Ask(RxAsk),
    /// Answer a pharmacist's question; the prescription goes on
    Answer(RxAsk),
    /// At the pharmacy: go on with a prescription that was stopped here
    Lift(RxWhich),
    /// End a prescription of mine: nothing more is dispensed on it
    Cancel(RxCancel),
}

#[derive(Args, Debug)]
#[command(
    after_help = "An amount is counted in whole units; `--decimals 1` counts tenths. With `--repeats 3 --every 28d` \
the amount is the whole of all three, and each third is due 28 days after the one before."
)]
pub(crate) struct RxWrite {
    /// The patient
    #[arg(value_name = "WHO")]
    pub(crate) who: String,
    /// What, such as "Amoxicillin 500 mg, capsules"
    #[arg(long)]
    pub(crate) medicine: String,
    /// How to take it
    #[arg(long)]
    pub(crate) dosage: String,
    /// How much altogether
    #[arg(long, value_name = "N")]
    pub(crate) amount: String,
    /// Of what: capsules, ml
    #[arg(long)]
    pub(crate) unit: String,
    /// Decimal places that are counted
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=4))]
    pub(crate) decimals: u8,
    /// In so many portions
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) repeats: u32,
    /// Time between two portions
    #[arg(long, value_name = "TIME", value_parser = parse_length, default_value = "28d")]
    pub(crate) every: Duration,
    /// Until when it can be filled; at most a year
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<String>,
    /// How long a pharmacy may keep what it set aside: goods to be ordered, at most 24h
    #[arg(long, value_name = "TIME", value_parser = parse_length, default_value = "30m")]
    pub(crate) keep: Duration,
    /// How much may be supplied while the ledger cannot be reached
    #[arg(long, value_name = "N", default_value = "0")]
    pub(crate) offline_allowance: String,
    /// The compartment of the record that it lies in
    #[arg(long)]
    pub(crate) scope: Vec<String>,
    /// Although this contact has not been compared yet
    #[arg(long)]
    pub(crate) unverified: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RxWhich {
    /// A prescription's id
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
}

#[derive(Args, Debug)]
pub(crate) struct RxCheck {
    /// A prescription's id, a file, or a file of what was scanned from a sheet
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
    /// Ask no relay: all but how much is left
    #[arg(long)]
    pub(crate) offline: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RxTicket {
    /// My prescription
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
    /// The pharmacy: a contact
    #[arg(long = "with", value_name = "WHO", required_unless_present = "desk")]
    pub(crate) pharmacy: Option<String>,
    /// How much
    #[arg(long, value_name = "N")]
    pub(crate) amount: String,
    /// For a supply while the ledger cannot be reached, within the prescriber's allowance
    #[arg(long)]
    pub(crate) offline: bool,
    /// What the pharmacy's desk shows, instead of a contact
    #[arg(long, value_name = "KEY", conflicts_with = "pharmacy", requires = "output")]
    pub(crate) desk: Option<String>,
    /// Where the file goes that the desk reads
    #[arg(long, value_name = "FILE", requires = "desk")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct RxPaper {
    /// My prescription
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
    /// Where it goes
    #[arg(long, value_name = "FILE", required_unless_present = "sheet")]
    pub(crate) output: Option<PathBuf>,
    /// Write a page of codes to be printed (.svg); the pharmacy scans them into a file
    #[arg(long, value_name = "FILE")]
    pub(crate) sheet: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(
    after_help = "Nothing may be handed over before this command has said so: it sets the amount aside, asks, confirms, \
and says `hand over` when the confirmation is durable. Run it again after anything that went wrong: it goes on where it was."
)]
pub(crate) struct RxFill {
    /// A prescription's id, or a file
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
    /// How much; as the ticket says if left out
    #[arg(long, value_name = "N", required_unless_present = "offline")]
    pub(crate) amount: Option<String>,
    /// Set it aside and stop there
    #[arg(long, conflicts_with = "yes")]
    pub(crate) reserve: bool,
    /// It is on the counter: confirm without asking
    #[arg(long)]
    pub(crate) yes: bool,
    /// Supply so much without the ledger, within the prescriber's allowance; entered by itself later
    #[arg(long, value_name = "N", conflicts_with_all = ["amount", "reserve"], requires = "why")]
    pub(crate) offline: Option<String>,
    /// Why there is no line
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct RxReturn {
    /// A prescription's id
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
    /// It was handed over and came back: the ledger keeps it, the prescriber is asked for a new one
    #[arg(long, value_name = "TEXT")]
    pub(crate) came_back: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct RxAsk {
    /// A prescription's id
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
    /// In words
    pub(crate) words: String,
}

#[derive(Args, Debug)]
pub(crate) struct RxCancel {
    /// A prescription of mine
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
    /// Do not ask for a yes
    #[arg(long)]
    pub(crate) yes: bool,
}
