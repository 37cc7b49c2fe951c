//! Key packages: made in batches, sealed for one contact each, opened and checked by it.
//!
//! A key package names its identity, so it never reaches a relay in clear. Each is signed by
//! the endpoint for one contact, padded to 4 KiB and sealed under
//! `K("kp-seal", contact secret, {mailbox, contact key})`.

use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _};
use openmls::prelude::{KeyPackage, KeyPackageIn, OpenMlsProvider, ProtocolVersion};
use openmls_rust_crypto::RustCrypto;
use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Secret, derive_key};
use telesphor_wire::ids::MailboxId;
use telesphor_wire::labels::{KdfLabel, SignLabel};
use telesphor_wire::limits::KEY_PACKAGE_BYTES;
use telesphor_wire::padding::{Bucket, pad, unpad};
use telesphor_wire::seal::{open, seal};
use telesphor_wire::sign::{PublicKey, Signature, Signed, SigningKey};

use crate::binding::capabilities;
use crate::config::lifetime;
use crate::error::SessionError;
use crate::limits::{LAST_RESORT_LIFE_MS, MIN_PACKAGE_LIFE_LEFT_MS, PACKAGE_LIFE_MS};
use crate::member::{Member, MemberKeys};
use crate::overlay::Provider;
use crate::session::fault;
use crate::state::{MlsStateRead, StateDiff, Step};
use crate::suite::Suite;

/// A key package of our own, public half; the private half is in the step's difference.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPackage {
    bytes: Vec<u8>,
    last_resort: bool,
    handle: PackageHandle,
}

impl NewPackage {
    /// Names it in our own store.
    pub const fn handle(&self) -> &PackageHandle {
        &self.handle
    }
}

/// Names a key package of our own, so that its private half can be deleted when its time is over
/// and nobody used it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PackageHandle(Bytes);

impl PackageHandle {
    pub(crate) fn of(provider: &Provider<'_>, package: &KeyPackage) -> Result<Self, SessionError> {
        let reference = package
            .hash_ref(provider.crypto())
            .map_err(|_| SessionError::Fault)?;
        Ok(Self(Bytes(provider.rows.package_key(&reference)?)))
    }
}

/// Deletes the private halves of key packages: expired ones, replaced last-resort ones. Those that
/// were used once are gone already; deleting them again does nothing.
pub fn forget_packages(handles: &[PackageHandle]) -> Step<()> {
    let gone = handles.iter().map(|h| (h.0.to_vec(), None)).collect();
    Step::new(StateDiff(gone), ())
}

impl std::fmt::Debug for NewPackage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewPackage({} bytes)", self.bytes.len())
    }
}

#[cfg(test)]
impl NewPackage {
    /// A package made by a changed agent.
    pub(crate) fn of(package: &KeyPackage) -> Self {
        Self {
            bytes: package.tls_serialize_detached().unwrap(),
            last_resort: false,
            handle: PackageHandle(Bytes::default()),
        }
    }
}

/// Makes `count` key packages, or one last-resort package that may be used again and again
/// (whoever joins by it must update at once).
///
/// `now` is Unix milliseconds. A package lives 84 days, a last-resort one 30; leave fresh ones
/// well before that.
///
/// # Errors
/// [`SessionError::State`], [`SessionError::Fault`].
pub fn make_packages(
    state: &dyn MlsStateRead,
    keys: &MemberKeys,
    suite: Suite,
    count: usize,
    last_resort: bool,
    now: u64,
) -> Result<Step<Vec<NewPackage>>, SessionError> {
    let provider = Provider::new(state);
    let mut packages = Vec::with_capacity(count);
    for _ in 0..count {
        let life = if last_resort {
            LAST_RESORT_LIFE_MS
        } else {
            PACKAGE_LIFE_MS
        };
        let mut builder = KeyPackage::builder()
            .key_package_lifetime(lifetime(now, life))
            .leaf_node_capabilities(capabilities());
        if last_resort {
            builder = builder.mark_as_last_resort();
        }
        let bundle = builder
            .build(suite.mls(), &provider, keys, keys.credential())
            .map_err(|_| fault(&provider))?;
        let bytes = bundle
            .key_package()
            .tls_serialize_detached()
            .map_err(|_| SessionError::Fault)?;
        let handle = PackageHandle::of(&provider, bundle.key_package())?;
        packages.push(NewPackage {
            bytes,
            last_resort,
            handle,
        });
    }
    Ok(Step::new(provider.into_diff(), packages))
}

