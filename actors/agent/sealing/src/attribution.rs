//! Who committed and why: sealed to the members of the epoch that ends, signed by the leaf.
//!
//! The relay must not learn who commits, so the name stands in a fixed-size seal; and because
//! everybody holds the access key that signs a commit, only the leaf's own signature tells a
//! member's commit from one that another member made in his name.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{CommitBody, RewindStatement};
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::MailboxId;
use telesphor_wire::labels::SignLabel;
use telesphor_wire::limits::ATTRIBUTION_BYTES;
use telesphor_wire::padding::unpad;
use telesphor_wire::seal::{SEAL_OVERHEAD, open, seal};
use telesphor_wire::sign::{BadSignature, Signature, Signed};

use crate::error::SessionError;
use crate::member::MemberKeys;
use crate::verdict::VoidReason;

/// What the leaf signs: the whole outer body, without the attribution that holds the signature.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Attributed {
    /// `[1, body with an empty attribution]`.
    Commit(u8, Box<CommitBody>),
    /// `[2, statement]`.
    Rewind(u8, RewindStatement),
}

impl Signed for Attributed {
    const LABEL: SignLabel = SignLabel::CommitAttribution;
}

impl Attributed {
    pub(crate) fn commit(body: &CommitBody) -> Self {
        Self::Commit(
            1,
            Box::new(CommitBody {
                attribution: Bytes::default(),
                ..body.clone()
            }),
        )
    }

    pub(crate) const fn rewind(statement: RewindStatement) -> Self {
        Self::Rewind(2, statement)
    }
}

#[derive(Serialize, Deserialize)]
struct Attribution {
    leaf: u32,
    why: Digest,
    signature: Signature,
}

/// Which seal it is: mailbox, branch the commit belongs to, epoch it ends.
fn place(mailbox: &MailboxId, branch: u32, from_epoch: u64) -> Vec<u8> {
    canonical::encode(&(mailbox, branch, from_epoch))
}

pub(crate) fn write(
    key: &Secret,
    at: (&MailboxId, u32, u64),
    leaf: u32,
    why: Digest,
    keys: &MemberKeys,
    what: &Attributed,
) -> Result<Bytes, SessionError> {
    const SPACE: usize = ATTRIBUTION_BYTES - SEAL_OVERHEAD;
    let signature = keys.attribution().sign(what);
    let content = canonical::encode(&Attribution { leaf, why, signature });
    let len = u32::try_from(content.len()).map_err(|_| SessionError::Fault)?;
    let mut padded = Vec::with_capacity(SPACE);
    padded.extend_from_slice(&len.to_be_bytes());
    padded.extend_from_slice(&content);
    if padded.len() > SPACE {
        return Err(SessionError::Fault);
    }
    padded.resize(SPACE, 0);
    Ok(Bytes(seal(key, &place(at.0, at.1, at.2), &padded)))
}

/// Opens and verifies an attribution against the member that MLS named, by that one's leaf index and
/// signature; gives the reason.
pub(crate) fn verify(
    key: &Secret,
    at: (&MailboxId, u32, u64),
    sealed: &[u8],
    leaf: u32,
    signed: impl FnOnce(&Signature) -> Result<(), BadSignature>,
) -> Result<Digest, VoidReason> {
    if sealed.len() != ATTRIBUTION_BYTES {
        return Err(VoidReason::AttributionClosed);
    }
    let padded = open(key, &place(at.0, at.1, at.2), sealed).map_err(|_| VoidReason::AttributionClosed)?;
    let content = unpad(&padded).map_err(|_| VoidReason::AttributionClosed)?;
    let attribution: Attribution =
        canonical::decode_bounded(content, ATTRIBUTION_BYTES).map_err(|_| VoidReason::AttributionClosed)?;
    if attribution.leaf != leaf {
        return Err(VoidReason::AttributionMismatch);
    }
    signed(&attribution.signature).map_err(|_| VoidReason::AttributionForged)?;
    Ok(attribution.why)
}
