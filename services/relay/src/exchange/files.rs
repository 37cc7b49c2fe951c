//! Files that people of other domains read: a piece for each request, from where they lie.
//!
//! What is given is ciphertext by its address, as to a member at home; the right to it is proved in the
//! request, and looked up anew for each.

use std::sync::Arc;

use telesphor_blobs::Blobs;
use telesphor_engine::BlobRight;
use telesphor_wire::answer::{Answer, Refusal};
use telesphor_wire::blob::call::{BlobName, BlobRequest};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::forward::read::FileRead;
use telesphor_wire::seal::SealingPublic;

use super::Exchange;
use super::guests::BUSY_MS;
use crate::edge::blob::{blocking, fetchable, here, said};

impl Exchange {
    /// The answer to a request for a piece of a file.
    pub(super) async fn file(&self, read: FileRead, reply: &SealingPublic, not_after: u64) -> Answer {
        let address = read.request.address();
        match self.piece(read, reply, not_after).await {
            Ok(piece) => {
                self.metrics.blobs.went(piece.len() as u64);
                Answer::Piece(Bytes(piece))
            }
            Err(refusal) if refusal.code == ErrorCode::BlobBusy => Answer::Busy(BUSY_MS),
            Err(refusal) => {
                if let (ErrorCode::BlobDamaged, Some(peers)) = (refusal.code, &self.files.peers) {
                    peers.clone().mend(address);
                }
                Answer::Refused(refusal)
            }
        }
    }

    async fn piece(&self, read: FileRead, reply: &SealingPublic, not_after: u64) -> Result<Vec<u8>, Refusal> {
        let request = read.request.clone();
        let name = BlobName {
            mailbox: request.mailbox(),
            address: request.address(),
        };
        let right = self
            .engine
            .blob_right_forwarded(&read, reply.clone(), not_after)
            .await?;
        if right.mailbox() != name.mailbox {
            return Err(ErrorCode::Refused.into());
        }
        // As many files at once as for people of one's own, and among them.
        let _permit = self.files.streams.permit(name.mailbox)?;
        here(&self.files.blobs, self.files.peers.as_ref(), name).await?;
        let blobs = self.files.blobs.clone();
        blocking(move || read_piece(&blobs, &right, name, &request)).await
    }
}

fn read_piece(
    blobs: &Arc<Blobs>,
    right: &BlobRight,
    name: BlobName,
    request: &BlobRequest,
) -> Result<Vec<u8>, Refusal> {
    fetchable(blobs, right, &name)?;
    match request {
        BlobRequest::Hashes(_) => {
            let hashes = blobs.hashes(&name.mailbox, &name.address).map_err(said)?;
            Ok(hashes.to_bytes())
        }
        BlobRequest::Get(asked) => {
            let reader = blobs.reader(name.mailbox, name.address, asked.from);
            let (mut reader, mut piece) = (reader.map_err(said)?, Vec::new());
            for _ in 0..asked.count {
                match reader.read().map_err(said)? {
                    Some(chunk) => piece.extend_from_slice(&chunk),
                    None => break,
                }
            }
            Ok(piece)
        }
        // No request asks it that was taken for one.
        _ => Err(ErrorCode::NotForwardable.into()),
    }
}
