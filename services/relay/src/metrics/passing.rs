//! What is measured of what passes between relays. Shown where not every relay keeps every mailbox.

use prometheus::IntCounter;
use telesphor_engine::PassingStatus;

use super::Metrics;
use super::kinds::counter;

/// Questions between relays.
#[derive(Clone)]
pub struct Passing {
    passed_on: IntCounter,
    unanswered: IntCounter,
    answered: IntCounter,
}

impl Passing {
    /// Registers them beside the others.
    ///
    /// # Errors
    /// Only if two metrics have one name, which a test would show.
    pub fn new(metrics: &Metrics) -> Result<Self, prometheus::Error> {
        let r = &metrics.registry;
        Ok(Self {
            passed_on: counter(
                r,
                "passed_on_total",
                "Questions that were passed on to relays that keep the mailbox.",
            )?,
            unanswered: counter(
                r,
                "passed_on_unanswered_total",
                "Of these, questions that none of them answered in time.",
            )?,
            answered: counter(
                r,
                "passed_here_total",
                "Questions of other relays that were answered here.",
            )?,
        })
    }

    /// As they stand now.
    pub fn stand(&self, now: &PassingStatus) {
        for (counter, count) in [
            (&self.passed_on, now.passed_on),
            (&self.unanswered, now.unanswered),
            (&self.answered, now.answered),
        ] {
            counter.inc_by(count.saturating_sub(counter.get()));
        }
    }
}
