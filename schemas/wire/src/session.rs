//! One connection: hello, proofs, calls, events.
//!
//! A WebSocket message is one canonical frame. Calls are pipelined and answered in any
//! order, each exactly once; events are pushed only against credit, so a slow reader
//! costs the relay nothing.

use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Refusal};
use crate::command::Command;
use crate::ext::Extensions;
use crate::hash::Digest;
use crate::ids::{Incarnation, MailboxId, Nonce};
use crate::labels::SignLabel;
use crate::mailbox::{Cursor, Event};
use crate::records::{FetchRecords, Records, RecordsRequest};
use crate::sign::{PublicKey, Signature, Signed, SigningKey};
use crate::text::{Domain, SupportCode};
use crate::{limits, list};

coded! {
    /// What a session may do with a mailbox.
    pub enum Right {
        /// Follow and fetch, and (in a shared mailbox) deposit.
        1 => Read,
        /// Deposit only (personal mailboxes).
        2 => Deposit,
        /// Read as the owner.
        3 => Owner,
    }
}

/// What a session proof says. The relay fills in everything it knows itself, so a proof made
/// for another relay, connection or mailbox does not verify.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionClaim {
    /// The domain, as in its pinned record.
    pub domain: Domain,
    /// The relay's attesting key.
    pub relay: PublicKey,
    /// TLS 1.3 exporter value of this connection, label `EXPORTER-Channel-Binding` (RFC 9266).
    pub channel_binding: Nonce,
    /// From the relay's Welcome.
    pub relay_nonce: Nonce,
    /// From the agent's Hello.
    pub agent_nonce: Nonce,
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// Which right.
    pub right: Right,
    /// Branch the key belongs to; 0 in personal mailboxes.
    pub branch: u32,
    /// Epoch the key belongs to; 0 in personal mailboxes.
    pub epoch: u64,
    /// Single HTTP calls: `H("command", body)` of the request. Sessions: none.
    pub body: Option<Digest>,
    /// For later versions; the proof's own.
    pub ext: Extensions,
}

impl Signed for SessionClaim {
    const LABEL: SignLabel = SignLabel::Session;
}

impl SessionClaim {
    /// The proof of this claim by the key that holds the right. Certificates, where the right
    /// needs them, are the caller's to add: the claim does not cover them.
    pub fn prove(&self, key: &SigningKey) -> SessionProof {
        SessionProof {
            mailbox: self.mailbox,
            right: self.right,
            branch: self.branch,
            epoch: self.epoch,
            key: key.public(),
            certificate: None,
            current: None,
            ext: self.ext.clone(),
            signature: key.sign(self),
        }
    }
}

/// What an epoch's access key signs about an endpoint's own key for that epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PseudonymStatement {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// Which branch.
    pub branch: u32,
    /// Which epoch.
    pub epoch: u64,
    /// Fresh per mailbox and epoch; announced inside the group.
    pub pseudonym: PublicKey,
    /// For later versions; the certificate's own.
    pub ext: Extensions,
}

impl Signed for PseudonymStatement {
    const LABEL: SignLabel = SignLabel::Pseudonym;
}

/// A proof of a right, as sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionProof {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// Which right.
    pub right: Right,
    /// Branch.
    pub branch: u32,
    /// Epoch.
    pub epoch: u64,
    /// Owner key, deposit key or pseudonym.
    pub key: PublicKey,
    /// Shared mailboxes: by the epoch's access key.
    pub certificate: Option<Certificate>,
    /// Shared mailboxes whose old epochs were `cut`: the same for the current epoch's key, so
    /// that old events can be read. `None` where there was no cut.
    pub current: Option<Box<CurrentProof>>,
    /// For later versions; stands in the [`SessionClaim`] too.
    pub ext: Extensions,
    /// [`SessionClaim`] signed by `key`.
    pub signature: Signature,
}

/// What an access key says of a pseudonym, as sent: the relay knows the rest of the statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// For later versions; stands in the [`PseudonymStatement`] too.
    pub ext: Extensions,
    /// [`PseudonymStatement`] signed by the access key.
    pub signature: Signature,
}

/// Proof that the reader of an old epoch also holds the current key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentProof {
    /// The current epoch.
    pub epoch: u64,
    /// For the same pseudonym, by the current access key.
    pub certificate: Certificate,
}

/// Client's first frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Protocol versions it speaks, best first.
    #[serde(deserialize_with = "list::bounded::<{ limits::MAX_VERSIONS }, _, _>")]
    pub versions: Vec<u16>,
    /// Optional features it knows.
    #[serde(deserialize_with = "list::bounded::<{ limits::MAX_FEATURES }, _, _>")]
    pub features: Vec<u32>,
    /// Its nonce.
    pub agent_nonce: Nonce,
    /// For later versions.
    pub ext: Extensions,
}

/// Relay's answer to [`Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version chosen.
    pub version: u16,
    /// Optional features in common.
    #[serde(deserialize_with = "list::bounded::<{ limits::MAX_FEATURES }, _, _>")]
    pub features: Vec<u32>,
    /// The domain.
    pub domain: Domain,
    /// The relay's attesting key.
    pub relay: PublicKey,
    /// The life of its store: when it changes, agents offer again what they sent.
    pub incarnation: Incarnation,
    /// Partitions of this domain (a voucher and its mailbox must share one).
    pub partitions: u16,
    /// Its nonce for proofs on this connection, good for 60 s.
    pub relay_nonce: Nonce,
    /// Its clock, Unix milliseconds.
    pub clock: u64,
    /// Largest frame it takes, bytes.
    pub max_frame: u32,
    /// For later versions.
    pub ext: Extensions,
}

