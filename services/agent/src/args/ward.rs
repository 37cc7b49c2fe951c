//! Commands at a device that several people use in turn, and about what opens a profile.

use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

use crate::dates::parse_length;

#[derive(Args, Debug)]
#[command(
    after_help = "What is opened and written here from now on names the person and the place. It ends at the time that was \
said, by `sign-out`, and by `lock`: whoever unlocks afterwards is not signed in under the same name."
)]
pub(crate) struct SignIn {
    /// What `presence say` printed on the person's own device, or `-` to read it from stdin
    pub(crate) word: Option<String>,
    /// The person's own profile is on this machine, beside this one: it says the word itself
    #[arg(long = "with", value_name = "PROFILE", conflicts_with = "word")]
    pub(crate) other: Option<String>,
    /// For how long, with --with; at most a day
    #[arg(long = "for", value_name = "TIME", default_value = "8h", value_parser = parse_length)]
    pub(crate) duration: Duration,
    /// In which role, such as nurse; the place's own word
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) role: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Presence {
    /// At a shared device: the code that says which one it is
    Code(PresenceCode),
    /// On one's own device: say that one is at the device of a code, until a time
    Say(PresenceSay),
    /// Who was or is at a device of this place
    List,
}

#[derive(Args, Debug)]
pub(crate) struct PresenceCode {
    /// Draw it as a code to scan
    #[arg(long)]
    pub(crate) qr: bool,
}

#[derive(Args, Debug)]
pub(crate) struct PresenceSay {
    /// What the shared device shows
    pub(crate) code: String,
    /// For how long; at most a day
    #[arg(long = "for", value_name = "TIME", default_value = "8h", value_parser = parse_length)]
    pub(crate) duration: Duration,
    /// Do not ask whether it is the right device
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// What opens this profile
    List,
    /// Make a key file that opens it, for a badge or a stick; whoever has the file needs no passphrase
    Add(KeyAdd),
    /// Let one open it no more
    Remove(KeyRemove),
}

#[derive(Args, Debug)]
pub(crate) struct KeyAdd {
    /// Write the key into this new file, readable by you only
    pub(crate) file: PathBuf,
    /// What to call it in lists, such as the badge's number; stands readable beside the vault
    #[arg(long, value_name = "LABEL", default_value = "key file")]
    pub(crate) name: String,
}

#[derive(Args, Debug)]
pub(crate) struct KeyRemove {
    /// Its number, as `key list` shows it
    pub(crate) number: u16,
}

#[derive(Args, Debug)]
pub(crate) struct Prompt {
    /// Every profile of this user
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Lock {
    /// Every profile of this user
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Staff {
    /// How this organisation shows its people to patients
    Show,
    /// By their names
    Names,
    /// By pseudonyms that only this organisation can name, where law or the house wants it
    Pseudonyms,
    /// Say who goes by a pseudonym, when a patient has complained
    Name(StaffName),
}

#[derive(Args, Debug)]
pub(crate) struct StaffName {
    /// The pseudonym, as the patient's log shows it
    pub(crate) pseudonym: String,
}