/// For whom a package is: bound by key, by signature and by the seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageAddress {
    /// The owner's personal mailbox, where the package waits.
    pub mailbox: MailboxId,
    /// The contact's deposit key there: only its holder may take it.
    pub contact: PublicKey,
}

#[derive(Serialize, Deserialize)]
struct PackageStatement {
    version: u8,
    to: PackageAddress,
    last_resort: bool,
    member: Member,
    package: Bytes,
    ext: Extensions,
}

impl Signed for PackageStatement {
    const LABEL: SignLabel = SignLabel::KeyPackageSet;
}

fn package_key(secret: &Secret, to: &PackageAddress) -> (Secret, Vec<u8>) {
    let context = canonical::encode(to);
    (derive_key(KdfLabel::KpSeal, secret, &context), context)
}

/// Signs a package by the endpoint and seals it for one contact; the result has exactly
/// [`KEY_PACKAGE_BYTES`].
///
/// # Errors
/// [`SessionError::TooLarge`] if it does not fit (no suite of this product comes near it);
/// [`SessionError::OtherKeys`] if `endpoint` is not the endpoint key of `keys`.
pub fn seal_package(
    package: &NewPackage,
    keys: &MemberKeys,
    endpoint: &SigningKey,
    to: &PackageAddress,
    contact_secret: &Secret,
) -> Result<Bytes, SessionError> {
    if endpoint.public() != keys.member().endpoint {
        return Err(SessionError::OtherKeys);
    }
    let statement = PackageStatement {
        version: 1,
        to: *to,
        last_resort: package.last_resort,
        member: keys.member().clone(),
        package: Bytes(package.bytes.clone()),
        ext: Extensions::none(),
    };
    let signature = endpoint.sign(&statement);
    let content = canonical::encode(&(statement, signature));
    let padded = pad(Bucket::KeyPackage, &content).map_err(|_| SessionError::TooLarge)?;
    let (key, aad) = package_key(contact_secret, to);
    Ok(Bytes(seal(&key, &aad, &padded)))
}

/// What a taker demands of a package.
#[derive(Clone, Debug)]
pub struct PackageRules<'a> {
    /// The current endpoints of the contact as (endpoint key, leaf key), from its verified
    /// history. Any other leaf is refused.
    pub endpoints: &'a [Member],
    /// The weakest suite accepted, by IANA code point.
    pub min_suite: u16,
    /// Unix milliseconds.
    pub now: u64,
}

/// Why a package is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// Does not open, or is not of the agreed form.
    #[error("the key package does not open")]
    Closed,
    /// Made for another contact or mailbox, or not signed by the endpoint it names.
    #[error("the key package is not signed for this contact by its endpoint")]
    BadSignature,
    /// The leaf does not stand among the contact's current endpoints.
    #[error("the key package is not of a current endpoint of this contact")]
    NotCurrent,
    /// MLS refuses it.
    #[error("MLS refuses the key package")]
    Invalid,
    /// Under the minimum suite.
    #[error("the key package is weaker than agreed")]
    WeakSuite,
    /// Expired, about to, not valid yet, or valid for longer than 84 days.
    #[error("the key package's lifetime is not acceptable")]
    Lifetime,
}

