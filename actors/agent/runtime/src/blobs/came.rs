//! Somebody tells where the files of a document lie.

use telesphor_clinical::blob::PartsWord;
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_wire::blob::chunk::sealed_len;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use super::record::Place;
use crate::core::Ctx;
use crate::core::records::Held;
use crate::documents::keep::Way;
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    /// Takes it in, if the document is here and came from there: it says nothing of what the
    /// files are. What was given for good is then kept in one's own mailbox, so that it stays when
    /// the sender's is gone.
    pub(crate) fn parts_came(&mut self, who: &IdentityId, word: PartsWord, held: &Held) -> Result<()> {
        let Some(kept) = self.kept(&word.document)? else {
            return Ok(());
        };
        let mine = *who == self.me();
        let shown_here = matches!(held.used, MailboxUse::Shared | MailboxUse::Team);
        if !mine && !shown_here && kept.from != Some(*who) {
            return Ok(());
        }
        word.ext
            .check(&[])
            .map_err(|_| Error::of(ErrorCode::UnknownCritical))?;
        if mine && word.at.is_empty() {
            // Erased at another endpoint of one's own.
            self.erase_parts(&word.document)?;
            return Ok(());
        }
        let parts = &kept.header.parts;
        let fits = parts.len() == word.at.len()
            && parts
                .iter()
                .zip(&word.at)
                .all(|(part, at)| sealed_len(part.size).ok() == Some(at.length));
        if !fits {
            return Err(ErrorCode::BadDocument.into());
        }
        let own = held.used == MailboxUse::Own;
        let mut state = super::record::state(self.tx, &word.document)?;
        // What one keeps oneself is not replaced by another's word.
        if state.kept {
            return Ok(());
        }
        state.kept = own && mine;
        state.from = (!own).then_some(held.id);
        self.put_parts(&word.document, &word.at)?;
        self.put_parts_state(&word.document, &state)?;
        match kept.way == Way::Received && !state.kept {
            true => self.want_parts(&word.document, Place::Own(true)),
            false => Ok(()),
        }
    }
}
