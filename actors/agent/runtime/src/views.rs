//! What the agent shows: plain values for a command line, a page or a bridge to print.
//!
//! All instants are Unix milliseconds. Lists come sorted as a person would want them.

mod collection;
mod files;
mod lab;
mod log;
mod mandates;
mod parts;
mod roles;
mod rx;
mod study;
mod teams;
mod ward;

pub use collection::{CollectionView, GatherView, ItemState, ItemView};
pub use files::FileView;
pub use lab::{LabOrderView, LabOrders, LabProof};
pub use log::{LogCheck, LogLine, Missing, Seen};
pub use mandates::{ActedView, Asked as MandateAsked, MandateState, MandateView};
pub use parts::PartView;
pub use roles::{DeskView, HeardView, PassedView, RoleView};
pub use rx::{RxFillState, RxFillView, RxLeft, RxNoticeView, RxView};
pub use study::{StudyRowsView, StudyStand, StudyView, SumView};
pub use teams::{Discharged, RosterView, TeamMember, TeamState, TeamView, TurnView};
pub use ward::{CutView, HandView, Holds, NamedStaff, PlaceView, PresenceView, PresentView};

use std::path::PathBuf;

use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::text::{Domain, SupportCode};

pub use crate::acts::views::*;

/// Who this profile is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// The identity.
    pub id: IdentityId,
    /// The name it goes by; self-chosen, seen by contacts.
    pub name: String,
    /// This device's label.
    pub endpoint: String,
    /// Home domain.
    pub domain: Domain,
    /// Last event number of the key history.
    pub history: u64,
    /// When the recovery kit was last tested; `None` = never.
    pub kit_tested: Option<u64>,
}

/// What stands at the end of making an identity.
#[derive(Clone, Debug)]
pub struct KitText {
    /// The words to print or write down. Shown once; not kept in the vault.
    pub words: Vec<String>,
    /// The same as one text for a QR code.
    pub code: String,
}

/// How far the acquaintance has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContactState {
    /// Accepted here; the other side has not answered yet.
    Awaiting,
    /// Keys were exchanged; nobody has compared the words yet.
    Unverified,
    /// The words were compared (or an anchored authority names the identity).
    Verified,
    /// Removed: kept for the record, nothing is sent any more.
    Removed,
}

/// One contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactView {
    /// The identity.
    pub id: IdentityId,
    /// Short name for the command line, unique here.
    pub alias: String,
    /// The name the other side goes by.
    pub name: String,
    /// Home domain.
    pub domain: Domain,
    /// How far the acquaintance has come.
    pub state: ContactState,
    /// Words to compare by voice; both sides see the same.
    pub words: Vec<String>,
    /// The 60 digits of the safety number.
    pub number: String,
    /// What attestations the contact has shown.
    pub attested: Vec<AttestationView>,
    /// Since when.
    pub since: u64,
}

/// A one-time invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// `telesphor-invite:...`, to be sent or shown as a QR code. A bearer link.
    pub link: String,
    /// Whom it is meant for, in the inviter's words.
    pub meant_for: String,
    /// Worthless after this instant.
    pub expires: u64,
}

/// Which way a document came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Made or taken in here.
    Own,
    /// Sent by a contact, for good.
    Received,
    /// Shown by a contact, until.
    Shared,
}

/// One document in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentView {
    /// The document.
    pub id: DocumentId,
    /// What it is, as a word: note, result, prescription, ...
    pub kind: String,
    /// One line.
    pub title: String,
    /// Media type of the body.
    pub format: String,
    /// Whom it is about.
    pub subject: Option<IdentityId>,
    /// Who signed it.
    pub author: IdentityId,
    /// The author's name as known here.
    pub author_name: String,
    /// Who wrote it, where the author is a place at whose devices people come and go.
    pub hand: Option<HandView>,
    /// Compartments.
    pub scopes: Vec<String>,
    /// When it was signed, by the author's word.
    pub recorded: u64,
    /// Which way it came.
    pub direction: Direction,
    /// From whom it came (the contact, who need not be the author).
    pub from: Option<IdentityId>,
    /// When it came (the relay's order).
    pub arrived: u64,
    /// Whether it was opened here.
    pub opened: bool,
    /// Whether it is urgent.
    pub urgent: bool,
    /// May be looked at until; `None` = for good.
    pub until: Option<u64>,
    /// That time is over.
    pub ended: bool,
    /// Bytes of the body.
    pub size: u64,
    /// Who shows or wrote it for another, if somebody does.
    pub acted: Option<ActedView>,
    /// Earlier documents that it replaces or takes back.
    pub corrects: Vec<DocumentId>,
    /// Whether somebody here has still to accept it.
    pub awaited: Awaited,
    /// What was answered here.
    pub answer: Option<AnswerView>,
    /// Whether it is current.
    pub standing: StandingView,
}