impl PackageError {
    /// The code shown to a user.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Closed | Self::Invalid => ErrorCode::CannotOpen,
            Self::BadSignature => ErrorCode::BadSignature,
            Self::NotCurrent => ErrorCode::KeyNotValidThen,
            Self::WeakSuite => ErrorCode::UnknownVersion,
            Self::Lifetime => ErrorCode::NoKeyPackage,
        }
    }
}

/// A key package that passed every check; only such a one can be added to a group.
#[derive(Clone)]
pub struct VerifiedPackage {
    pub(crate) package: KeyPackage,
    member: Member,
    last_resort: bool,
    expires: u64,
}

impl std::fmt::Debug for VerifiedPackage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VerifiedPackage(..)")
    }
}

impl VerifiedPackage {
    /// Whose it is.
    pub const fn member(&self) -> &Member {
        &self.member
    }
    /// Whether it is a last-resort package: others may have used it too.
    pub const fn last_resort(&self) -> bool {
        self.last_resort
    }
    /// End of its lifetime, Unix milliseconds.
    pub const fn expires(&self) -> u64 {
        self.expires
    }
    pub(crate) fn suite(&self) -> Option<Suite> {
        Suite::of(self.package.ciphersuite())
    }
}

/// Opens and checks a package that a contact left for us.
///
/// # Errors
/// [`PackageError`]; the package is then worth nothing and another is taken.
pub fn open_package(
    sealed: &[u8],
    to: &PackageAddress,
    contact_secret: &Secret,
    rules: &PackageRules<'_>,
) -> Result<VerifiedPackage, PackageError> {
    if sealed.len() != KEY_PACKAGE_BYTES {
        return Err(PackageError::Closed);
    }
    let (key, aad) = package_key(contact_secret, to);
    let padded = open(&key, &aad, sealed).map_err(|_| PackageError::Closed)?;
    let content = unpad(&padded).map_err(|_| PackageError::Closed)?;
    let (statement, signature): (PackageStatement, Signature) =
        canonical::decode_bounded(content, KEY_PACKAGE_BYTES).map_err(|_| PackageError::Closed)?;
    statement.ext.check(&[]).map_err(|_| PackageError::Closed)?;
    if statement.version != 1 {
        return Err(PackageError::Closed);
    }
    let endpoint = statement.member.endpoint;
    if statement.to != *to || endpoint.verify(&statement, &signature).is_err() {
        return Err(PackageError::BadSignature);
    }
    if !rules.endpoints.contains(&statement.member) {
        return Err(PackageError::NotCurrent);
    }
    check(&statement, rules)
}

fn check(statement: &PackageStatement, rules: &PackageRules<'_>) -> Result<VerifiedPackage, PackageError> {
    let package =
        KeyPackageIn::tls_deserialize_exact_bytes(&statement.package).map_err(|_| PackageError::Invalid)?;
    let package = package
        .validate(&RustCrypto::default(), ProtocolVersion::Mls10)
        .map_err(|e| match e {
            openmls::prelude::KeyPackageVerifyError::LifetimeError(_) => PackageError::Lifetime,
            _ => PackageError::Invalid,
        })?;
    let leaf = package.leaf_node();
    let member = Member::read(leaf.credential(), leaf.signature_key().as_slice())
        .map_err(|_| PackageError::Invalid)?;
    if member != statement.member || package.last_resort() != statement.last_resort {
        return Err(PackageError::Invalid);
    }
    let suite = Suite::of(package.ciphersuite()).ok_or(PackageError::WeakSuite)?;
    if !suite.meets(rules.min_suite) {
        return Err(PackageError::WeakSuite);
    }
    let life = package.life_time();
    let expires = life.not_after().saturating_mul(1000);
    let acceptable = life.has_acceptable_range()
        && life.not_before().saturating_mul(1000) <= rules.now
        && expires >= rules.now.saturating_add(MIN_PACKAGE_LIFE_LEFT_MS);
    if !acceptable {
        return Err(PackageError::Lifetime);
    }
    Ok(VerifiedPackage {
        package,
        member,
        last_resort: statement.last_resort,
        expires,
    })
}
