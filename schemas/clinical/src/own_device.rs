//! What an identity's own endpoints tell each other beside the things themselves: seats in
//! groups, vouchers, the record as the other one keeps it.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::SignedVoucher;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::sign::PublicKey;

use crate::blob::Carried;
use crate::limits;
use crate::message::Welcome;
use crate::text::bounded;

/// An endpoint asks for a seat in a group in which another endpoint of the identity sits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatRequest {
    /// The group's mailbox.
    pub mailbox: MailboxId,
    /// Who asks: the endpoint's key.
    pub endpoint: PublicKey,
    /// A key package for this one seat, sealed as for a contact: address = this mailbox and the
    /// endpoint's key, secret = the next field.
    pub package: Bytes,
    /// Opens the package.
    pub secret: Secret,
}

/// The answer: the commit that adds the endpoint has won.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatGiven {
    /// For which endpoint.
    pub endpoint: PublicKey,
    /// With whom the group is, if with one contact.
    pub with: Option<IdentityId>,
    /// The way in.
    pub welcome: Welcome,
}

/// Permissions to open mailboxes, passed on. Whoever passes them on has given them up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherShare {
    /// For which endpoint.
    pub endpoint: PublicKey,
    /// Each good for one mailbox.
    #[serde(deserialize_with = "bounded::<{ limits::MAX_LIST }, _, _>")]
    pub vouchers: Vec<SignedVoucher>,
}

/// Where the backup goes and under which key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupEntry {
    /// Seals it; the recovery kit gives the same.
    pub key: Secret,
    /// The mailbox, once it is open.
    pub mailbox: Option<MailboxId>,
}

open_coded! {
    /// Which way a document came into the record.
    pub enum RecordWay {
        /// Made or taken in by its owner.
        1 => Own "own",
        /// Given by a contact for good.
        2 => Received "received",
        /// Shown by a contact for a time.
        3 => Shared "shared",
    }
}

/// A document as one endpoint keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordEntry {
    /// The document itself.
    pub document: Carried,
    /// Which way it came.
    pub way: RecordWay,
    /// From whom.
    pub from: Option<IdentityId>,
    /// When, Unix milliseconds.
    pub arrived: u64,
    /// When it was first opened.
    pub opened: Option<u64>,
    /// Until when it may be looked at.
    pub until: Option<u64>,
    /// For later versions.
    pub ext: Extensions,
}
