//! Being let in: what an admission token is worth, and the vouchers it is spent for.

use serde::{Deserialize, Serialize};

use crate::ext::Extensions;
use crate::hash::Digest;
use crate::ids::{CommandId, Voucher};
use crate::labels::SignLabel;
use crate::sign::{Signature, Signed};
use crate::text::Domain;

/// What an admission token is worth from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// The cluster where it is good.
    pub domain: Domain,
    /// `H("admission", token)`: the token itself is in the link alone.
    pub token: Digest,
    /// Class of the mailboxes that its vouchers open.
    pub class: u16,
    /// How often it may be used; 0 ends it.
    pub uses: u32,
    /// Worthless after this instant, Unix milliseconds.
    pub until: u64,
    /// The sender's id; the same id does it once.
    pub command_id: CommandId,
    /// Refused after this instant, Unix milliseconds.
    pub not_after: u64,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for Admission {
    const LABEL: SignLabel = SignLabel::Admit;
}

/// An admission with the domain's signature (by its admission key).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedAdmission {
    /// What is signed.
    pub admission: Admission,
    /// By the domain's admission key.
    pub signature: Signature,
}

/// A domain's permission to open one mailbox. It names no identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherStatement {
    /// The cluster where it may be spent.
    pub domain: Domain,
    /// Chosen by the client. The mailbox opened must lie in the same partition, so that
    /// spending it is decided in one place.
    pub voucher: Voucher,
    /// Quota class of the mailbox it opens.
    pub class: u16,
    /// Worthless after this instant, Unix milliseconds.
    pub until: u64,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for VoucherStatement {
    const LABEL: SignLabel = SignLabel::Voucher;
}

/// A voucher with the domain's signature (by its admission key).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedVoucher {
    /// What is signed.
    pub statement: VoucherStatement,
    /// By the domain's admission key.
    pub signature: Signature,
}