tagged! {
    /// Frames from client to relay.
    pub enum ClientFrame {
        /// Must be first, once.
        1 => Hello(Hello),
        /// Prove a right under a handle of the client's choosing.
        2 => Prove(Prove),
        /// Commands, pipelined.
        3 => Calls(Vec<Call>) at most limits::MAX_CALLS_PER_FRAME,
        /// Push the events after a position.
        4 => Follow(Follow),
        /// More credit for a handle, bytes.
        5 => Credit(Credit),
        /// Stop pushing.
        6 => Unfollow(u32),
        /// Read one page.
        7 => Fetch(Fetch),
        /// Give up a handle.
        8 => Forget(u32),
        /// Ask for a new nonce (proofs later than 60 s into the session).
        9 => Refresh(Extensions),
        /// Read delivery records (owners, where the Welcome names the feature).
        10 => FetchRecords(FetchRecords),
    }
}

tagged! {
    /// Frames from relay to client.
    pub enum RelayFrame {
        /// Answer to Hello.
        1 => Welcome(Welcome),
        /// Answer to Prove.
        2 => Proved(Proved),
        /// Answers to calls, any order.
        3 => Replies(Vec<Reply>) at most limits::MAX_CALLS_IN_FLIGHT,
        /// Pushed or fetched events.
        4 => Events(Events),
        /// A follow or fetch ended, and why. Sent also when a right ends in mid-stream.
        5 => Ended(Ended),
        /// The connection is about to end (drain, fault of form); reconnect after so many milliseconds.
        6 => Goodbye(Goodbye),
        /// A new nonce.
        7 => Nonce(Nonce),
        /// Delivery records, or why not.
        8 => Records(Records),
    }
}

/// A proof under a handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prove {
    /// The client's number for this right; later frames name it.
    pub handle: u32,
    /// The proof.
    pub proof: SessionProof,
}

/// Whether a proof was good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proved {
    /// The handle.
    pub handle: u32,
    /// `None` if it was; else one refusal for unknown mailbox and wrong key alike.
    pub refused: Option<Refusal>,
    /// Where the mailbox stands (readers only).
    pub head: Option<Cursor>,
    /// Last accepted owner counter (owners only).
    pub counter: Option<u64>,
}

/// One command on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The client's number for the reply.
    pub call: u32,
    /// The handle whose right a deposit uses; 0 where the command carries its own signature.
    pub handle: u32,
    /// Printed by the client, logged by the relay.
    pub support: SupportCode,
    /// What to do.
    pub command: Command,
}

/// The answer to one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The call's number.
    pub call: u32,
    /// The answer.
    pub answer: Answer,
}

/// Start pushing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follow {
    /// A handle with the right to read.
    pub handle: u32,
    /// Push events after this position.
    pub after: u64,
    /// Bytes that may be pushed before more credit is given.
    pub credit: u32,
}

/// More credit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// The handle.
    pub handle: u32,
    /// Bytes.
    pub bytes: u32,
}

/// Read one page, without following.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// A handle with the right to read.
    pub handle: u32,
    /// Events after this position.
    pub after: u64,
    /// At most so many events.
    pub max_events: u32,
}

/// Events of one mailbox, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// The handle.
    pub handle: u32,
    /// In order, without gaps.
    #[serde(deserialize_with = "list::bounded::<{ limits::MAX_EVENTS_PER_FRAME }, _, _>")]
    pub events: Vec<Event>,
    /// Where the mailbox stood when this was sent: the reader is current when it gets there.
    pub head: Cursor,
}

/// Why a follow or fetch ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The handle.
    pub handle: u32,
    /// Why.
    pub refusal: Refusal,
}

/// The relay's last frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goodbye {
    /// Why.
    pub refusal: Refusal,
    /// Come back after so many milliseconds.
    pub retry_after_ms: u64,
}

/// A single HTTP call: a frame's worth of calls with the proofs they need, in one body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SingleCall {
    /// Printed by the client, logged by the relay.
    pub support: SupportCode,
    /// The client's nonce; the relay's comes from `GET /v1/hello` on the same connection.
    pub agent_nonce: Nonce,
    /// What to do.
    pub request: SingleRequest,
}

tagged! {
    /// What a single HTTP call may ask.
    pub enum SingleRequest {
        /// One command.
        1 => Command(Command),
        /// One page of events: (after, at most).
        2 => Fetch(PageRequest),
        /// One page of delivery records.
        3 => Records(RecordsRequest),
    }
}

/// One page of a mailbox over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// Events after this position.
    pub after: u64,
    /// At most so many events.
    pub max_events: u32,
}

/// The body of an HTTP answer to a [`PageRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// In order, without gaps.
    #[serde(deserialize_with = "list::bounded::<{ limits::MAX_EVENTS_PER_FRAME }, _, _>")]
    pub events: Vec<Event>,
    /// Where the mailbox stands.
    pub head: Cursor,
}
