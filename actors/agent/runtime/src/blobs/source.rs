//! Where the ciphertext of a file comes from: the relay at home, or by way of it another domain's.

use telesphor_wire::blob::call::{BlobChunks, BlobName};
use telesphor_wire::blob::tree::ChunkHashes;
use tokio::sync::mpsc;

use super::fetch::FileFault;
use crate::exchange::file::FarFiles;
use crate::link::Credential;
use crate::link::blob::BlobLink;

/// One of the two.
pub(crate) enum Source<'a> {
    /// A connection to the relay at home, and the right by which is fetched there.
    Home(Box<BlobLink>, &'a Credential),
    /// Requests for another domain.
    Elsewhere(FarFiles),
}

impl Source<'_> {
    /// The chunk hashes of a file, which lead to its address.
    pub(crate) async fn hashes(&mut self, name: BlobName, length: u64) -> Result<ChunkHashes, FileFault> {
        match self {
            Self::Home(link, by) => Ok(link.hashes(by, name, length).await?),
            Self::Elsewhere(files) => Ok(files.hashes(name, length).await?),
        }
    }

    /// Gets chunks; gives those that came, one by one and in order, to `chunks`. Whether they are right is for
    /// the receiver to say: when it is gone, nothing more is asked for.
    pub(crate) async fn get(
        &mut self,
        get: BlobChunks,
        length: u64,
        chunks: mpsc::Sender<Vec<u8>>,
    ) -> Result<(), FileFault> {
        match self {
            Self::Home(link, by) => Ok(link.get(by, get, length, chunks).await?),
            Self::Elsewhere(files) => Ok(files.get(get, length, chunks).await?),
        }
    }
}
