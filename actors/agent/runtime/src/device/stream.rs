//! The machine's side: values in, signed batches out.

use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::stream::{Channel, Gap, GapReason, Quality, SignedStreamBatch, StreamBatch};
use telesphor_clinical::text::Text;
use telesphor_vault::Table;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;

use crate::core::Ctx;
use crate::core::records::{Job, Padding};
use crate::error::Result;

/// Decimal places kept of a value.
const SCALE: i8 = -2;

/// Values measured one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// What, in the words of a code: `heart-rate`.
    pub what: String,
    /// UCUM unit.
    pub unit: String,
    /// Device time of the first value, Unix milliseconds.
    pub start: u64,
    /// Milliseconds between values.
    pub period_ms: u64,
    /// Values; `None` = missing.
    pub values: Vec<Option<f64>>,
    /// Made up, not measured.
    pub simulated: bool,
}

impl Ctx<'_, '_> {
    /// Signs a batch and puts it into the outbox; gives its number in the stream.
    pub(crate) fn stream(&mut self, measured: &Measured) -> Result<u64> {
        let held = self.vitals(None)?;
        let attached = self.attached(&held.id)?;
        let (association, stream) = match &attached {
            Some(a) => (Some(a.signed.association.id()), a.signed.association.stream),
            // Nobody guesses whose it is: its own stream, named by the mailbox.
            None => (None, Digest(held.id.0)),
        };
        let counter = [b"sequence/", &stream.0[..]].concat();
        let sequence = self.get::<u64>(Table::Devices, &counter)?.unwrap_or(0) + 1;
        self.put(Table::Devices, &counter, &sequence)?;
        let quality = if measured.simulated {
            Quality::SIMULATED
        } else {
            Quality::GOOD
        };
        let batch = StreamBatch {
            version: VERSION,
            device: self.me(),
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            association,
            stream,
            sequence,
            device_time: Instant::now_of(measured.start, 0, Clock::Device),
            interval_us: measured.period_ms.saturating_mul(1000),
            channels: vec![channel(measured, quality)],
            quality,
            ext: Extensions::none(),
        };
        let signature = self.keys.endpoint.sign(&batch);
        let body = GroupMessage::Stream(Box::new(SignedStreamBatch { batch, signature }));
        self.say(held.id, &body, Padding::Message, Job::Nothing(true))?;
        Ok(sequence)
    }
}

fn channel(measured: &Measured, quality: Quality) -> Channel {
    let mut samples = Vec::new();
    let mut gaps: Vec<Gap> = Vec::new();
    for (at, value) in (0u32..).zip(&measured.values) {
        match value {
            // Whole hundredths: the device's resolution, and no floats on the wire.
            #[allow(clippy::cast_possible_truncation)]
            Some(value) => samples.push((value * 100.0).round() as i32),
            None => match gaps.last_mut() {
                Some(gap) if gap.at + gap.missing == at => gap.missing += 1,
                _ => gaps.push(Gap {
                    at,
                    missing: 1,
                    reason: GapReason::NoSignal,
                }),
            },
        }
    }
    Channel {
        system: "telesphor".into(),
        code: Text::cut(&measured.what),
        unit: Text::cut(&measured.unit),
        scale: SCALE,
        samples,
        gaps,
        quality,
    }
}
