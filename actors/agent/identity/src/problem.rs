//! Why a claim about somebody does not count.

use telesphor_wire::error::ErrorCode;

use crate::known::HistoryProblem;
use crate::report::when;
use crate::signing::SignerError;
use crate::status::Revoked;

/// Why an attestation does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttestationProblem {
    /// Nobody says it.
    #[error("nobody says so of the author")]
    None,
    /// Whoever says it is not among those whom the verifier trusts.
    #[error("nobody whom you trust says so of the author")]
    NotTrusted,
    /// Made by a newer version, in a way that must not be passed over.
    #[error("made by a newer version")]
    Newer,
    /// Its signature is not the issuer's.
    #[error("the attestation is not genuine: {0}")]
    Issuer(SignerError),
    /// The issuer's history cannot be relied on.
    #[error("the issuer's history: {0}")]
    History(HistoryProblem),
    /// It did not hold then.
    #[error("it held from {} to {}, {}", when(*from), when(*until), proof_words(*proved))]
    NotThen {
        /// From, Unix milliseconds.
        from: u64,
        /// Until, Unix milliseconds.
        until: u64,
        /// Whether the time of signing is proved.
        proved: bool,
    },
    /// It was withdrawn.
    #[error("it was withdrawn from {} on ({}), {}", when(revoked.since), revoked.reason, proof_words(*proved))]
    Withdrawn {
        /// Since when and why.
        revoked: Revoked,
        /// Whether the time of signing is proved.
        proved: bool,
    },
    /// The status list it names is missing or not genuine.
    #[error("the list that would tell whether it was withdrawn is missing or not genuine")]
    NoList,
    /// The list's next update is overdue, or an earlier one than seen before.
    #[error("the list of withdrawn attestations is too old; fetch a new one")]
    ListTooOld,
}

fn proof_words(proved: bool) -> &'static str {
    if proved {
        "and it is proved that this was signed outside that time"
    } else {
        "and there is no proof that this was signed before"
    }
}

impl AttestationProblem {
    /// The stable code for users.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NotThen { .. } | Self::Withdrawn { .. } => ErrorCode::AttestationEnded,
            Self::ListTooOld | Self::NoList => ErrorCode::StatusTooOld,
            Self::Newer => ErrorCode::UnknownCritical,
            Self::History(p) => p.code(),
            Self::None | Self::NotTrusted | Self::Issuer(_) => ErrorCode::NotAttested,
        }
    }

    /// Later problems say more: an attestation that ended tells more than one that is not there.
    pub(crate) const fn weight(&self) -> u8 {
        match self {
            Self::None => 0,
            Self::NotTrusted => 1,
            Self::Newer | Self::Issuer(_) | Self::History(_) => 2,
            Self::NoList => 3,
            Self::ListTooOld => 4,
            Self::NotThen { .. } => 5,
            Self::Withdrawn { .. } => 6,
        }
    }
}
