//! What an author signs: one statement over header, body and field tree.
//!
//! ```text
//!              seed (32 random bytes, only with the whole document)
//!               |  salts, by K("field-salt", seed, ..)
//!   header ----> H("document-header", {salt, header}) --+
//!   body   ----> H("original", {salt, body}) -----------+--> Statement --> H("document-id", ..) = id
//!   fields ----> root of the salted leaves, bucket -----+        |
//!   holder ----> H("holder-key", {salt, key}) ----------+        +--> signature, label `document`
//! ```
//!
//! **Why two structs.** The header holds what lists need: title, subject, scopes, thread, where
//! to answer. Whoever is shown only a *part* of a document must not get these, yet must be able
//! to verify the author's signature. So the header is committed to with a salt, and the
//! statement repeats in clear what no verifier may be without: author and on whose behalf,
//! kind, date, status, and which documents it supersedes. Critical extensions of the header are
//! repeated too, so that nobody passes them over by looking at a part.
//!
//! **Why nothing can disagree.** The statement is never sent beside the header. Whoever holds
//! the whole document derives it ([`Statement::of`]) from header, seed and [`Signing`] and
//! checks the signature over that; the tree and the hashes are computed anew as well. So an
//! author cannot sign one thing whole and another in parts, and there are no two places for one
//! fact. Only a presentation of parts carries the statement itself.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::hash::{Digest, Hashing, Secret, derive_key, hash};
use telesphor_wire::ids::{DocumentId, IdentityId};
use telesphor_wire::labels::{HashLabel, KdfLabel, SignLabel};
use telesphor_wire::sign::{PublicKey, Signed};

use crate::header::{DocumentKind, FieldsRoot, Header, Relation, Status};
use crate::instant::Instant;
use crate::limits;
use crate::text::{Text, bounded};

open_coded! {
    /// Which rules a verifier must follow for a document.
    pub enum Profile {
        /// None beyond those of this page.
        1 => Plain "plain",
        /// Parts may be shown only by the holder of the holder key, to a named audience.
        2 => Holder "holder",
    }
}

/// What the signer adds to the header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signing {
    /// Which rules a verifier must follow.
    pub profile: Profile,
    /// The author's history as it stood: hash of its last event.
    pub author_head: Digest,
    /// The endpoint whose key signs.
    pub endpoint: PublicKey,
    /// Who may show parts of it, if the profile asks for that.
    pub holder: Option<PublicKey>,
    /// Whether a prescription may be filled in several portions, and the like.
    pub may_split: bool,
}

/// The one thing that is signed. Its canonical bytes are hashed for the document id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// [`limits::VERSION`].
    pub version: u16,
    /// What the document is.
    pub kind: DocumentKind,
    /// Which rules a verifier must follow.
    pub profile: Profile,
    /// The author.
    pub author: IdentityId,
    /// The author's history as it stood.
    pub author_head: Digest,
    /// The endpoint whose key signs.
    pub endpoint: PublicKey,
    /// For whom the author acts.
    pub on_behalf_of: Option<IdentityId>,
    /// By which mandate.
    pub mandate: Option<Digest>,
    /// The author's role, in words.
    pub role_at_time: Option<Text>,
    /// When it was written, by the author's own clock: proves nothing about time.
    pub recorded: Instant,
    /// Where it stands.
    pub status: Status,
    /// Those relations after which the other document must not be relied on alone.
    #[serde(deserialize_with = "bounded::<{ limits::MAX_RELATIONS }, _, _>")]
    pub supersedes: Vec<Relation>,
    /// `H("holder-key", {salt, key})`.
    pub holder: Option<Digest>,
    /// `H("document-header", {salt, header})`.
    pub header: Digest,
    /// `H("original", {salt, body})`.
    pub original: Digest,
    /// The field tree.
    pub fields: Option<FieldsRoot>,
    /// Whether it may be carried out in portions.
    pub may_split: bool,
    /// The critical extensions of the header.
    pub ext: Extensions,
}

impl Signed for Statement {
    const LABEL: SignLabel = SignLabel::Document;
}

/// The salts of one document, each for one use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaltUse {
    /// The commitment to the header.
    Header,
    /// The hash of the body.
    Original,
    /// The commitment to the holder key.
    Holder,
    /// The hash of attachment `n`.
    Part(u32),
}

