//! Parts as an SD-JWT, for programs that know nothing of this one.

use telesphor_clinical::fields::select::select;
use telesphor_clinical::sdjwt::{SignedBy, Terms, issue};
use telesphor_identity::kit::root_derived;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::jws::JwsKey;

use super::put::Shown;
use crate::core::Ctx;
use crate::error::{Error, Result};

/// A token, and what is to be known of it.
#[derive(Clone, Debug)]
pub struct SdJwtFile {
    /// In compact form.
    pub text: String,
    /// Whether the author himself has signed it in this form.
    pub by_author: bool,
    /// The key that signed it, as a JSON Web Key: the reader must hear of it by another way.
    pub key: String,
}

impl Ctx<'_, '_> {
    /// The key for exports, the same on every endpoint.
    fn jws_key(&self) -> Result<JwsKey> {
        let root = self.keys.stored.root.as_ref();
        let root = root.ok_or(Error::of(ErrorCode::NotLetIn))?;
        Ok(JwsKey::from_seed(&root_derived(root, "sd-jwt", b"")))
    }

    /// Parts of a document in that form; bound to a reader and a question if they are given.
    pub(crate) fn sd_jwt(&self, shown: &Shown, bound: Option<(&str, &str)>) -> Result<SdJwtFile> {
        let (_, document, _) = self.whole(&shown.what)?;
        let leaves = document.leaves().map_err(|e| Error::of(e.code()))?;
        let chosen = select(&leaves, &shown.parts).map_err(|_| Error::of(ErrorCode::NoSuchPart))?;
        let chosen = chosen.into_iter().map(|leaf| leaf.path.clone()).collect();
        // What was written for another holder is his to show, in whatever form.
        self.shower_key(&document)?;
        let key = self.jws_key()?;
        let author = document.header.author;
        let by = match author == self.me() {
            true => SignedBy::Author,
            false => SignedBy::Holder,
        };
        let terms = Terms {
            by,
            issuer: self.me(),
            author,
            at: self.now / 1000,
            bound,
        };
        let issued = issue(&leaves, &chosen, &terms, &key);
        Ok(SdJwtFile {
            text: issued.token.to_text(),
            by_author: by == SignedBy::Author,
            key: key.public().jwk(),
        })
    }
}
