//! Commands about documents.

use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

use crate::dates::parse_length;

#[derive(Args, Debug)]
pub(crate) struct Add {
    /// FHIR bundles and resources, notes, images, any file
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Put all of it into this scope instead of the proposed ones
    #[arg(long, value_name = "NAME")]
    pub(crate) scope: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Share {
    /// Documents: ids, or scope:NAME. To several roles of one organisation at once: ROLE=SCOPE,SCOPE for each
    #[arg(required = true, value_name = "WHAT")]
    pub(crate) what: Vec<String>,
    /// With which contact; or ROLE@WHO: whoever has that role there, by its roster
    #[arg(long = "with", value_name = "WHO")]
    pub(crate) whom: String,
    /// Until when, or `revoked`: the relay ends it then by itself
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: String,
    /// What for; it stands in `who`
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
    /// Although the words were never compared
    #[arg(long)]
    pub(crate) unverified: bool,
    /// Do not ask for a yes after the preview
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Revoke {
    /// Whose looking ends: a contact, or ROLE@WHO, or @WHO for every role there
    pub(crate) who: String,
    /// Only these: ids, or scope:NAME; everything if left out
    #[arg(value_name = "WHAT")]
    pub(crate) what: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Who {
    /// Only about this: a document's id, scope:NAME or a contact
    #[arg(value_name = "WHAT")]
    pub(crate) what: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Log {
    /// Nothing older, such as 7d or 2026-11-01
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// Only what this contact did; `me` for your own devices, `nobody` for keys that nobody announced
    #[arg(long, value_name = "WHO")]
    pub(crate) by: Option<String>,
    /// Also what your own devices fetched, and fetches of no document
    #[arg(long)]
    pub(crate) all: bool,
    /// Go on: a line for each thing that happens, until ended
    #[arg(long)]
    pub(crate) follow: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Inbox {
    /// Only what was not opened yet
    #[arg(long)]
    pub(crate) unread: bool,
    /// Only about this person
    #[arg(long, value_name = "WHO")]
    pub(crate) about: Option<String>,
    /// Only from this contact
    #[arg(long, value_name = "WHO")]
    pub(crate) from: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only this scope
    #[arg(long, value_name = "NAME")]
    pub(crate) scope: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Read {
    /// A document
    #[arg(value_name = "WHAT")]
    pub(crate) id: String,
    /// Write the original bytes into this new file
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write the document with everything that proves it into this new file, for `verify` elsewhere
    #[arg(long, value_name = "FILE")]
    pub(crate) tel: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Send {
    /// To which contact; or ROLE@WHO: whoever holds that role there, by its roster
    pub(crate) who: String,
    /// A file, `-` for stdin, or the id of a document that is here
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
    /// What it is: note, result, prescription, referral, image, summary, ...
    #[arg(long, default_value = "note")]
    pub(crate) kind: String,
    /// One line for the recipient's inbox; otherwise the first line of a text
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// A file that goes with it, of any size up to 4 GiB; as often as there are files
    #[arg(long, value_name = "FILE")]
    pub(crate) attach: Vec<PathBuf>,
    /// Whom it is about, if not the recipient
    #[arg(long, value_name = "WHO")]
    pub(crate) about: Option<String>,
    /// The scope it belongs to
    #[arg(long, value_name = "NAME")]
    pub(crate) scope: Vec<String>,
    /// Urgent: shown first, until somebody accepts it
    #[arg(long)]
    pub(crate) urgent: bool,
    /// Somebody must accept it within this time, such as 1h; `sent` shows who did, and what is late
    #[arg(long, value_name = "TIME", value_parser = parse_length)]
    pub(crate) ack_by: Option<Duration>,
    /// Where it goes if nobody has accepted it in that time: another role of the same organisation,
    /// as ROLE@WHO, or ROLE@WHO:30m if its time is another. The organisation's desk keeps the time
    #[arg(long, value_name = "ROLE@WHO", requires = "ack_by")]
    pub(crate) then: Vec<String>,
    /// Although the words were never compared
    #[arg(long)]
    pub(crate) unverified: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Fetch {
    /// A document
    #[arg(value_name = "WHAT")]
    pub(crate) id: String,
    /// Only this file of it, by its name or number; all if left out
    #[arg(long, value_name = "FILE")]
    pub(crate) only: Option<String>,
    /// Into this folder; made if it is not there
    #[arg(long, short, value_name = "FOLDER", default_value = ".")]
    pub(crate) into: PathBuf,
    /// Only say which files there are
    #[arg(long)]
    pub(crate) list: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Erase {
    /// A document
    #[arg(value_name = "WHAT")]
    pub(crate) id: String,
}

#[derive(Args, Debug)]
pub(crate) struct Sent {
    /// One document; all if left out
    #[arg(value_name = "WHAT")]
    pub(crate) id: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// A document's id, a .tel file, or a folder made by `export`
    #[arg(value_name = "WHAT")]
    pub(crate) what: String,
    /// With what is here alone; asks no relay
    #[arg(long)]
    pub(crate) offline: bool,
    /// Was it genuine then
    #[arg(long, value_name = "WHEN")]
    pub(crate) at: Option<String>,
    /// The author must hold this, such as licensed-physician, from somebody trusted here
    #[arg(long, value_name = "CLAIM")]
    pub(crate) role: Vec<String>,
    /// Parts must be made out to this contact or name, instead of to me
    #[arg(long = "for", value_name = "WHO")]
    pub(crate) made_out_to: Option<String>,
    /// Parts must answer this question, word for word: then they were made out for this occasion
    #[arg(long, value_name = "TEXT")]
    pub(crate) question: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Export {
    /// A folder that is not there yet
    pub(crate) folder: PathBuf,
}
