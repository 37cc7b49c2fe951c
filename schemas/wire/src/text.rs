//! Text forms: what people copy, print and scan.
//!
//! Binary values are bech32m (BIP-350) under a prefix that says what they are, so a
//! mailbox cannot be pasted where an identity belongs and one wrong letter is noticed.

use bech32::{Bech32m, Checksum, Hrp, primitives::decode::CheckedHrpstring};
use std::fmt;
use std::str::FromStr;

use crate::ids::{DocumentId, IdentityId, MailboxId};
use crate::limits;
use crate::sign::PublicKey;

/// A text that should name something and does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// A letter is wrong or missing (the checksum says so).
    #[error("not a valid {0}: a letter is wrong or missing; copy it again")]
    Checksum(&'static str),
    /// It names another kind of thing.
    #[error("this is not a {expected} (those begin with {prefix}1)")]
    WrongKind {
        /// What was wanted, in words.
        expected: &'static str,
        /// The prefix it would have.
        prefix: &'static str,
    },
    /// Not of the form `telesphor:<identity>@<domain>?<deposit key>`.
    #[error("not an address of the form telesphor:<identity>@<domain>?<deposit key>")]
    Address,
    /// Not a domain name.
    #[error("not a domain name: letters, digits, dots and hyphens, at most 253")]
    Domain,
    /// Not a support code.
    #[error("not a support code of the form 7KQ-2M4")]
    SupportCode,
}

/// Bech32m without its length limit of 1,023 characters: a link with a long domain name goes
/// a little beyond it. Shorter texts are plain bech32m; longer ones still have a 30-bit
/// checksum, only no longer the guarantee for bursts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Long {}

impl Checksum for Long {
    type MidstateRepr = <Bech32m as Checksum>::MidstateRepr;
    type CorrectionField = <Bech32m as Checksum>::CorrectionField;
    const ROOT_GENERATOR: Self::CorrectionField = Bech32m::ROOT_GENERATOR;
    const ROOT_EXPONENTS: std::ops::RangeInclusive<usize> = Bech32m::ROOT_EXPONENTS;
    const CODE_LENGTH: usize = usize::MAX;
    const CHECKSUM_LENGTH: usize = Bech32m::CHECKSUM_LENGTH;
    const GENERATOR_SH: [Self::MidstateRepr; 5] = Bech32m::GENERATOR_SH;
    const TARGET_RESIDUE: Self::MidstateRepr = Bech32m::TARGET_RESIDUE;
}

/// Encodes bytes under a prefix. What is longer than [`limits::MAX_TEXT_CHARS`] as text is
/// not read back by [`decode`].
///
/// # Panics
/// Never: the prefixes of this product are valid, and there is no limit of length.
#[allow(clippy::expect_used)]
pub fn encode(prefix: &'static str, bytes: &[u8]) -> String {
    bech32::encode_lower::<Long>(Hrp::parse(prefix).expect("valid prefix"), bytes)
        .expect("no limit of length")
}

/// Decodes bytes under a prefix; `what` names the thing for the error.
///
/// # Errors
/// [`TextError::Checksum`] or [`TextError::WrongKind`].
pub fn decode(prefix: &'static str, what: &'static str, text: &str) -> Result<Vec<u8>, TextError> {
    let text = text.trim();
    if text.len() > limits::MAX_TEXT_CHARS {
        return Err(TextError::Checksum(what));
    }
    let parsed = CheckedHrpstring::new::<Long>(text).map_err(|_| TextError::Checksum(what))?;
    if parsed.hrp().to_lowercase() != prefix {
        return Err(TextError::WrongKind {
            expected: what,
            prefix,
        });
    }
    let bytes: Vec<u8> = parsed.byte_iter().collect();
    // The bits that fill up the last letter must be zero, or one value had several texts.
    if !encode(prefix, &bytes).eq_ignore_ascii_case(text) {
        return Err(TextError::Checksum(what));
    }
    Ok(bytes)
}

