//! Commands about this profile itself.

use clap::{Args, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;
use std::time::Duration;

use crate::dates::parse_length;

#[derive(Debug, Subcommand)]
pub(crate) enum Identity {
    /// Make an identity and this profile; ends with the recovery kit
    New(IdentityNew),
    /// My name, id and home; the id is what others may know
    Show(IdentityShow),
    /// Test the recovery kit
    Kit(IdentityKit),
    /// Use another admission link of my hospital, when places for mailboxes are used up
    Admit(IdentityAdmit),
    /// A new identity key by the recovery kit, and a new kit; the old one opens nothing any more
    Rotate(IdentityRotate),
}

/// Where the identity key's own passphrase comes from.
#[derive(Args, Debug)]
pub(crate) struct IdentityPassphrase {
    /// The identity key's passphrase is the first line of this file; without one, the profile's
    #[arg(long, value_name = "FILE", env = "TELESPHOR_IDENTITY_PASSPHRASE_FILE")]
    pub(crate) identity_passphrase_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct IdentityRotate {
    /// The kit in force, as printed; it is used up by this
    #[arg(long, value_name = "FILE")]
    pub(crate) kit: PathBuf,
    /// Write the new kit into this new file, readable by you only, instead of showing it
    #[arg(long, value_name = "FILE")]
    pub(crate) new_kit: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) identity: IdentityPassphrase,
}

#[derive(Args, Debug)]
pub(crate) struct IdentityAdmit {
    /// The admission link that the hospital gave you, or a file that holds it
    pub(crate) link: String,
}

#[derive(Args, Debug)]
pub(crate) struct IdentityNew {
    /// The name that contacts will see, such as "Aino Korhonen"
    pub(crate) name: String,
    /// The admission link that the hospital gave you, or a file that holds it
    #[arg(long, value_name = "LINK")]
    pub(crate) admission: String,
    /// Who this is: person, device, organisation, authority or role
    #[arg(long, default_value = "person")]
    pub(crate) kind: String,
    /// What to call this device
    #[arg(long, value_name = "LABEL", default_value = "this device")]
    pub(crate) device: String,
    /// What it is: phone, workstation, shared-workstation, machine, service or badge
    #[arg(long, value_name = "SORT", default_value = "workstation")]
    pub(crate) on: String,
    /// Write the kit into this new file, readable by you only, instead of showing it
    #[arg(long, value_name = "FILE")]
    pub(crate) kit: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) identity: IdentityPassphrase,
}

#[derive(Args, Debug)]
pub(crate) struct IdentityShow {
    /// Write my signed card for others to `trust add`
    #[arg(long, value_name = "FILE")]
    pub(crate) card: Option<PathBuf>,
    /// Draw the id as a code to scan
    #[arg(long)]
    pub(crate) qr: bool,
    /// Write that code as a picture, .svg or .png
    #[arg(long, value_name = "FILE")]
    pub(crate) qr_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct IdentityKit {
    /// Check that a kit is the one in force: the whole of it from a file
    #[arg(long, value_name = "FILE")]
    pub(crate) test: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Endpoint {
    /// Let another device in: prints a one-time link, then the words to compare
    Add(EndpointAdd),
    /// On the new device: become one of an identity's, by a link that another one printed
    Join(EndpointJoin),
    /// My devices
    List,
    /// A device that was lost, stolen or put away: nothing new reaches it
    Remove(EndpointRemove),
    /// Where a removed device is out by now, and where it is not yet
    Show(EndpointShow),
}

#[derive(Args, Debug)]
pub(crate) struct EndpointShow {
    /// Its name or id, as `endpoint list` shows it
    pub(crate) device: String,
}

#[derive(Args, Debug)]
pub(crate) struct EndpointAdd {
    /// When the link stops working
    #[arg(long, value_name = "WHEN", default_value = "1h")]
    pub(crate) expires: String,
    /// Draw the link as a code to scan
    #[arg(long)]
    pub(crate) qr: bool,
    /// Let the first device in that opens the link, without comparing the words
    #[arg(long)]
    pub(crate) without_comparing: bool,
    #[command(flatten)]
    pub(crate) identity: IdentityPassphrase,
}

#[derive(Args, Debug)]
pub(crate) struct EndpointJoin {
    /// The link, or `-` to read it from stdin
    pub(crate) link: String,
    /// What to call this device
    #[arg(long, value_name = "LABEL", default_value = "new device")]
    pub(crate) device: String,
    /// What it is: phone, workstation, shared-workstation, machine, service or badge
    #[arg(long, value_name = "SORT", default_value = "workstation")]
    pub(crate) on: String,
}

#[derive(Args, Debug)]
pub(crate) struct EndpointRemove {
    /// Its name or id, as `endpoint list` shows it
    pub(crate) device: String,
    /// Its key may be in other hands: what it signed without proof of an earlier time counts no more
    #[arg(long)]
    pub(crate) stolen: bool,
    /// It is in your hands and not used any more
    #[arg(long, conflicts_with = "stolen")]
    pub(crate) retired: bool,
    #[command(flatten)]
    pub(crate) identity: IdentityPassphrase,
}

#[derive(Args, Debug)]
pub(crate) struct Recover {
    /// The kit, as printed
    #[arg(long, value_name = "FILE")]
    pub(crate) kit: PathBuf,
    /// What to call this device
    #[arg(long, value_name = "LABEL", default_value = "recovered device")]
    pub(crate) device: String,
}

#[derive(Args, Debug)]
pub(crate) struct Unlock {
    /// For how long
    #[arg(long = "for", value_name = "TIME", default_value = "8h", value_parser = parse_length)]
    pub(crate) duration: Duration,
}

#[derive(Args, Debug)]
pub(crate) struct Run {
    /// Stop after this time instead of at Ctrl-C
    #[arg(long = "for", value_name = "TIME", value_parser = parse_length)]
    pub(crate) duration: Option<Duration>,
    /// Stop when the profile is locked; otherwise it goes on receiving, with the keys in its memory
    #[arg(long)]
    pub(crate) until_locked: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Page {
    /// In which language the page speaks: en or sv. What stands in the record, and facts of grants and
    /// of the log, are said as they were written, or in English
    #[arg(long, value_name = "TAG", default_value = "en", env = "TELESPHOR_LANGUAGE")]
    pub(crate) language: String,
    /// Which port of 127.0.0.1; any that is free if not said
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port: u16,
    /// Lock the profile after this time in which nobody did anything on the page
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_length)]
    pub(crate) idle: Duration,
    /// If the profile is locked: unlock it for this time
    #[arg(long = "for", value_name = "TIME", default_value = "8h", value_parser = parse_length)]
    pub(crate) duration: Duration,
}

#[derive(Args, Debug)]
pub(crate) struct Completion {
    /// Your shell
    pub(crate) shell: Shell,
}

#[derive(Args, Debug)]
pub(crate) struct Help {
    /// A command, or `exit-codes`
    pub(crate) topic: Vec<String>,
}
