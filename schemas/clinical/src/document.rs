//! A signed document: made once, never changed, named by its id.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical::{self, CanonicalError};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::{Extensions, UnknownCritical};
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId};
use telesphor_wire::sign::{BadSignature, PublicKey, Signature, SigningKey};

use crate::fields;
use crate::fields::json::JsonFault;
use crate::header::Header;
use crate::instant::Instant;
use crate::limits;
use crate::statement::{CoSignature, Profile, Signing, Statement, body_hash};
use crate::text::{Text, bounded};

/// Media type whose bodies get a field tree.
pub const FHIR_JSON: &str = "application/fhir+json";

/// Header extensions this version understands.
pub const KNOWN_EXTENSIONS: &[u32] = &[];

/// Why a document was not made or not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Not a document, or not in its one form.
    #[error("not a document: {0}")]
    Form(#[from] CanonicalError),
    /// Of a version that this program does not know.
    #[error("made by a newer version ({0})")]
    Version(u16),
    /// A critical extension is not known here.
    #[error(transparent)]
    Critical(#[from] UnknownCritical),
    /// The body is larger than one document may be.
    #[error("a body of {0} bytes; more than {max} travel as a part", max = limits::MAX_BODY_BYTES)]
    BodyTooLarge(usize),
    /// The body is not acceptable JSON.
    #[error(transparent)]
    Body(#[from] JsonFault),
    /// More fields than the largest tree holds.
    #[error("{0} parts to disclose are more than one document may have; split it")]
    TooManyFields(usize),
    /// Body, header or field tree do not fit what was signed.
    #[error("the document is not what was signed")]
    Changed,
    /// A header field breaks a rule of its own.
    #[error("the header is not well-formed: {0}")]
    Header(&'static str),
}

impl DocumentError {
    /// The stable code for users.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Form(CanonicalError::TooLarge { .. }) | Self::BodyTooLarge(_) | Self::TooManyFields(_) => {
                ErrorCode::TooLarge
            }
            Self::Form(CanonicalError::NotCanonical) => ErrorCode::NotCanonical,
            Self::Form(_) | Self::Header(_) => ErrorCode::Malformed,
            Self::Version(_) | Self::Critical(_) => ErrorCode::UnknownCritical,
            Self::Body(_) => ErrorCode::InputRefused,
            Self::Changed => ErrorCode::BadDocument,
        }
    }
}

/// A second signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoSigned {
    /// What is signed.
    pub statement: CoSignature,
    /// By `statement.endpoint`.
    pub signature: Signature,
}

/// A whole signed document as it travels and rests. Its canonical bytes are stored and passed
/// on as they came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedDocument {
    /// [`limits::VERSION`].
    pub version: u16,
    /// What lists need.
    pub header: Header,
    /// What the signer added.
    pub signing: Signing,
    /// All salts come from it. Whoever has it has the whole document.
    pub seed: Secret,
    /// The original bytes, never written anew.
    pub body: Bytes,
    /// Over the [`Statement`].
    pub signature: Signature,
    /// Not covered by the id: others who signed under it.
    #[serde(deserialize_with = "bounded::<{ limits::MAX_COSIGNATURES }, _, _>")]
    pub cosigned: Vec<CoSigned>,
    /// Not signed, not critical to the id: for later versions of the envelope.
    pub ext: Extensions,
}

/// With what a document is signed.
#[derive(Clone, Debug)]
pub struct Signer<'a> {
    /// The endpoint's key.
    pub key: &'a SigningKey,
    /// Head of the author's history that names this endpoint.
    pub author_head: Digest,
}

/// Choices when signing.
#[derive(Clone, Debug)]
pub struct SignOptions {
    /// Which rules a verifier must follow.
    pub profile: Profile,
    /// Who may show parts.
    pub holder: Option<PublicKey>,
    /// Whether it may be carried out in portions.
    pub may_split: bool,
    /// The seed; fresh unless attachments were hashed under it already.
    pub seed: Option<Secret>,
    /// The table that cuts the body; the newest one unless it is named.
    pub table: Option<u16>,
}

impl Default for SignOptions {
    fn default() -> Self {
        Self {
            profile: Profile::Plain,
            holder: None,
            may_split: false,
            seed: None,
            table: None,
        }
    }
}

