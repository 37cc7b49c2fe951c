//! SD-JWT (RFC 9901): parts of a document for programs that know nothing of this one.
//!
//! **Who signed that form.** The author's signature covers the field tree and not this form, so it
//! does not carry over. The token says in clear who signed *it*: the author, if he makes it
//! himself, or the holder, who then vouches for what an author is said to have written. The proof
//! that the author wrote it is the presentation ([`crate::presentation`]), not this.
//!
//! Values stay the raw tokens of the document; guards stand in clear wherever something of their
//! object is shown; decoys hide how much there is.

mod issue;
mod read;

pub use issue::{Issued, SignedBy, Terms, issue};
pub use read::{SdJwt, SdJwtError};

use sha2::{Digest, Sha256};
use telesphor_wire::jws::base64url;

/// Deepest nesting of a payload with its disclosures.
const MAX_DEPTH: usize = 64;
/// Disclosures of one token.
const MAX_DISCLOSURES: usize = 16_384;

/// `base64url(SHA-256(ascii))` (RFC 9901, section 4.2.3).
pub fn digest(ascii: &str) -> String {
    base64url(&Sha256::digest(ascii.as_bytes()))
}
