//! Commands about other people.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(crate) struct Invite {
    /// Whom it is meant for, in your words; the taker sees it
    #[arg(long = "for", value_name = "WHOM")]
    pub(crate) whom: String,
    /// When it stops working
    #[arg(long, value_name = "WHEN", default_value = "7d")]
    pub(crate) expires: String,
    /// Draw it as a code to scan
    #[arg(long)]
    pub(crate) qr: bool,
    /// Write that code as a picture, .svg or .png
    #[arg(long, value_name = "FILE")]
    pub(crate) qr_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Accept {
    /// The link, or `-` to read it from stdin
    pub(crate) link: String,
    /// What to call the contact here
    #[arg(long, value_name = "SHORT-NAME")]
    pub(crate) call: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Contacts {
    #[command(subcommand)]
    pub(crate) act: Option<ContactsAct>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ContactsAct {
    /// Everybody
    List,
    /// One contact with the words and number to compare
    Show(ContactWho),
    /// The words are the same on both sides
    Confirm(ContactWho),
    /// Send nothing any more
    Remove(ContactWho),
}

#[derive(Args, Debug)]
pub(crate) struct ContactWho {
    /// A contact
    pub(crate) who: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Attest {
    /// Say it
    Give(AttestGive),
    /// What was said about me, by me, and about my contacts
    List,
    /// No longer
    Withdraw(AttestWithdraw),
}

#[derive(Args, Debug)]
pub(crate) struct AttestGive {
    /// A contact
    pub(crate) who: String,
    /// What, such as licensed-physician
    pub(crate) claim: String,
    /// What the claim needs beside it: a licence number, an employer, a role
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) detail: String,
    /// Until when
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: String,
}

#[derive(Args, Debug)]
pub(crate) struct AttestWithdraw {
    /// Its id, as `attest list` shows it
    pub(crate) id: String,
    /// The key or licence had been stolen: nothing without proof of an earlier time counts
    #[arg(long)]
    pub(crate) stolen: bool,
    /// It was given by mistake and never held
    #[arg(long, conflicts_with = "stolen")]
    pub(crate) mistake: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Trust {
    /// Accept somebody's word
    Add(TrustAdd),
    /// Whose word is accepted
    List,
    /// No longer
    Remove(TrustRemove),
}

#[derive(Args, Debug)]
pub(crate) struct TrustAdd {
    /// An authority's card file, or a contact
    pub(crate) authority: String,
    /// For which claim, such as licensed-physician
    #[arg(long = "for", value_name = "CLAIM")]
    pub(crate) claim: String,
    /// What to call the authority
    #[arg(long, value_name = "NAME")]
    pub(crate) call: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct TrustRemove {
    /// The authority: its name or id, as `trust list` shows it
    pub(crate) authority: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Mandate {
    /// Let somebody act for me, within scopes and until a day
    Give(MandateGive),
    /// Who may act for me, and for whom I may: in words
    List,
    /// End one: what its holder was shown and the rooms he opened end with it
    End(MandateEnd),
}

#[derive(Args, Debug)]
#[command(after_help = "\
What the holder may do, several with commas:
  read      open the documents of these scopes; see who can see them, and the log of them
  share     show them to others (needs read)
  revoke    end what others are shown of them
  write     write documents in your name
  collect   collect medicine
  decide    consent to treatment

Reading and sharing work with your devices switched off. What you granted yourself is ended by a
device of yours, when one is next on. `telesphor --as WHOM share ...` is how the holder acts.")]
pub(crate) struct MandateGive {
    /// Who may act: a contact
    pub(crate) who: String,
    /// What: read, share, revoke, write, collect, decide
    #[arg(long, value_name = "POWER,...", value_delimiter = ',', required = true)]
    pub(crate) may: Vec<String>,
    /// Only in this scope; may be said again. Everything if left out
    #[arg(long, value_name = "NAME")]
    pub(crate) scope: Vec<String>,
    /// Until when, or `ended`: until you end it
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: String,
    /// It sleeps until somebody whose word counts attests this about me, such as incapacity
    #[arg(long, value_name = "CLAIM")]
    pub(crate) dormant_until_attested: Option<String>,
    /// As an authority (a court): for this contact, not for me
    #[arg(long = "for", value_name = "WHOM")]
    pub(crate) whom: Option<String>,
    /// Although the words were never compared
    #[arg(long)]
    pub(crate) unverified: bool,
    /// Do not ask for a yes after the preview
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct MandateEnd {
    /// Its id, as `mandate list` shows it, or its holder
    pub(crate) what: String,
}
