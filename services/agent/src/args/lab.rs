//! Commands about laboratory orders.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Lab {
    /// Order tests; the laboratory does not learn for whom, nor by whom
    Order(Box<LabOrder>),
    /// Orders without a final result, critical values first; at the laboratory what is to be done
    Open(LabOpen),
    /// Whose result is it? The laboratory's signature and that of the order, together
    Match(LabMatch),
    /// The sample was taken
    Collected(LabCollected),
    /// I have seen the critical value and act on it; the laboratory learns that somebody has
    Ack(LabWhich),
    /// Send once more what could not be brought to another hospital
    Resend(LabWhich),
    /// At the laboratory: take orders from a hospital
    Desk(LabDesk),
    /// At the hospital: let somebody order at a laboratory
    Allow(LabAllow),
    /// At the laboratory: the sample is here
    Receive(LabSample),
    /// At the laboratory: the sample is of no use
    Reject(LabReject),
    /// At the laboratory: sign values as the result of an order
    Result(LabResult),
}

#[derive(Args, Debug)]
#[command(
    after_help = "A TEST is a word (cbc, chlamydia, creatinine, crp, glucose, hba1c, hemoglobin, hiv, lithium, potassium, \
sodium, tsh), a LOINC code, or CODE=name. Print both codes: one on the tube, the other on the form, and no name on either. \
Age band, sex and last value narrow down who it may be: give them only where the test needs them."
)]
pub(crate) struct LabOrder {
    /// What is to be measured
    #[arg(value_name = "TEST", required = true)]
    pub(crate) tests: Vec<String>,
    /// The patient
    #[arg(long = "for", value_name = "WHO")]
    pub(crate) patient: String,
    /// At which laboratory, if there are several
    #[arg(long, value_name = "LABORATORY")]
    pub(crate) at: Option<String>,
    /// Somebody waits for it
    #[arg(long)]
    pub(crate) urgent: bool,
    /// The patient gets values only when I say so (`lab match ORDER --release`)
    #[arg(long)]
    pub(crate) hold: bool,
    /// The patient's age in years: the laboratory learns ten years in which it lies
    #[arg(long, value_name = "YEARS", value_parser = clap::value_parser!(u8).range(0..=129))]
    pub(crate) age: Option<u8>,
    /// `female` or `male`, if the test's limits need it
    #[arg(long, value_name = "SEX")]
    pub(crate) sex: Option<String>,
    /// Nothing was eaten before
    #[arg(long)]
    pub(crate) fasting: bool,
    /// The value of last time, for the laboratory's own check
    #[arg(long, value_name = "VALUE")]
    pub(crate) previous: Option<String>,
    /// The compartment of the record that the order lies in
    #[arg(long)]
    pub(crate) scope: Vec<String>,
    /// Although this contact has not been compared yet
    #[arg(long)]
    pub(crate) unverified: bool,
}

#[derive(Args, Debug)]
pub(crate) struct LabOpen {
    /// Those that are done as well
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Args, Debug)]
pub(crate) struct LabMatch {
    /// A result's id, the order's, or a code of it
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
    /// Give the result to the patient now
    #[arg(long)]
    pub(crate) release: bool,
}

#[derive(Args, Debug)]
pub(crate) struct LabCollected {
    /// A code of the order, or its id
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
    /// When, if not just now
    #[arg(long, value_name = "WHEN")]
    pub(crate) at: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct LabWhich {
    /// A code of the order, or its id
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
}

#[derive(Args, Debug)]
pub(crate) struct LabDesk {
    /// The hospital: a contact
    #[arg(value_name = "HOSPITAL")]
    pub(crate) hospital: String,
    /// By which name this laboratory goes there
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct LabAllow {
    /// Who may order: a contact
    #[arg(value_name = "WHO")]
    pub(crate) who: String,
    /// At which laboratory, if there are several
    #[arg(long, value_name = "LABORATORY")]
    pub(crate) at: Option<String>,
    /// Who pays: a clinic, never a patient
    #[arg(long, value_name = "CENTRE")]
    pub(crate) cost_centre: String,
    /// The number that the laboratory calls about a critical value
    #[arg(long, value_name = "NUMBER")]
    pub(crate) switchboard: String,
    /// The role of this hospital to which critical values are written
    #[arg(long, value_name = "ROLE")]
    pub(crate) critical_role: Option<String>,
    /// How soon somebody must acknowledge one, minutes
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=1440))]
    pub(crate) critical_minutes: u16,
}

#[derive(Args, Debug)]
pub(crate) struct LabSample {
    /// The code on the tube
    #[arg(value_name = "TUBE")]
    pub(crate) tube: String,
    /// The code on the form that came with it
    #[arg(value_name = "FORM")]
    pub(crate) form: String,
}

#[derive(Args, Debug)]
pub(crate) struct LabReject {
    #[command(flatten)]
    pub(crate) sample: LabSample,
    /// Why, for whoever must take another one
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
}

#[derive(Args, Debug)]
#[command(
    after_help = "The file is what your system writes: an HL7 v2 message ORU^R01, or FHIR Observations. Whom it names is left \
out and never signed; a system that will not work without a name and a birth date is given the same dummies for everybody. If \
the file holds an order number that is a code, it must be this order's. Whether values are preliminary, final or corrected \
is read from the file."
)]
pub(crate) struct LabResult {
    #[command(flatten)]
    pub(crate) sample: LabSample,
    /// The values
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// These take the place of the final values
    #[arg(long)]
    pub(crate) amends: bool,
    /// When the sample was taken, if the file does not say so
    #[arg(long, value_name = "WHEN")]
    pub(crate) taken: Option<String>,
}
