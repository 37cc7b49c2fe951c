//! A document has come: judged, kept, and its sender told that it is here.

use telesphor_clinical::blob::Carried;
use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::receipt::ReceiptKind;
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_vault::Table;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use super::keep::Way;
use crate::core::records::Held;
use crate::core::{Ctx, names};
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    /// Takes a document in. One that is not well-formed is refused; one whose author cannot be
    /// judged is kept with the doubt, and judged again when it is opened.
    /// What comes in a contact's room is shown until the room ends, anything else is given.
    pub(crate) fn document_came(
        &mut self,
        from: &IdentityId,
        carried: Carried,
        stamp: u64,
        held: &Held,
    ) -> Result<()> {
        let Carried::Inline(bytes) = carried else {
            return Err(ErrorCode::TooLarge.into());
        };
        let document = SignedDocument::from_bytes(&bytes).map_err(|e| Error::of(e.code()))?;
        let doubt = self.doubt(&document)?;
        if doubt == Some(ErrorCode::BadDocument) {
            return Err(ErrorCode::BadDocument.into());
        }
        self.check_shown_for(from, &document.header, &held.id)?;
        self.check_written_for_me(&document)?;
        let way = match held.used {
            MailboxUse::Shared => Way::Shared,
            _ => Way::Received,
        };
        let id = self.keep(&document, &bytes, way, Some(*from), stamp, doubt)?;
        if way == Way::Shared {
            self.put(Table::Receipts, &names::came_in(&id), &held.id)?;
        } else {
            self.tx.delete(Table::Receipts, &names::came_in(&id))?;
        }
        self.shown_until(from, &id, held.lease)?;
        self.tell(from, id, ReceiptKind::Delivered)?;
        match self.kept(&id)? {
            Some(kept) => self.correction_came(&kept),
            None => Ok(()),
        }
    }

    /// Why a document is not genuine, as far as the histories known here tell.
    pub(crate) fn doubt(&self, document: &SignedDocument) -> Result<Option<ErrorCode>> {
        let Some(history) = self.history(&document.header.author)? else {
            return Ok(Some(ErrorCode::BrokenHistory));
        };
        let said = SignerSaid {
            identity: &document.header.author,
            head: &document.signing.author_head,
            endpoint: &document.signing.endpoint,
        };
        let judged = Judged::now(self.now);
        Ok(history
            .check_signed(said, judged, &document.statement(), &document.signature)
            .err()
            .map(|e| e.code()))
    }
}
