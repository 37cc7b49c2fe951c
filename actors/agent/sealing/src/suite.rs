//! The MLS suites this product speaks, and how they rank.

use openmls::prelude::Ciphersuite;

/// A suite, by its IANA code point (RFC 9420, section 17.1; the hybrid ones are provisional,
/// which is why every mailbox states its suite and can be succeeded by another).
///
/// The default is 0x004E. Records outlive today's curves by decades, so the key exchange is
/// hybrid (ML-KEM-768 and X25519, both must fall); and between the two hybrid suites the one with
/// AES-256 and SHA-384 keeps the symmetric half at a margin of 128 bits against a quantum
/// search, for 16 more bytes of key and nothing that a user could measure: application
/// messages cost the same, and the size of a commit comes from the key exchange, which both
/// share. All signatures are Ed25519, whose strong unforgeability the MLS proofs want.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Suite {
    /// 0x0001, X25519, AES-128-GCM, SHA-256: only for groups so large that hybrid commits
    /// (1.2 KB for each node that must be told) would not fit. Never chosen silently.
    Classical,
    /// 0x004F, ML-KEM-768 and X25519, AES-128-GCM, SHA-256: understood, not made by default.
    HybridLight,
    /// 0x004E, ML-KEM-768 and X25519, AES-256-GCM, SHA-384.
    #[default]
    Hybrid,
}

impl Suite {
    /// All of them, weakest first.
    pub const ALL: [Self; 3] = [Self::Classical, Self::HybridLight, Self::Hybrid];

    /// The IANA code point.
    pub const fn code(self) -> u16 {
        match self {
            Self::Classical => 0x0001,
            Self::HybridLight => 0x004F,
            Self::Hybrid => 0x004E,
        }
    }

    /// The suite of a code point, if this product speaks it.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.code() == code)
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Classical => 1,
            Self::HybridLight => 2,
            Self::Hybrid => 3,
        }
    }

    /// Whether it is at least as strong as the suite of code point `min`. Code points do not
    /// rise with strength, so they are never compared as numbers; an unknown one is met by none.
    pub fn meets(self, min: u16) -> bool {
        Self::from_code(min).is_some_and(|m| self.rank() >= m.rank())
    }

    pub(crate) const fn mls(self) -> Ciphersuite {
        match self {
            Self::Classical => Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
            Self::HybridLight => Ciphersuite::MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519,
            Self::Hybrid => Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519,
        }
    }

    pub(crate) fn of(mls: Ciphersuite) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.mls() == mls)
    }
}
