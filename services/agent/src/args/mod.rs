//! The command line: its words, and nothing of what they do.

mod acts;
mod disclose;
mod documents;
mod gather;
mod help;
mod lab;
mod machines;
mod people;
mod profile;
mod rx;
mod study;
mod teams;
mod ward;

pub(crate) use acts::*;
pub(crate) use disclose::*;
pub(crate) use documents::*;
pub(crate) use gather::*;
pub(crate) use help::command;
pub(crate) use lab::*;
pub(crate) use machines::*;
pub(crate) use people::*;
pub(crate) use profile::*;
pub(crate) use rx::*;
pub(crate) use study::*;
pub(crate) use teams::*;
pub(crate) use ward::*;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

use crate::dates::parse_length;

/// Carries clinical documents between patient, staff, devices and hospitals; the servers in
/// between hold ciphertext only.
#[derive(Debug, Parser)]
#[command(
    name = "telesphor",
    version,
    disable_help_subcommand = true,
    propagate_version = false
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Args, Debug)]
pub(crate) struct Global {
    /// Which of this user's profiles
    #[arg(long, global = true, value_name = "NAME", env = "TELESPHOR_PROFILE")]
    pub(crate) profile: Option<String>,
    /// Act for this person, by a mandate that you hold
    #[arg(long = "as", global = true, value_name = "WHOM")]
    pub(crate) act_as: Option<String>,
    /// For programs: one object, or one object a line
    #[arg(long, global = true, conflicts_with = "plain")]
    pub(crate) json: bool,
    /// One fact a line, nothing redrawn; for screen readers
    #[arg(long, global = true)]
    pub(crate) plain: bool,
    /// How long to wait for the relay and for other runs of this program, such as 30s
    #[arg(long, global = true, value_name = "TIME", value_parser = parse_length)]
    pub(crate) wait: Option<Duration>,
    /// Ask nothing, fail instead
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// The passphrase is the first line of this file
    #[arg(long, global = true, value_name = "FILE", env = "TELESPHOR_PASSPHRASE_FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// A key file that opens the profile, as `key add` made it, instead of the passphrase
    #[arg(long, global = true, value_name = "FILE", env = "TELESPHOR_KEY_FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

/// All commands. WHO is a contact's short name or an id; WHAT is a document's id, as lists show it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Who I am: make, show; test the recovery kit
    #[command(subcommand)]
    Identity(Identity),
    /// Make a one-time link that makes its first taker a contact
    Invite(Invite),
    /// Take files into my record
    Add(Add),
    /// Let somebody look at documents, until a day
    Share(Share),
    /// End it
    Revoke(Revoke),
    /// Who can see what, until when, and why
    Who(Who),
    /// Who opened and fetched what
    Log(Log),
    /// What came, urgent first
    Inbox(Inbox),

    /// Take an invitation that somebody gave you
    Accept(Accept),
    /// People and organisations: list, confirm the words, remove
    Contacts(Contacts),
    /// Say something signed about an identity, or show what was said
    #[command(subcommand)]
    Attest(Attest),
    /// Whose word I accept, and for what
    #[command(subcommand)]
    Trust(Trust),
    /// Somebody acts for me, or I for somebody: give, list, end
    #[command(subcommand)]
    Mandate(Mandate),

    /// What is in my record
    List(List),
    /// Open one document; the sender learns that it was opened
    Read(Read),
    /// Fetch the large files of a document, such as a scan; goes on where it stopped
    Fetch(Fetch),
    /// Erase the large files of a document: their keys, and their bytes here and at the relay
    Erase(Erase),
    /// Give a document for good
    Send(Send),
    /// Where my documents are now
    Sent(Sent),
    /// I take it, or not; the sender learns it
    Ack(Ack),
    /// Show chosen parts of a document, and nothing else of it, to one reader
    Disclose(Disclose),
    /// Claim from an insurer: billing codes of documents, and a note only if you choose one
    Claim(Claim),
    /// Put a corrected document in its place, for everybody who has it
    Amend(Amend),
    /// Take it back: it was wrong, or about somebody else
    Retract(Retract),
    /// Is it genuine? In words, also without a network
    Verify(Verify),
    /// All of mine into a folder that proves itself
    Export(Export),

    /// Prescriptions: write, check, fill, ask, cancel
    #[command(subcommand)]
    Rx(Rx),
    /// Laboratory orders: order, follow, prove; for the laboratory: receive, report
    #[command(subcommand)]
    Lab(Lab),

    /// A referral or a second opinion: give a chosen history, check one
    #[command(subcommand)]
    Refer(Refer),
    /// Collect what others have about me, or give it to who asks
    #[command(subcommand)]
    Gather(Gather),
    /// Research: see what would leave, take part, leave; for researchers: ask and collect
    #[command(subcommand)]
    Study(Study),

    /// Care teams and rosters
    #[command(subcommand)]
    Team(Team),

    /// My devices
    #[command(subcommand)]
    Endpoint(Endpoint),
    /// Put an encrypted backup into my own mailbox; only the recovery kit leads back to it
    Backup,
    /// A new device from the recovery kit; every older one is shut out
    Recover(Recover),
    /// Leave: from now on the passphrase is asked for, and nobody is signed in
    Lock(Lock),
    /// Come back: until it ends, nothing is asked
    Unlock(Unlock),
    /// What opens this profile: passphrases and key files
    #[command(subcommand)]
    Key(Keys),

    /// At a device that several people use: say who you are, until a time
    SignIn(SignIn),
    /// Leave such a device
    SignOut,
    /// Who is at which device: the code of a device, the word of a person, the list
    #[command(subcommand)]
    Presence(Presence),
    /// Who is signed in and what is locked, in one line, without opening anything
    Prompt(Prompt),

    /// A machine and its patient
    #[command(subcommand)]
    Device(Device),
    /// A machine's values, live, with their age
    Follow(Follow),

    /// Relay, outbox, last sync, when the kit was tested
    Status,
    /// Find what is wrong and say the next step
    Check,
    /// Send and receive once, until nothing is left
    Sync,
    /// Keep sending and receiving until stopped
    Run(Run),
    /// A page for the browser of this machine: what came, who can see what, the log
    Page(Page),
    /// A script that completes these commands: bash, zsh, fish, elvish, powershell
    Completion(Completion),
    /// Help on a command, or on exit-codes
    Help(Help),
}