/// The salt for one use. It is derived from `[[word, n]]`: the element of a field path is a
/// string or a number and never an array, so these salts never meet those of leaves.
pub fn salt(seed: &Secret, purpose: SaltUse) -> Secret {
    let named: (&str, u32) = match purpose {
        SaltUse::Header => ("header", 0),
        SaltUse::Original => ("original", 0),
        SaltUse::Holder => ("holder", 0),
        SaltUse::Part(n) => ("part", n),
    };
    derive_key(KdfLabel::FieldSalt, seed, &canonical::encode(&[named]))
}

/// `H("original", {salt, bytes})` of a body.
pub fn body_hash(seed: &Secret, body: &[u8]) -> Digest {
    hash(
        HashLabel::Original,
        &(salt(seed, SaltUse::Original), serde_bytes::Bytes::new(body)),
    )
}

/// `H("original", {salt, bytes})` of attachment `index`.
pub fn part_hash(seed: &Secret, index: u32, bytes: &[u8]) -> Digest {
    hash(
        HashLabel::Original,
        &(salt(seed, SaltUse::Part(index)), serde_bytes::Bytes::new(bytes)),
    )
}

/// [`part_hash`] of an attachment that is read in pieces.
#[derive(Debug)]
pub struct PartHasher(Hashing);

impl PartHasher {
    /// Of attachment `index`, whose length must be known beforehand.
    pub fn new(seed: &Secret, index: u32, length: u64) -> Self {
        let mut hashing = Hashing::new(HashLabel::Original);
        // The canonical form of {salt, bytes}: an array of two, and the head of the second one.
        hashing.update(&[0x92]);
        hashing.update(&canonical::encode(&salt(seed, SaltUse::Part(index))));
        let short = length.to_be_bytes();
        let (_, four) = short.split_at(4);
        let (_, two) = short.split_at(6);
        let (_, one) = short.split_at(7);
        let (mark, length) = match length {
            0..=0xff => (0xc4, one),
            0x100..=0xffff => (0xc5, two),
            _ => (0xc6, four),
        };
        hashing.update(&[mark]);
        hashing.update(length);
        Self(hashing)
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash, if as many bytes came as were announced.
    pub fn finish(&self) -> Digest {
        self.0.finish()
    }
}

/// `H("document-header", {salt, header})`.
pub fn header_hash(seed: &Secret, header: &Header) -> Digest {
    hash(HashLabel::DocumentHeader, &(salt(seed, SaltUse::Header), header))
}

impl Statement {
    /// Derives the statement of a whole document. `header` must carry its body hash and
    /// field root already.
    pub fn of(header: &Header, seed: &Secret, signing: &Signing) -> Self {
        let holder = signing
            .holder
            .map(|key| hash(HashLabel::HolderKey, &(salt(seed, SaltUse::Holder), key)));
        let critical = header
            .ext
            .iter()
            .filter(|e| e.critical)
            .cloned()
            .fold(Extensions::none(), |all, e: Extension| all.with(e));
        Self {
            version: limits::VERSION,
            kind: header.kind,
            profile: signing.profile,
            author: header.author,
            author_head: signing.author_head,
            endpoint: signing.endpoint,
            on_behalf_of: header.on_behalf_of,
            mandate: header.mandate,
            role_at_time: header.role_at_time.clone(),
            recorded: header.recorded.clone(),
            status: header.status,
            supersedes: header
                .relates
                .iter()
                .filter(|r| r.kind.supersedes())
                .copied()
                .collect(),
            holder,
            header: header_hash(seed, header),
            original: header.body_hash,
            fields: header.fields_root,
            may_split: signing.may_split,
            ext: critical,
        }
    }

    /// `H("document-id", statement)`.
    pub fn id(&self) -> DocumentId {
        DocumentId(hash(HashLabel::DocumentId, self).0)
    }
}

/// What a second person signs under a document: the document itself, and who he is. It does
/// not change the document's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoSignature {
    /// Which document.
    pub document: DocumentId,
    /// Who signs.
    pub signer: IdentityId,
    /// His history as it stood.
    pub head: Digest,
    /// The endpoint whose key signs.
    pub endpoint: PublicKey,
    /// As what: "supervising consultant".
    pub role: Option<Text>,
    /// When, by his own clock.
    pub at: Instant,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for CoSignature {
    const LABEL: SignLabel = SignLabel::CoSignature;
}

/// The statement's bytes, for presenting it.
pub fn statement_bytes(statement: &Statement) -> Bytes {
    canonical::encode(statement).into()
}