impl SignedDocument {
    /// Signs a header and the original bytes of a body. Body hash and field root of the
    /// header are set here; a field tree is made for bodies of [`FHIR_JSON`].
    ///
    /// # Errors
    /// [`DocumentError`]; nothing was signed.
    pub fn sign(
        mut header: Header,
        body: Vec<u8>,
        signer: &Signer<'_>,
        options: SignOptions,
    ) -> Result<Self, DocumentError> {
        if body.len() > limits::MAX_BODY_BYTES {
            return Err(DocumentError::BodyTooLarge(body.len()));
        }
        let seed = options.seed.unwrap_or_else(Secret::random);
        header.relates.sort_unstable();
        header.relates.dedup();
        check_header(&header)?;
        header.body_hash = body_hash(&seed, &body);
        header.fields_root = match options.table {
            _ if header.format.as_str() != FHIR_JSON => None,
            Some(table) => Some(fields::root(&body, &seed, table)?),
            None => Some(fields::new_root(&body, &seed)?),
        };
        let signing = Signing {
            profile: options.profile,
            author_head: signer.author_head,
            endpoint: signer.key.public(),
            holder: options.holder,
            may_split: options.may_split,
        };
        let signature = signer.key.sign(&Statement::of(&header, &seed, &signing));
        Ok(Self {
            version: limits::VERSION,
            header,
            signing,
            seed,
            body: body.into(),
            signature,
            cosigned: Vec::new(),
            ext: Extensions::none(),
        })
    }

    /// Reads a document from its canonical bytes and checks all that needs no key: form,
    /// version, critical extensions, body hash and field tree.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DocumentError> {
        let document: Self = canonical::decode(bytes)?;
        document.check()?;
        Ok(document)
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Checks all that needs no key; [`SignedDocument::from_bytes`] has done it.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn check(&self) -> Result<(), DocumentError> {
        if self.version != limits::VERSION {
            return Err(DocumentError::Version(self.version));
        }
        self.header.ext.check(KNOWN_EXTENSIONS)?;
        self.ext.check(KNOWN_EXTENSIONS)?;
        if self.body.len() > limits::MAX_BODY_BYTES {
            return Err(DocumentError::BodyTooLarge(self.body.len()));
        }
        check_header(&self.header)?;
        if self.header.relates.windows(2).any(|w| w[0] >= w[1]) {
            return Err(DocumentError::Header("relations not sorted"));
        }
        if body_hash(&self.seed, &self.body) != self.header.body_hash {
            return Err(DocumentError::Changed);
        }
        match self.header.fields_root {
            Some(root) if fields::root(&self.body, &self.seed, root.table)? == root => Ok(()),
            None => Ok(()),
            Some(_) => Err(DocumentError::Changed),
        }
    }

    /// What was signed.
    pub fn statement(&self) -> Statement {
        Statement::of(&self.header, &self.seed, &self.signing)
    }

    /// The document's name.
    pub fn id(&self) -> DocumentId {
        self.statement().id()
    }

    /// Whether the endpoint named in the document signed it. Whether that endpoint was the
    /// author's is for whoever knows histories.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify_signature(&self) -> Result<(), BadSignature> {
        self.signing.endpoint.verify(&self.statement(), &self.signature)
    }

    /// Adds a second signature. The id stays.
    pub fn cosign(&mut self, signer: &Signer<'_>, who: IdentityId, role: Option<Text>, at: Instant) {
        let statement = CoSignature {
            document: self.id(),
            signer: who,
            head: signer.author_head,
            endpoint: signer.key.public(),
            role,
            at,
            ext: Extensions::none(),
        };
        let signature = signer.key.sign(&statement);
        self.cosigned.push(CoSigned { statement, signature });
    }

    /// The leaves of the body, in its own order; none if it has no field tree.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn leaves(&self) -> Result<Vec<fields::Leaf>, DocumentError> {
        match self.header.fields_root {
            Some(root) => fields::leaves(&self.body, root.table),
            None => Ok(Vec::new()),
        }
    }

    /// Whether a granted set of scopes lets this document be shown.
    pub fn sharing(&self, granted: &crate::scope::Scopes) -> crate::scope::Sharing {
        crate::scope::sharing(&self.header.scopes, &self.header.sensitivity, granted)
    }
}

fn check_header(header: &Header) -> Result<(), DocumentError> {
    if header.relates.len() > limits::MAX_RELATIONS || header.parts.len() > limits::MAX_PARTS {
        return Err(DocumentError::Header("too many relations or parts"));
    }
    if header.mandate.is_some() && header.on_behalf_of.is_none() {
        return Err(DocumentError::Header("a mandate without the one it is for"));
    }
    Ok(())
}