macro_rules! text_id {
    ($name:ident, $prefix:literal, $what:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&encode($prefix, &self.0))
            }
        }
        impl FromStr for $name {
            type Err = TextError;
            fn from_str(s: &str) -> Result<Self, TextError> {
                let bytes = decode($prefix, $what, s)?;
                Ok(Self(
                    bytes.try_into().map_err(|_| TextError::Checksum($what))?,
                ))
            }
        }
    };
}

text_id!(IdentityId, "tel", "identity");
text_id!(MailboxId, "telmb", "mailbox");
text_id!(DocumentId, "teldoc", "document");
text_id!(PublicKey, "telkey", "key");

/// A domain: the name of a cluster. Lower case, checked when made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct Domain(String);

impl Domain {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Domain {
    type Err = TextError;
    fn from_str(s: &str) -> Result<Self, TextError> {
        let label_ok = |l: &str| {
            !l.is_empty()
                && l.len() <= 63
                && !l.starts_with('-')
                && !l.ends_with('-')
                && l.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if s.is_empty() || s.len() > limits::MAX_DOMAIN_BYTES || !s.split('.').all(label_ok) {
            return Err(TextError::Domain);
        }
        Ok(Self(s.to_owned()))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Domain {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Where an identity can be written to: `telesphor:<identity>@<domain>?<deposit key>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Who.
    pub identity: IdentityId,
    /// At which cluster.
    pub domain: Domain,
    /// The key that lets one contact (or everybody, if printed at a desk) put events there.
    pub deposit_key: Option<PublicKey>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "telesphor:{}@{}", self.identity, self.domain)?;
        match &self.deposit_key {
            Some(key) => write!(f, "?{key}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Address {
    type Err = TextError;
    fn from_str(s: &str) -> Result<Self, TextError> {
        let rest = s.trim().strip_prefix("telesphor:").ok_or(TextError::Address)?;
        let (identity, rest) = rest.split_once('@').ok_or(TextError::Address)?;
        let (domain, key) = match rest.split_once('?') {
            Some((domain, key)) => (domain, Some(key.parse()?)),
            None => (rest, None),
        };
        Ok(Self {
            identity: identity.parse()?,
            domain: domain.parse()?,
            deposit_key: key,
        })
    }
}

/// Crockford's base 32: no I, L, O, U, so that it can be read over the phone.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A random code that follows one request through the logs without naming anybody: `7KQ-2M4`.
/// 30 bits, new per request, never the idempotency id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct SupportCode(u32);

impl SupportCode {
    /// A fresh code.
    pub fn random() -> Self {
        let r = crate::ids::random32();
        Self(u32::from_be_bytes([r[0], r[1], r[2], r[3]]) >> 2)
    }
}

impl fmt::Display for SupportCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for i in 0..6 {
            if i == 3 {
                f.write_str("-")?;
            }
            let digit = (self.0 >> (5 * (5 - i))) & 31;
            write!(f, "{}", CROCKFORD[digit as usize] as char)?;
        }
        Ok(())
    }
}

impl FromStr for SupportCode {
    type Err = TextError;
    /// Takes small letters, a missing hyphen and the usual slips (O for 0, I or L for 1).
    fn from_str(s: &str) -> Result<Self, TextError> {
        let mut value = 0u32;
        let mut digits = 0;
        for c in s.trim().bytes().filter(|&b| b != b'-') {
            let c = match c.to_ascii_uppercase() {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                other => other,
            };
            let digit = CROCKFORD
                .iter()
                .position(|&d| d == c)
                .ok_or(TextError::SupportCode)?;
            digits += 1;
            if digits > 6 {
                return Err(TextError::SupportCode);
            }
            value = (value << 5) | digit as u32;
        }
        if digits == 6 {
            Ok(Self(value))
        } else {
            Err(TextError::SupportCode)
        }
    }
}

impl<'de> serde::Deserialize<'de> for SupportCode {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let v = u32::deserialize(d)?;
        if v >> 30 != 0 {
            return Err(serde::de::Error::custom("a support code has 30 bits"));
        }
        Ok(Self(v))
    }
}
