//! Whether a presentation holds together: all that needs no history of anybody.
//!
//! In this order: form and bounds; parts sorted, each path once, nothing inside a shown part,
//! every guard there; parts lead to the root that the author signed; whoever shows them signed
//! exactly these, for exactly this reader and occasion.

use std::collections::BTreeMap;

use telesphor_wire::canonical::{self, CanonicalError};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::UnknownCritical;
use telesphor_wire::hash::hash;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::labels::HashLabel;

use super::{Audience, Nonce, Presentation, ShownBy, parts_hash};
use crate::document::KNOWN_EXTENSIONS;
use crate::fields::path::words;
use crate::fields::proof::root_of_all;
use crate::fields::{LeafKind, Path, Step};
use crate::limits::{MAX_QUESTION_BYTES, VERSION};
use crate::statement::Profile;

/// Why a presentation is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresentationError {
    /// Not a presentation, or not in its one form.
    #[error("not a presentation: {0}")]
    Form(#[from] CanonicalError),
    /// Of a version that this program does not know.
    #[error("made by a newer version ({0})")]
    Version(u16),
    /// A critical extension is not known here.
    #[error(transparent)]
    Critical(#[from] UnknownCritical),
    /// The document was signed without parts.
    #[error("the author signed this document only whole: no part of it can be shown")]
    NoParts,
    /// Nothing is shown.
    #[error("it shows nothing")]
    Empty,
    /// Not in the order of their paths.
    #[error("the parts are not in their order")]
    Order,
    /// The same path stands twice.
    #[error("{0} stands twice")]
    Twice(String),
    /// A part stands inside another.
    #[error("{0} stands inside another part that is shown")]
    Inside(String),
    /// What must go with a part is not there.
    #[error("{0} is shown without what must go with it: what could turn its meaning round was left out")]
    NoGuard(String),
    /// The parts are not those that were signed.
    #[error("what is shown is not what the author signed")]
    Changed,
    /// The document has a holder, and somebody else shows it.
    #[error("it is not shown by the one for whom the document was written")]
    NotTheHolder,
    /// What the shower signed is about something else.
    #[error("whoever shows it did not put these parts together")]
    OtherParts,
    /// The shower's signature.
    #[error("the signature of whoever shows it is not good")]
    BadShowing,
    /// Made out to somebody else.
    #[error("it is made out to somebody else")]
    Audience,
    /// Handed over by somebody else than it says.
    #[error("somebody else has passed it on: it counts only from the one who made it out")]
    Sender,
    /// Made for another question.
    #[error("it does not answer the question that was asked: it was made for another occasion")]
    Nonce,
}

impl PresentationError {
    /// The stable code for users.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Form(CanonicalError::TooLarge { .. }) => ErrorCode::TooLarge,
            Self::Form(CanonicalError::NotCanonical) => ErrorCode::NotCanonical,
            Self::Form(CanonicalError::Malformed) => ErrorCode::Malformed,
            Self::Version(_) | Self::Critical(_) => ErrorCode::UnknownCritical,
            Self::NoParts | Self::Changed | Self::OtherParts | Self::BadShowing => ErrorCode::BadDocument,
            Self::Empty | Self::Order | Self::Twice(_) | Self::Inside(_) | Self::NoGuard(_) => {
                ErrorCode::PartsUnsound
            }
            Self::NotTheHolder => ErrorCode::NotTheHolder,
            Self::Audience | Self::Sender | Self::Nonce => ErrorCode::MadeOutElsewhere,
        }
    }

    /// At which of the nine steps of verification it failed.
    pub const fn step(&self) -> u8 {
        match self {
            Self::Form(_) | Self::Version(_) | Self::Critical(_) => 1,
            Self::NoParts | Self::Changed => 2,
            _ => 8,
        }
    }
}

/// What a reader expects of a presentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Who reads.
    pub reader: IdentityId,
    /// Names by which the reader also goes, for presentations without an identity as audience.
    pub names: Vec<String>,
    /// From whom it came, if it came by message.
    pub from: Option<IdentityId>,
    /// The question that was asked, if one was.
    pub question: Option<String>,
}

/// What is known of a list of which something is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListShown {
    /// Where the list stands, in words.
    pub path: String,
    /// Elements that are shown.
    pub shown: usize,
    /// How many there are, if its length is shown.
    pub of: Option<u64>,
}

impl Presentation {
    /// Reads a presentation and checks all that needs no history.
    ///
    /// # Errors
    /// [`PresentationError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PresentationError> {
        let presentation: Self = canonical::decode(bytes)?;
        presentation.check()?;
        Ok(presentation)
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Checks all that needs no history and no reader; [`Presentation::from_bytes`] has done it.
    ///
    /// # Errors
    /// [`PresentationError`].
    pub fn check(&self) -> Result<(), PresentationError> {
        for version in [self.version, self.statement.version, self.showing.version] {
            if version != VERSION {
                return Err(PresentationError::Version(version));
            }
        }
        self.statement.ext.check(KNOWN_EXTENSIONS)?;
        self.showing.ext.check(&[])?;
        self.ext.check(&[])?;
        let root = self.statement.fields.ok_or(PresentationError::NoParts)?;
        self.check_parts()?;

        let mut leaves: Vec<_> = self
            .places
            .iter()
            .zip(&self.parts)
            .map(|(place, part)| (*place, part.leaf.digest(&part.salt)))
            .collect();
        leaves.sort_unstable_by_key(|(place, _)| *place);
        let fits = self.places.len() == self.parts.len()
            && root_of_all(root.bucket, &leaves, &self.siblings) == Some(root.root);
        if !fits {
            return Err(PresentationError::Changed);
        }
        self.check_showing()
    }