/// A document, opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its entry.
    pub view: DocumentView,
    /// The original bytes, as signed.
    pub body: Vec<u8>,
    /// What was checked.
    pub verdict: Verdict,
}

/// Whether something is genuine, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// `None` if everything that was asked for holds, else the first failure.
    pub failed: Option<ErrorCode>,
    /// One sentence per thing checked, for a person.
    pub lines: Vec<String>,
    /// The author.
    pub author: Option<IdentityId>,
    /// The document.
    pub document: Option<DocumentId>,
    /// Whether it is current, as far as is known here.
    pub standing: StandingView,
    /// What it shows, if only parts are shown, or several documents at once.
    pub parts: Vec<PartView>,
}

/// How far a sent document has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SentState {
    /// In the outbox (perhaps waiting for the conversation to open).
    Queued,
    /// Ordered by the relay, not yet on a majority.
    Accepted,
    /// A relay's receipt was verified: it survives.
    Durable,
    /// The other side's agent has it.
    Delivered,
    /// The other side has opened it.
    Opened,
    /// The other side takes responsibility.
    Taken,
    /// The other side declined.
    Declined,
    /// It could not be delivered.
    Failed,
}

/// Where a sent document is now, for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentView {
    /// The document.
    pub document: DocumentId,
    /// One line.
    pub title: String,
    /// To whom.
    pub to: IdentityId,
    /// The recipient's alias.
    pub to_alias: String,
    /// How far it has come.
    pub state: SentState,
    /// When it was queued.
    pub queued: u64,
    /// When the receipt says it was durable.
    pub durable: Option<u64>,
    /// When the other side's agent said it has it.
    pub delivered: Option<u64>,
    /// When the other side opened it.
    pub opened: Option<u64>,
    /// Milliseconds from sending to the verified receipt.
    pub took_ms: Option<u64>,
    /// Why it failed.
    pub why: Option<ErrorCode>,
    /// By which code the relay's log can be searched for the refusal.
    pub support: Option<SupportCode>,
    /// Whether the recipient has still to accept it.
    pub awaited: Awaited,
    /// What the recipient answered.
    pub answer: Option<AnswerView>,
    /// Whether it is current.
    pub standing: StandingView,
    /// To a role: who of its people did what.
    pub heard: Vec<HeardView>,
    /// To a role: where it went on to.
    pub passed: Option<PassedView>,
}

/// An attestation, held, given or seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestationView {
    /// Short id for the command line, hex.
    pub id: String,
    /// Who says it.
    pub issuer: IdentityId,
    /// About whom.
    pub subject: IdentityId,
    /// What.
    pub claim: String,
    /// From.
    pub from: u64,
    /// Until.
    pub until: u64,
    /// Withdrawn since.
    pub withdrawn: Option<u64>,
    /// Whether an issuer trusted here for this claim says it.
    pub trusted: bool,
}

/// Whose word is accepted for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustView {
    /// The authority.
    pub authority: IdentityId,
    /// Its name.
    pub name: String,
    /// For which claim.
    pub claim: String,
}

/// One of this identity's devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointView {
    /// Letters that name it on a command line.
    pub id: String,
    /// Its label.
    pub label: String,
    /// Whether it is this one.
    pub here: bool,
    /// When it was added.
    pub since: u64,
    /// When it was last heard by this one, if ever.
    pub heard: Option<u64>,
    /// When it was removed.
    pub removed: Option<u64>,
}

/// A device that asks to become one of this identity's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointAsked {
    /// What it calls itself.
    pub label: String,
    /// The words to compare: both devices show the same.
    pub words: Vec<String>,
    /// Devices that asked by the same link after this one.
    pub late: u32,
}

