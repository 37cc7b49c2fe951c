//! Commands about machines.

use clap::{Args, Subcommand};
use std::time::Duration;

use crate::dates::parse_length;

#[derive(Debug, Subcommand)]
pub(crate) enum Device {
    /// Make a contact a machine of mine
    Pair(DevicePair),
    /// The machine's values are this patient's from now on
    Attach(DeviceAttach),
    /// No longer
    Detach(DeviceName),
    /// Let a contact follow the machine's values
    Let(DeviceLet),
    /// Send values from stdin: one number a line, an empty line for a gap
    Stream(DeviceStream),
    /// Send made-up values, for trying out
    Simulate(DeviceSimulate),
    /// Machines known here
    List,
}

#[derive(Args, Debug)]
pub(crate) struct DevicePair {
    /// The machine: a contact
    pub(crate) device: String,
}

#[derive(Args, Debug)]
pub(crate) struct DeviceName {
    /// The machine, or `me` on the machine itself
    pub(crate) device: String,
}

#[derive(Args, Debug)]
pub(crate) struct DeviceLet {
    /// The machine
    pub(crate) device: String,
    /// Who may follow it
    #[arg(long = "follow", value_name = "WHO")]
    pub(crate) who: String,
    /// Although the words were never compared
    #[arg(long)]
    pub(crate) unverified: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DeviceAttach {
    /// The machine, or `me` on the machine itself
    pub(crate) device: String,
    /// To which patient
    #[arg(long, value_name = "WHO")]
    pub(crate) to: String,
}

#[derive(Args, Debug)]
pub(crate) struct DeviceStream {
    /// What is measured, such as heart-rate
    #[arg(long, default_value = "heart-rate")]
    pub(crate) what: String,
    /// Unit (UCUM)
    #[arg(long, default_value = "/min")]
    pub(crate) unit: String,
    /// Time between two values
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_length)]
    pub(crate) every: Duration,
}

#[derive(Args, Debug)]
pub(crate) struct DeviceSimulate {
    /// What is measured, such as heart-rate
    #[arg(long, default_value = "heart-rate")]
    pub(crate) what: String,
    /// For how long; until Ctrl-C if left out
    #[arg(long = "for", value_name = "TIME", value_parser = parse_length)]
    pub(crate) duration: Option<Duration>,
}

#[derive(Args, Debug)]
pub(crate) struct Follow {
    /// Whose values: a patient or a machine, or `me`
    pub(crate) who: String,
    /// What, such as vitals
    #[arg(default_value = "vitals")]
    pub(crate) what: String,
    /// Stop after this time instead of at Ctrl-C
    #[arg(long = "for", value_name = "TIME", value_parser = parse_length)]
    pub(crate) duration: Option<Duration>,
}
