//! Associations and batches as they come from a group.

use telesphor_clinical::stream::{SignedAssociation, SignedStreamBatch};
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_sealing::Member;
use telesphor_vault::Table;
use telesphor_wire::error::ErrorCode;

use crate::core::Ctx;
use crate::core::records::Held;
use crate::error::{Error, Result};

/// Batches kept of one mailbox's streams; a follower reads them as they come.
const KEPT_BATCHES: u64 = 4096;

/// A batch as it came.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct CameBatch {
    pub(crate) batch: SignedStreamBatch,
    /// The order's clock when it came.
    pub(crate) stamp: u64,
}

/// The list of batches of one mailbox.
pub(crate) fn batches(mailbox: &telesphor_wire::ids::MailboxId) -> Vec<u8> {
    [b"batches/", &mailbox.0[..]].concat()
}

/// Where an association stands, by its id.
pub(crate) fn association(id: &telesphor_wire::hash::Digest) -> Vec<u8> {
    [b"association/", &id.0[..]].concat()
}

impl Ctx<'_, '_> {
    /// Somebody attached or detached a device.
    pub(crate) fn association_came(
        &mut self,
        held: &Held,
        from: &Member,
        signed: SignedAssociation,
    ) -> Result<()> {
        let said = &signed.association;
        if said.by != from.identity || said.endpoint != from.endpoint {
            return Err(ErrorCode::BadDocument.into());
        }
        let history = self
            .history(&said.by)?
            .ok_or(Error::of(ErrorCode::BrokenHistory))?;
        let signer = SignerSaid {
            identity: &said.by,
            head: &said.head,
            endpoint: &said.endpoint,
        };
        history
            .check_signed(signer, Judged::now(self.now), said, &signed.signature)
            .map_err(|e| Error::of(e.code()))?;
        // The owner of the mailbox says whose values the machine sends, or the machine itself.
        let lawful = held.with == Some(said.by) || held.owner.is_some();
        if !lawful {
            return Err(ErrorCode::BadDocument.into());
        }
        self.keep_association(&held.id, &signed)
    }

    /// Samples of a device: only by the device itself, under the key that speaks.
    pub(crate) fn batch_came(
        &mut self,
        held: &Held,
        from: &Member,
        signed: SignedStreamBatch,
        stamp: u64,
    ) -> Result<()> {
        let batch = &signed.batch;
        if batch.device != from.identity || batch.endpoint != from.endpoint {
            return Err(ErrorCode::BadDocument.into());
        }
        batch
            .endpoint
            .verify(batch, &signed.signature)
            .map_err(|_| Error::of(ErrorCode::BadDocument))?;
        if batch.channels.iter().any(|c| !c.is_well_formed()) {
            return Err(ErrorCode::Malformed.into());
        }
        let list = batches(&held.id);
        let position = self.push(Table::Devices, &list, &CameBatch { batch: signed, stamp })?;
        if position > KEPT_BATCHES {
            self.tx
                .delete_at(Table::Devices, &list, position - KEPT_BATCHES)?;
        }
        Ok(())
    }
}