/// Who can see what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantView {
    /// The grantee.
    pub with: IdentityId,
    /// The grantee's alias.
    pub alias: String,
    /// The document.
    pub document: DocumentId,
    /// One line.
    pub title: String,
    /// Compartments.
    pub scopes: Vec<String>,
    /// Until; `None` = until it is revoked, or given for good.
    pub until: Option<u64>,
    /// Given for good: nothing ends it.
    pub given: bool,
    /// For what.
    pub why: String,
    /// Last opened by the grantee.
    pub opened: Option<u64>,
    /// Taken back at.
    pub revoked: Option<u64>,
    /// Who gave it for another, if somebody did.
    pub acted: Option<ActedView>,
}

/// What a revocation ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revoked {
    /// Grants that were ended, wholly or in part.
    pub grants: usize,
    /// Documents that the contact was shown until then.
    pub documents: usize,
    /// How many of them the contact had opened: those may be remembered or copied.
    pub opened: usize,
}

/// How the showing of a document ended for its reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndView {
    /// When.
    pub at: u64,
    /// As agreed from the start; else earlier, on the giver's word.
    pub agreed: bool,
    /// The giver's name.
    pub by: String,
    /// The giver's alias.
    pub alias: String,
    /// Whether it was opened here while it could be.
    pub opened: bool,
}

/// What sharing would do, in numbers, before it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharePlan {
    /// Documents that would be shown.
    pub shown: Vec<DocumentView>,
    /// Documents held back because they are also in a sensitive scope not granted.
    pub withheld: Vec<(DocumentView, Vec<String>)>,
    /// How many documents lie in other scopes, by scope.
    pub outside: Vec<(String, usize)>,
}

/// The state of this agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether a session with the relay is open.
    pub connected: bool,
    /// Why not, if not.
    pub last_failure: Option<ErrorCode>,
    /// Commands waiting in the outbox.
    pub outbox: usize,
    /// Mailboxes followed.
    pub mailboxes: usize,
    /// Mailboxes not read to their end yet.
    pub behind: usize,
    /// When the last event or answer came.
    pub last_sync: Option<u64>,
    /// This machine's clock minus the relay's, milliseconds.
    pub clock_difference: Option<i64>,
    /// When the recovery kit was last tested.
    pub kit_tested: Option<u64>,
    /// Whether a device was removed that knew where backups go: a new kit is due.
    pub kit_due: bool,
    /// Whether this device was removed from its identity.
    pub ended: bool,
    /// How many devices the identity has.
    pub endpoints: usize,
}

/// One finding of a self-check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub code: ErrorCode,
    /// By which code the relay's log can be searched, if it was asked.
    pub support: Option<SupportCode>,
    /// The next step, in words.
    pub next: String,
}

/// A mailbox as this agent knows it (for `inspect`-like lists and drills).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxView {
    /// Its id.
    pub id: MailboxId,
    /// What it is for: intake, self, conversation, invitation, vitals.
    pub purpose: &'static str,
    /// Last event read.
    pub seq: u64,
    /// Epoch (shared).
    pub epoch: u64,
}

/// What an export wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Where.
    pub folder: PathBuf,
    /// Documents in it.
    pub documents: usize,
    /// Files in it.
    pub files: usize,
    /// Bytes in it.
    pub bytes: u64,
    /// Documents left out because their authors have taken them back.
    pub taken_back: usize,
    /// Large files of documents that are not in it, and why.
    pub absent: Vec<(String, ErrorCode)>,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceView {
    /// The machine's identity.
    pub id: IdentityId,
    /// Its alias.
    pub alias: String,
    /// Attached to.
    pub attached: Option<IdentityId>,
    /// Since.
    pub since: Option<u64>,
}

/// What a followed stream shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Live {
    /// New values.
    Samples(Samples),
    /// No value for so many milliseconds.
    Stale {
        /// Age of the last sample, milliseconds.
        age_ms: u64,
    },
    /// The device was detached, or the right to look ended.
    Ended,
}

/// Values of one batch of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// The device that signed them.
    pub device: IdentityId,
    /// The patient it is attached to.
    pub patient: Option<IdentityId>,
    /// What is measured (a code's display).
    pub what: String,
    /// Unit.
    pub unit: String,
    /// Device time of the first value.
    pub start: u64,
    /// Milliseconds between values.
    pub period_ms: u64,
    /// Values; `None` = a gap.
    pub values: Vec<Option<f64>>,
    /// Age when it arrived, milliseconds.
    pub age_ms: u64,
}