    /// Each path once and in order, nothing inside a part, every guard there.
    fn check_parts(&self) -> Result<(), PresentationError> {
        if self.parts.is_empty() {
            return Err(PresentationError::Empty);
        }
        for pair in self.parts.windows(2) {
            match pair[0].leaf.path.cmp(&pair[1].leaf.path) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => {
                    return Err(PresentationError::Twice(words(&pair[0].leaf.path)));
                }
                std::cmp::Ordering::Greater => return Err(PresentationError::Order),
            }
        }
        let kinds: BTreeMap<&[Step], LeafKind> = self
            .parts
            .iter()
            .map(|part| (part.leaf.path.as_slice(), part.leaf.kind))
            .collect();
        for part in &self.parts {
            let path = &part.leaf.path;
            let above = (0..path.len()).filter_map(|n| path.get(..n));
            if above.clone().any(|p| kinds.get(p) == Some(&LeafKind::Unit)) {
                return Err(PresentationError::Inside(words(path)));
            }
            let guarded = |object: &[Step]| kinds.get(object) == Some(&LeafKind::Guard);
            let alone = path.is_empty() && part.leaf.kind == LeafKind::Unit;
            if !alone && !objects(path).all(guarded) {
                return Err(PresentationError::NoGuard(words(path)));
            }
        }
        Ok(())
    }

    fn check_showing(&self) -> Result<(), PresentationError> {
        let showing = &self.showing;
        match (&showing.by, self.statement.holder) {
            (ShownBy::Holder(holder), Some(committed)) => {
                if hash(HashLabel::HolderKey, &(&holder.salt, holder.key)) != committed {
                    return Err(PresentationError::NotTheHolder);
                }
            }
            (ShownBy::Identity(_), None) if self.statement.profile != Profile::Holder => {}
            _ => return Err(PresentationError::NotTheHolder),
        }
        if showing.document != self.statement.id() || showing.parts != parts_hash(&self.parts) {
            return Err(PresentationError::OtherParts);
        }
        if matches!(&showing.nonce, Nonce::Asked(text) if text.as_str().len() > MAX_QUESTION_BYTES) {
            return Err(PresentationError::Nonce);
        }
        showing
            .key()
            .verify(showing, &self.shown)
            .map_err(|_| PresentationError::BadShowing)
    }

    /// Whether it was made out to this reader, for this question, by who brings it.
    ///
    /// # Errors
    /// [`PresentationError::Audience`], [`PresentationError::Sender`], [`PresentationError::Nonce`].
    pub fn check_for(&self, expected: &Expected) -> Result<(), PresentationError> {
        let meant = match &self.showing.audience {
            Audience::Identity(id) => *id == expected.reader,
            Audience::Named(name) => expected.names.iter().any(|n| n == name.as_str()),
        };
        if !meant {
            return Err(PresentationError::Audience);
        }
        if let (Some(sender), Some(from)) = (self.showing.sender, expected.from)
            && sender != from
        {
            return Err(PresentationError::Sender);
        }
        match (&expected.question, &self.showing.nonce) {
            (None, _) => Ok(()),
            (Some(question), Nonce::Asked(answered)) if answered.as_str() == question => Ok(()),
            (Some(_), _) => Err(PresentationError::Nonce),
        }
    }

    /// How many units are shown; guards and lengths are not counted.
    pub fn units(&self) -> usize {
        self.parts
            .iter()
            .filter(|p| p.leaf.kind == LeafKind::Unit)
            .count()
    }

    /// Every list of which something is shown.
    pub fn lists(&self) -> Vec<ListShown> {
        let mut lists: BTreeMap<&[Step], ListShown> = BTreeMap::new();
        let list = |path: &Path| ListShown {
            path: words(path),
            shown: 0,
            of: None,
        };
        for part in &self.parts {
            let leaf = &part.leaf;
            let (at, element) = match (leaf.kind, leaf.path.split_last()) {
                (LeafKind::ArrayLength, _) => (leaf.path.as_slice(), false),
                (_, Some((Step::Index(_), list))) => (list, true),
                _ => continue,
            };
            let entry = lists.entry(at).or_insert_with(|| list(&at.to_vec()));
            if element {
                entry.shown += 1;
            } else {
                entry.of = part.texts().next().and_then(|(_, n)| n.parse().ok());
            }
        }
        lists.into_values().collect()
    }
}

/// Every object on the way to a leaf, outermost first, the resource before all. A leaf stands at
/// a name of its object, or at an element of a list of it; whatever is below that is a smaller
/// object with a guard of its own.
fn objects(path: &[Step]) -> impl Iterator<Item = &[Step]> {
    let mut ends = vec![0];
    let mut at = 0;
    while at < path.len() {
        let element = matches!(path.get(at + 1), Some(Step::Index(_)));
        at += if element { 2 } else { 1 };
        if at < path.len() {
            ends.push(at);
        }
    }
    ends.into_iter().filter_map(|end| path.get(..end))
}
