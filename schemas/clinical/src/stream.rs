//! Device streams: which device is at which patient, and the samples it sends.
//!
//! Every batch names an association. Without one it is *unassigned* and kept apart: nobody
//! guesses whose it is. Values are integers with a power of ten, gaps are said and never
//! joined. This is not an alarm system.

use serde::{Deserialize, Serialize};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::labels::{HashLabel, SignLabel};
use telesphor_wire::sign::{PublicKey, Signature, Signed};

use crate::identifier::HowChecked;
use crate::instant::Instant;
use crate::limits;
use crate::text::{Text, bounded};

/// A device is attached to a patient for a time. Attaching opens a fresh stream, detaching
/// ends it by a second association with the same `stream` and an `until`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Association {
    /// [`limits::VERSION`].
    pub version: u16,
    /// The device.
    pub device: IdentityId,
    /// The patient.
    pub patient: IdentityId,
    /// Names the stream: random, fresh at each attaching.
    pub stream: Digest,
    /// From when.
    pub from: Instant,
    /// Until when, once known.
    pub until: Option<Instant>,
    /// Who attached or detached it.
    pub by: IdentityId,
    /// `by`'s history as it stood.
    pub head: Digest,
    /// The endpoint whose key signs.
    pub endpoint: PublicKey,
    /// How the patient was checked.
    pub checked: HowChecked,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for Association {
    const LABEL: SignLabel = SignLabel::Association;
}

impl Association {
    /// `H("association-id", association)`.
    pub fn id(&self) -> Digest {
        hash(HashLabel::AssociationId, self)
    }
}

/// A signed [`Association`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedAssociation {
    /// What is signed.
    pub association: Association,
    /// By `association.endpoint`.
    pub signature: Signature,
}

/// Flags of a batch or run of samples; bits that this version does not know are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quality(pub u32);

impl Quality {
    /// Nothing to note.
    pub const GOOD: Self = Self(0);
    /// A lead or sensor is off.
    pub const LEAD_OFF: Self = Self(1);
    /// Noise or movement.
    pub const NOISE: Self = Self(1 << 1);
    /// The sensor is at its limit.
    pub const SATURATED: Self = Self(1 << 2);
    /// The device's battery is low.
    pub const BATTERY_LOW: Self = Self(1 << 3);
    /// Made by a simulator, not measured.
    pub const SIMULATED: Self = Self(1 << 4);
    /// The device's clock is known to be wrong.
    pub const CLOCK_WRONG: Self = Self(1 << 5);

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

open_coded! {
    /// Why samples are missing.
    pub enum GapReason {
        /// The device sent none.
        1 => NoSignal "no-signal",
        /// The connection was down.
        2 => NotConnected "not-connected",
        /// The device was detached.
        3 => Detached "detached",
        /// Older samples gave way because the mailbox was full.
        4 => Dropped "dropped",
    }
}

/// Samples that are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Index (as if nothing were missing) of the first missing sample.
    pub at: u32,
    /// How many are missing.
    pub missing: u32,
    /// Why.
    pub reason: GapReason,
}

/// One quantity over the time of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// What is measured: coding system (`loinc`, `mdc`).
    pub system: Text,
    /// Its code there.
    pub code: Text,
    /// UCUM unit.
    pub unit: Text,
    /// A sample is `value * 10^scale` units.
    pub scale: i8,
    /// Samples that are there, in time order.
    #[serde(deserialize_with = "bounded::<{ limits::MAX_SAMPLES }, _, _>")]
    pub samples: Vec<i32>,
    /// Samples that are not, rising, not touching.
    #[serde(deserialize_with = "bounded::<1024, _, _>")]
    pub gaps: Vec<Gap>,
    /// Quality of the whole channel in this batch.
    pub quality: Quality,
}

/// One batch of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamBatch {
    /// [`limits::VERSION`].
    pub version: u16,
    /// The device that measured, and whose endpoint signs.
    pub device: IdentityId,
    /// Its history as it stood.
    pub head: Digest,
    /// The endpoint whose key signs.
    pub endpoint: PublicKey,
    /// `H("association-id", ..)`; `None` = unassigned.
    pub association: Option<Digest>,
    /// The stream it belongs to.
    pub stream: Digest,
    /// Position in the stream, from 1. A reader who misses a number shows a gap.
    pub sequence: u64,
    /// Time of the first sample by the device's clock.
    pub device_time: Instant,
    /// Time between samples, microseconds.
    pub interval_us: u64,
    /// What was measured.
    #[serde(deserialize_with = "bounded::<64, _, _>")]
    pub channels: Vec<Channel>,
    /// Quality of the whole batch.
    pub quality: Quality,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for StreamBatch {
    const LABEL: SignLabel = SignLabel::StreamBatch;
}

/// A signed [`StreamBatch`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedStreamBatch {
    /// What is signed.
    pub batch: StreamBatch,
    /// By `batch.endpoint`.
    pub signature: Signature,
}

impl Channel {
    /// Whether the gaps rise, do not touch and lie inside or at the end of the samples.
    pub fn is_well_formed(&self) -> bool {
        let total = self.gaps.iter().try_fold(self.samples.len() as u64, |sum, gap| {
            (gap.missing > 0).then(|| sum + u64::from(gap.missing))
        });
        let rising = self
            .gaps
            .windows(2)
            .all(|w| u64::from(w[0].at) + u64::from(w[0].missing) < u64::from(w[1].at));
        let inside = |total: u64| {
            self.gaps
                .iter()
                .all(|g| u64::from(g.at) + u64::from(g.missing) <= total)
        };
        rising && total.is_some_and(inside)
    }

    /// The samples at their places: `(index, value)`, missing ones left out.
    pub fn placed(&self) -> impl Iterator<Item = (u64, i32)> + '_ {
        let mut gaps = self.gaps.iter().peekable();
        let mut index = 0u64;
        self.samples.iter().map(move |&value| {
            while let Some(gap) = gaps.next_if(|g| u64::from(g.at) == index) {
                index += u64::from(gap.missing);
            }
            let placed = (index, value);
            index += 1;
            placed
        })
    }
}
