//! Commands about other people.

use clap::{Args, Subcommand};

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
