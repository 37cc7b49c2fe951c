//! The recovery kit: one printable page with which a new device takes the identity over.
//!
//! It is made when an identity is made, printed as words and as a code to be scanned, tested
//! ("type word 5"), and kept away from every device. Everything in it comes from one secret `S`:
//!
//! ```text
//! next identity key n = K("recovery-next", S, n)       n = number of rotations so far + 1
//! vault backup key    = K("vault-backup", K("recovery-backup", S), R)    R kept by the home relay
//! root secret         = K("root-derived", S, "root")  unless the kit carries another one
//! ```
//! The next key for every later rotation comes from the same `S`, so the page stays good until it
//! is used or lost; then a rotation with a new `S` makes it worthless. The root secret must not
//! change then, so the newer kit carries it.

use serde::{Deserialize, Serialize};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::{Digest, Secret, derive_key, hash};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::labels::{HashLabel, KdfLabel};
use telesphor_wire::sign::{PublicKey, SigningKey};
use telesphor_wire::text::{self, Domain, TextError};

use crate::limits;
use crate::words::{WORDS, number_of};

/// Words of a kit whose root secret comes from `S`: 256 bits, and 24 to find typing errors.
pub const WORDS_SHORT: usize = 28;
/// Words of a kit that carries a root secret of its own.
pub const WORDS_LONG: usize = 54;

const PREFIX: &str = "telkit";
const SCHEME: &str = "telesphor-kit:";
/// Bytes of the check number behind the secrets, for short and long word forms.
const CHECK_SHORT: usize = 3;
const CHECK_LONG: usize = 3;

/// Where the identity's mailboxes are, with what recognises the relay on first contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// The cluster.
    pub domain: Domain,
    /// `host:port` of a relay.
    pub address: String,
    /// The domain key that signs its record.
    pub key: PublicKey,
    /// `H("tls-key", ..)` of that relay.
    pub tls_key: Digest,
}

/// A recovery kit. It must never be stored on a device; it is made, shown, and forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryKit {
    /// [`limits::VERSION`].
    pub version: u16,
    /// Whose.
    pub identity: IdentityId,
    /// `S`.
    pub secret: Secret,
    /// The root secret, if it does not come from `S`.
    pub root: Option<Secret>,
    /// Rotations made when the kit was printed: the next key is number this + 1 or later.
    pub rotations: u32,
    /// Where the backup and the self mailbox are.
    pub home: Home,
}

/// Why a kit was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KitError {
    /// Not a kit, or a letter of the long text is wrong.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Made by a newer version.
    #[error("made by a newer version ({0})")]
    Version(u16),
    /// Not as many words as a kit has.
    #[error("{0} words; a kit has {WORDS_SHORT} or {WORDS_LONG}")]
    Count(usize),
    /// A word is not in the list.
    #[error("word {0} is not one of the kit's words; look again")]
    Word(usize),
    /// All words exist, but one is wrong or two are exchanged.
    #[error("the words do not belong together: one is wrong or two are exchanged")]
    Check,
}

impl KitError {
    /// The stable code for users.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Version(_) => ErrorCode::UnknownVersion,
            _ => ErrorCode::Usage,
        }
    }
}

/// The secrets that the words carry; with the identity and the home relay, which stand in clear
/// letters on the page, they make the whole kit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KitSecrets {
    /// `S`.
    pub secret: Secret,
    /// The root secret, if it does not come from `S`.
    pub root: Option<Secret>,
}

/// The secret of a new kit, before there is an identity to print it for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KitSeed(Secret);

impl KitSeed {
    /// A fresh secret.
    pub fn generate() -> Self {
        Self(Secret::random())
    }

    /// Identity key number `n`; `n` = 1 is committed to in the inception.
    pub fn next_key(&self, n: u32) -> SigningKey {
        next_key(&self.0, n)
    }

    /// The root secret that comes from it.
    pub fn root(&self) -> Secret {
        root_of(&self.0)
    }

    /// The kit for an identity.
    pub fn kit(self, identity: IdentityId, rotations: u32, root: Option<Secret>, home: Home) -> RecoveryKit {
        let root = root.filter(|r| *r != root_of(&self.0));
        RecoveryKit {
            version: limits::VERSION,
            identity,
            secret: self.0,
            root,
            rotations,
            home,
        }
    }
}

fn next_key(secret: &Secret, n: u32) -> SigningKey {
    SigningKey::from_seed(&derive_key(
        KdfLabel::RecoveryNext,
        secret,
        &canonical::encode(&n),
    ))
}

fn root_of(secret: &Secret) -> Secret {
    derive_key(KdfLabel::RootDerived, secret, &canonical::encode("root"))
}

/// A key derived from the root secret for one use: `K("root-derived", root, {use, context})`.
pub fn root_derived(root: &Secret, purpose: &str, context: &[u8]) -> Secret {
    derive_key(
        KdfLabel::RootDerived,
        root,
        &canonical::encode(&(purpose, serde_bytes::Bytes::new(context))),
    )
}

impl RecoveryKit {
    /// Identity key number `n`.
    pub fn next_key(&self, n: u32) -> SigningKey {
        next_key(&self.secret, n)
    }

    /// The next identity key that this history is committed to, if the kit has it: numbers
    /// around the one printed are tried, because the kit outlives rotations.
    pub fn find_next_key(&self, committed: &crate::keys::NextKeys) -> Option<(u32, SigningKey)> {
        (self.rotations..=self.rotations.saturating_add(64)).find_map(|before| {
            let n = before.checked_add(1)?;
            let key = self.next_key(n);
            committed
                .keys
                .contains(&telesphor_wire::mailbox::next_key(&key.public()))
                .then_some((n, key))
        })
    }

