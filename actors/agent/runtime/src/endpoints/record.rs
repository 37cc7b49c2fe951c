//! The record as the endpoints tell each other of it: documents, and how far sent ones came.

use telesphor_clinical::blob::Carried;
use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::own_device::{RecordEntry, RecordWay};
use telesphor_clinical::self_entry::SelfEntry;
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::DocumentId;

use crate::core::{Ctx, names};
use crate::documents::keep::{Kept, Way};
use crate::documents::send::SentRecord;
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    /// Tells the other endpoints of a document that is kept here.
    pub(crate) fn tell_record(&mut self, id: &DocumentId) -> Result<()> {
        if !self.keys.siblings {
            return Ok(());
        }
        match self.kept(id)? {
            Some(kept) => self.describe_record(&kept),
            None => Ok(()),
        }
    }

    /// The same, whoever is there to read it. What was erased here is not told.
    pub(crate) fn describe_record(&mut self, kept: &Kept) -> Result<()> {
        let Some(bytes) = self.tx.body(&kept.id)? else {
            return Ok(());
        };
        let entry = RecordEntry {
            document: Carried::Inline(Bytes(bytes.to_vec())),
            way: match kept.way {
                Way::Own => RecordWay::Own,
                Way::Received => RecordWay::Received,
                Way::Shared => RecordWay::Shared,
            },
            from: kept.from,
            arrived: kept.arrived,
            opened: kept.opened,
            until: kept.until,
            ext: Extensions::none(),
        };
        self.own(SelfEntry::Record(Box::new(entry)))?;
        self.describe_evidence(kept)
    }

    /// Another endpoint keeps a document; so does this one.
    pub(crate) fn record_told(&mut self, entry: RecordEntry) -> Result<()> {
        let Carried::Inline(bytes) = &entry.document else {
            return Ok(());
        };
        let document = SignedDocument::from_bytes(bytes).map_err(|e| Error::of(e.code()))?;
        let doubt = self.doubt(&document)?;
        if doubt == Some(ErrorCode::BadDocument) {
            return Err(ErrorCode::BadDocument.into());
        }
        let way = match entry.way {
            RecordWay::Own => Way::Own,
            RecordWay::Shared => Way::Shared,
            RecordWay::Received | RecordWay::Other(_) => Way::Received,
        };
        let id = self.keep(&document, bytes, way, entry.from, entry.arrived, doubt)?;
        if let Some(mut kept) = self.kept(&id)? {
            kept.opened = kept.opened.or(entry.opened);
            if kept.way == Way::Shared {
                kept.until = entry.until;
            }
            self.put_kept(&kept)?;
        }
        Ok(())
    }

    /// Tells the other endpoints how far a sent document has come.
    pub(crate) fn describe_sent(&mut self, sent: &SentRecord) -> Result<()> {
        self.own(SelfEntry::Sent(Bytes(canonical::encode(sent))))
    }

    /// How far a document has come that another endpoint sent.
    pub(crate) fn sent_told(&mut self, bytes: &[u8]) -> Result<()> {
        let sent: SentRecord = canonical::decode(bytes).map_err(|_| Error::of(ErrorCode::Malformed))?;
        let name = names::sent(&sent.document, &sent.to);
        if let Some(receipt) = &sent.receipt {
            // Where it is erased if it is taken back.
            let place = names::place(&receipt.leaf.mailbox, &sent.document);
            self.put(Table::Receipts, &place, &receipt.leaf.seq)?;
        }
        match self.get::<SentRecord>(Table::Receipts, &name)? {
            None => {
                self.push(Table::Receipts, names::SENT, &(sent.document, sent.to))?;
            }
            Some(known) if known.reached >= sent.reached => return Ok(()),
            Some(_) => {}
        }
        self.put(Table::Receipts, &name, &sent)
    }
}
