//! Stopping what has not left this machine yet.

use telesphor_vault::Records;
use telesphor_vault::Table;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId};

use crate::core::records::{Entry, Job, Refused};
use crate::core::{Ctx, names};
use crate::error::Result;

impl Ctx<'_, '_> {
    /// Takes copies of these documents that were never sealed out of the outbox. Gives whom they
    /// do not reach any more.
    pub(crate) fn stop_unsent(&mut self, documents: &[DocumentId]) -> Result<Vec<IdentityId>> {
        let mut stopped = Vec::new();
        for (seq, bytes) in self.tx.range(Table::Outbox, names::OUTBOX, 0, usize::MAX)? {
            let Ok(entry) = canonical::decode::<Entry>(&bytes) else {
                continue;
            };
            let Job::Document(job) = entry.job else { continue };
            if entry.command.is_some() || !documents.contains(&job.document) {
                continue;
            }
            self.tx.delete_at(Table::Outbox, names::OUTBOX, seq)?;
            self.fx.done.push(seq);
            let refused = Refused {
                code: ErrorCode::Retracted,
                support: None,
            };
            self.document_failed(job, refused)?;
            stopped.push(job.to);
        }
        Ok(stopped)
    }
}