    /// The identity's root secret.
    pub fn root_secret(&self) -> Secret {
        self.root.clone().unwrap_or_else(|| root_of(&self.secret))
    }

    /// The key of the vault backup; `held` is what the home relay keeps for it (empty if it
    /// keeps nothing).
    pub fn backup_key(&self, held: &[u8]) -> Secret {
        let backup = derive_key(KdfLabel::RecoveryBackup, &self.secret, b"");
        derive_key(KdfLabel::VaultBackup, &backup, held)
    }

    /// The whole kit as text, also for a code to be scanned: `telesphor-kit:telkit1...`.
    pub fn to_text(&self) -> String {
        format!("{SCHEME}{}", text::encode(PREFIX, &canonical::encode(self)))
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// [`KitError`].
    pub fn from_text(s: &str) -> Result<Self, KitError> {
        let joined: String = s.split_whitespace().collect();
        let rest = joined.strip_prefix(SCHEME).unwrap_or(&joined);
        let bytes = text::decode(PREFIX, "recovery kit", rest)?;
        let kit: Self = canonical::decode(&bytes).map_err(|_| TextError::Checksum("recovery kit"))?;
        if kit.version != limits::VERSION {
            return Err(KitError::Version(kit.version));
        }
        Ok(kit)
    }

    /// The secrets as words.
    pub fn words(&self) -> Vec<&'static str> {
        let mut bytes = self.secret.expose().to_vec();
        if let Some(root) = &self.root {
            bytes.extend_from_slice(root.expose());
        }
        let check = check_number(&bytes);
        let length = if self.root.is_some() {
            CHECK_LONG
        } else {
            CHECK_SHORT
        };
        bytes.extend_from_slice(&check.0[..length]);
        let words = to_words(&bytes);
        zeroize::Zeroize::zeroize(&mut bytes);
        words
    }

    /// Whether `answer` is word number `n` (from 1): the test after printing.
    pub fn word_is(&self, n: usize, answer: &str) -> bool {
        let words = self.words();
        let given = number_of(answer).and_then(|i| WORDS.get(usize::from(i)));
        n.checked_sub(1)
            .and_then(|i| words.get(i))
            .is_some_and(|word| given == Some(word))
    }

    /// A kit from its words and what stands on the page in clear letters.
    ///
    /// # Errors
    /// [`KitError`], naming the word that is wrong if it is known.
    pub fn from_words(
        words: &str,
        identity: IdentityId,
        rotations: u32,
        home: Home,
    ) -> Result<Self, KitError> {
        let secrets = KitSecrets::from_words(words)?;
        Ok(Self {
            version: limits::VERSION,
            identity,
            secret: secrets.secret,
            root: secrets.root,
            rotations,
            home,
        })
    }
}

impl KitSecrets {
    /// Reads the words, in any case and with any space or numbers (`5.`) between them.
    ///
    /// # Errors
    /// [`KitError`].
    pub fn from_words(words: &str) -> Result<Self, KitError> {
        let mut numbers = Vec::new();
        let typed = words
            .split(|c: char| !c.is_alphabetic())
            .filter(|w| !w.is_empty())
            .take(WORDS_LONG + 1)
            .collect::<Vec<_>>();
        for (i, word) in typed.iter().enumerate() {
            numbers.push(number_of(word).ok_or(KitError::Word(i + 1))?);
        }
        let (secrets, check) = match numbers.len() {
            WORDS_SHORT => (32, CHECK_SHORT),
            WORDS_LONG => (64, CHECK_LONG),
            other => return Err(KitError::Count(other)),
        };
        let mut bytes = from_words(&numbers);
        // Bits that fill the last word up must be zero, so that a kit has one form.
        let whole = bytes.iter().skip(secrets + check).all(|&b| b == 0);
        if !whole || check_number(&bytes[..secrets]).0[..check] != bytes[secrets..secrets + check] {
            return Err(KitError::Check);
        }
        let at =
            |from: usize| -> Option<Secret> { bytes.get(from..from + 32)?.try_into().ok().map(Secret::new) };
        let secret = at(0).ok_or(KitError::Check)?;
        let root = if secrets == 64 { at(32) } else { None };
        zeroize::Zeroize::zeroize(&mut bytes);
        Ok(Self { secret, root })
    }
}

fn check_number(secrets: &[u8]) -> Digest {
    hash(HashLabel::KitCheck, serde_bytes::Bytes::new(secrets))
}

fn to_words(bytes: &[u8]) -> Vec<&'static str> {
    let bit = |i: usize| bytes.get(i / 8).map_or(0, |b| usize::from(b >> (7 - i % 8) & 1));
    (0..(bytes.len() * 8).div_ceil(10))
        .map(|w| WORDS[(0..10).fold(0, |acc, b| acc << 1 | bit(w * 10 + b))])
        .collect()
}

/// The bits of the words, filled with zeros to whole bytes.
fn from_words(numbers: &[u16]) -> Vec<u8> {
    let mut bytes = vec![0u8; (numbers.len() * 10).div_ceil(8)];
    for (w, number) in numbers.iter().enumerate() {
        for b in 0..10 {
            if number >> (9 - b) & 1 == 1 {
                let i = w * 10 + b;
                bytes[i / 8] |= 1 << (7 - i % 8);
            }
        }
    }
    bytes
}
