//! Making a presentation from the whole document.

use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::SigningKey;

use super::{Audience, HolderKey, Nonce, Part, Presentation, ShowerSaid, Showing, ShownBy, parts_hash};
use crate::document::{DocumentError, SignedDocument};
use crate::fields::select::{NotAPart, select};
use crate::fields::{Path, leaf_salt, tree};
use crate::instant::Instant;
use crate::limits::VERSION;
use crate::statement::{Profile, SaltUse, salt};

/// With what parts are shown.
#[derive(Clone, Debug)]
pub struct Shower<'a> {
    /// The holder key, if the document names one; otherwise an endpoint's key.
    pub key: &'a SigningKey,
    /// Who it is, for documents without a holder.
    pub identity: IdentityId,
    /// Head of that identity's history.
    pub head: Digest,
}

/// Why parts cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresentError {
    /// The choice does not fit the document.
    #[error(transparent)]
    Part(#[from] NotAPart),
    /// The document does not hold together.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The document names a holder, and this key is another.
    #[error("only the one for whom this document was written can show parts of it")]
    NotTheHolder,
}

/// What is shown, to whom and for what.
#[derive(Clone, Debug)]
pub struct ToShow<'a> {
    /// Whatever stands at these paths and below.
    pub wanted: &'a [Path],
    /// To whom.
    pub audience: Audience,
    /// For which occasion.
    pub nonce: Nonce,
    /// Now.
    pub date: Instant,
    /// Who hands it over, if that is to be bound.
    pub sender: Option<IdentityId>,
}

/// Shows parts of a document, with every guard that must go with them.
///
/// # Errors
/// [`PresentError`].
pub fn present(
    document: &SignedDocument,
    shower: &Shower<'_>,
    show: ToShow<'_>,
) -> Result<Presentation, PresentError> {
    let all = document.leaves()?;
    let mut chosen = select(&all, show.wanted)?;
    chosen.sort_by(|a, b| a.path.cmp(&b.path));
    let seed = &document.seed;
    let tree = tree(&all, seed)?;
    let parts: Vec<Part> = chosen
        .into_iter()
        .map(|leaf| Part {
            salt: leaf_salt(seed, &leaf.path),
            leaf: leaf.clone(),
        })
        .collect();
    let places = parts
        .iter()
        .map(|part| tree.place(&part.leaf.digest(&part.salt)))
        .collect::<Option<Vec<u32>>>()
        .ok_or(DocumentError::Changed)?;
    let mut ascending = places.clone();
    ascending.sort_unstable();
    let siblings = tree.siblings(&ascending).ok_or(DocumentError::Changed)?;

    let by = match document.signing.holder {
        Some(holder) if holder != shower.key.public() => return Err(PresentError::NotTheHolder),
        Some(key) => ShownBy::Holder(HolderKey {
            key,
            salt: salt(seed, SaltUse::Holder),
        }),
        None if document.signing.profile == Profile::Holder => return Err(PresentError::NotTheHolder),
        None => ShownBy::Identity(ShowerSaid {
            identity: shower.identity,
            head: shower.head,
            endpoint: shower.key.public(),
        }),
    };
    let statement = document.statement();
    let showing = Showing {
        version: VERSION,
        document: statement.id(),
        parts: parts_hash(&parts),
        audience: show.audience,
        nonce: show.nonce,
        date: show.date,
        by,
        sender: show.sender,
        ext: Extensions::none(),
    };
    Ok(Presentation {
        version: VERSION,
        statement,
        signature: document.signature,
        parts,
        places,
        siblings,
        shown: shower.key.sign(&showing),
        showing,
        ext: Extensions::none(),
    })
}
