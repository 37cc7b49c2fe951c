//! One record of a support code.
//!
//! ```text
//!   0..4   support code (30 bits, random, new per request)
//!   4..8   taken up, Unix seconds; for a delivery: when
//!   8..12  answered, Unix seconds; for a delivery: when
//!  12..14  0 durable, 1 busy, 2 not yet durable, 3 unanswered, 4 its event left for one more
//!          session, 5 answered without an event, else the error code of the refusal
//!  14..16  zero
//! ```

use telesphor_wire::error::ErrorCode;
use telesphor_wire::text::SupportCode;

/// Bytes of one record.
pub(super) const RECORD: usize = 16;
const DELIVERED: u16 = 4;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Durable.
    Durable,
    /// Answered with what was asked for; there is no event of it.
    Answered,
    /// Busy: the client was told to come back.
    Busy,
    /// Ordered, not yet on a majority.
    NotYetDurable,
    /// The connection ended before there was an answer.
    Unanswered,
    /// Refused with this code.
    Refused(ErrorCode),
}

impl Outcome {
    fn code(self) -> u16 {
        match self {
            Self::Durable => 0,
            Self::Busy => 1,
            Self::NotYetDurable => 2,
            Self::Unanswered => 3,
            Self::Answered => 5,
            Self::Refused(code) => code.code(),
        }
    }

    fn from_code(code: u16) -> Option<Self> {
        match code {
            0 => Some(Self::Durable),
            1 => Some(Self::Busy),
            2 => Some(Self::NotYetDurable),
            3 => Some(Self::Unanswered),
            5 => Some(Self::Answered),
            other => ErrorCode::from_code(other).map(Self::Refused),
        }
    }

    /// In one word, for scripts.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Durable => "durable",
            Self::Answered => "answered",
            Self::Busy => "busy",
            Self::NotYetDurable => "not_yet_durable",
            Self::Unanswered => "unanswered",
            Self::Refused(_) => "refused",
        }
    }
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Printed by the client.
    pub support: SupportCode,
    /// When the relay took it up, Unix seconds.
    pub taken: u32,
    /// When it was answered, Unix seconds.
    pub answered: u32,
    /// How it ended.
    pub outcome: Outcome,
}

/// What is written of a support code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// Its request ended.
    Ended(Trace),
    /// Its event left for one more session.
    Delivered {
        /// Printed by the client.
        support: SupportCode,
        /// When, Unix seconds.
        at: u32,
    },
}

impl Record {
    pub(super) fn bytes(&self) -> [u8; RECORD] {
        let (support, words, code) = match self {
            Self::Ended(t) => (t.support, [t.taken, t.answered], t.outcome.code()),
            Self::Delivered { support, at } => (*support, [*at, *at], DELIVERED),
        };
        let mut b = [0u8; RECORD];
        b[..4].copy_from_slice(&support_bits(support).to_be_bytes());
        b[4..8].copy_from_slice(&words[0].to_be_bytes());
        b[8..12].copy_from_slice(&words[1].to_be_bytes());
        b[12..14].copy_from_slice(&code.to_be_bytes());
        b
    }

    /// The record in these bytes, if it is one of this code.
    pub(super) fn of(support: SupportCode, b: &[u8; RECORD]) -> Option<Self> {
        let word = |at: usize| u32::from_be_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]);
        if word(0) != support_bits(support) {
            return None;
        }
        let (taken, answered) = (word(4), word(8));
        match u16::from_be_bytes([b[12], b[13]]) {
            DELIVERED => Some(Self::Delivered { support, at: taken }),
            code => Some(Self::Ended(Trace {
                support,
                taken,
                answered,
                outcome: Outcome::from_code(code)?,
            })),
        }
    }
}

/// The 30 bits of a support code; its wire form is that number.
fn support_bits(code: SupportCode) -> u32 {
    serde_json::to_value(code)
        .ok()
        .and_then(|v| v.as_u64())
        .and_then(|n| u32::try_from(n).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_another() {
        let support = SupportCode::random();
        let ended = |outcome| {
            Record::Ended(Trace {
                support,
                taken: 7,
                answered: 9,
                outcome,
            })
        };
        for record in [
            ended(Outcome::Durable),
            ended(Outcome::Answered),
            ended(Outcome::Unanswered),
            ended(Outcome::Refused(ErrorCode::DiskFull)),
            Record::Delivered { support, at: 11 },
        ] {
            assert_eq!(Record::of(support, &record.bytes()), Some(record));
            assert_eq!(Record::of(SupportCode::random(), &record.bytes()), None);
        }
    }
}
