//! Whether a document is genuine, in words.

use telesphor_clinical::document::SignedDocument;

use crate::core::Ctx;
use crate::documents::keep::Kept;
use crate::error::{Error, Result};
use crate::views::Verdict;

impl Ctx<'_, '_> {
    /// Judges a document that is kept here by what is known now.
    pub(crate) fn verdict(&mut self, kept: &Kept, bytes: &[u8]) -> Result<Verdict> {
        let document = SignedDocument::from_bytes(bytes).map_err(|e| Error::of(e.code()))?;
        let doubt = self.doubt(&document)?;
        let line = match doubt {
            None => "The signature is the author's, and the document is unchanged.".to_owned(),
            Some(code) => code.words().to_owned(),
        };
        Ok(Verdict {
            failed: doubt,
            lines: vec![line],
            author: Some(document.header.author),
            document: Some(kept.id),
        })
    }
}
