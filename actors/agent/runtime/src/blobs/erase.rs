//! The files of a document are erased here and at the relay, and offered again to a relay that
//! was brought back from a backup.

use telesphor_clinical::blob::PartsWord;
use telesphor_clinical::message::GroupMessage;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::DocumentId;

use super::record::{PartsState, Place, parts_id, refs, state, stated, wanted};
use crate::core::Ctx;
use crate::core::records::{Job, Padding};
use crate::error::Result;

impl Ctx<'_, '_> {
    /// Destroys the keys of a document's files, then their ciphertext: here now, and at the relay
    /// as soon as it can be asked. The document stays, and still says which files it had. Gives
    /// how many files there were.
    pub(crate) fn erase_parts(&mut self, document: &DocumentId) -> Result<usize> {
        let addresses: Vec<_> = refs(self.tx, document)?
            .unwrap_or_default()
            .iter()
            .map(|at| at.address)
            .collect();
        if addresses.is_empty() {
            return Ok(0);
        }
        let own = self.forget_parts(document)?;
        self.tx.erase_documents(&[own])?;
        // What was still to be done with them is not to be done any more.
        for (seq, want) in wanted(self.tx)? {
            if want.document == *document {
                self.want_no_more(seq)?;
            }
        }
        self.put_parts_state(document, &PartsState::default())?;
        let count = addresses.len();
        self.want_parts(document, Place::Gone(addresses))?;
        Ok(count)
    }

    /// The same, and one's other endpoints are told to do it too.
    pub(crate) fn erase_parts_everywhere(&mut self, document: &DocumentId) -> Result<usize> {
        let count = self.erase_parts(document)?;
        if let (Some(own), true, true) = (self.profile.own, self.keys.siblings, count > 0) {
            let word = PartsWord {
                document: *document,
                at: Vec::new(),
                ext: Extensions::none(),
            };
            let word = GroupMessage::Parts(Box::new(word));
            self.say(own, &word, Padding::Handshake, Job::Nothing(true))?;
        }
        Ok(count)
    }

    /// The relay was brought back from a backup: what it kept and showed is put, kept and shown
    /// again. What it still has costs one question.
    pub(crate) fn offer_parts_again(&mut self) -> Result<()> {
        for (name, bytes) in self.tx.scan(Table::Documents)? {
            let (Some(document), Ok(known)) = (stated(&name), canonical::decode::<PartsState>(&bytes)) else {
                continue;
            };
            if !known.kept || self.tx.body(&parts_id(&document))?.is_none() {
                continue;
            }
            let mut known = state(self.tx, &document)?;
            known.kept = false;
            self.put_parts_state(&document, &known)?;
            self.want_parts(&document, Place::Own(true))?;
            for place in known.shown {
                self.want_parts(&document, place)?;
            }
        }
        Ok(())
    }
}
