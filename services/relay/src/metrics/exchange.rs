//! Metrics of the exchange with other domains. None of them says which.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Registry};
use telesphor_wire::answer::Answer;
use telesphor_wire::forward::outbox::News;
use telesphor_wire::forward::word::About;

use super::{counter, counters, gauge, saturating};

/// The exchange, in numbers.
#[derive(Clone)]
pub struct ExchangeMetrics {
    connected: IntGauge,
    waiting: IntGauge,
    oldest: IntGauge,
    silent: IntGauge,
    passed: IntCounterVec,
    told: IntCounterVec,
    asked: IntCounterVec,
    words: IntCounterVec,
    untold: IntCounter,
    held: IntGauge,
}

impl ExchangeMetrics {
    pub(super) fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        let new = Self {
            connected: gauge(
                r,
                "exchange_connected",
                "1 while a NATS server is reached over which other hospitals are.",
            )?,
            waiting: gauge(
                r,
                "exchange_waiting",
                "Requests for other hospitals that have no answer yet.",
            )?,
            oldest: gauge(
                r,
                "exchange_oldest_seconds",
                "Age of the oldest of them that is the first of its lane.",
            )?,
            silent: gauge(
                r,
                "exchange_silent",
                "Hospitals that something is wanted of and that were not heard for 30 s.",
            )?,
            passed: counters(r, "exchange_passed_total", "Requests passed on.", "try")?,
            told: counters(
                r,
                "exchange_told_total",
                "What became of requests, put into outboxes.",
                "news",
            )?,
            asked: counters(
                r,
                "exchange_asked_total",
                "Requests of other hospitals, by what they were told.",
                "answer",
            )?,
            words: counters(
                r,
                "exchange_words_dropped_total",
                "Words that were not believed.",
                "why",
            )?,
            untold: counter(
                r,
                "exchange_untold_total",
                "Times that something could not be put into an outbox.",
            )?,
            held: gauge(
                r,
                "exchange_held",
                "Follows of other hospitals that are held until something comes.",
            )?,
        };
        for (metric, labels) in [
            (&new.passed, &["first", "again"][..]),
            (&new.told, &["answered", "undelivered"]),
            (&new.asked, &["answered", "refused", "later", "held"]),
            (&new.words, &["forged", "stranger"]),
        ] {
            for label in labels {
                metric.with_label_values(&[*label]);
            }
        }
        Ok(new)
    }

    /// A request was passed on.
    pub fn passed(&self, again: bool) {
        let label = if again { "again" } else { "first" };
        self.passed.with_label_values(&[label]).inc();
    }

    /// Something was, or was to be, put into an outbox.
    pub fn told(&self, news: &News, answer: &Answer) {
        let label = match news {
            News::Answered(_) => "answered",
            News::Undelivered(_) => "undelivered",
        };
        match answer {
            Answer::Durable(_) => self.told.with_label_values(&[label]).inc(),
            _ => self.untold.inc(),
        }
    }

    /// Another domain was told this.
    pub fn asked(&self, about: &About) {
        let label = match about {
            About::Answer(_) => "answered",
            About::Later(_) => "later",
            About::Held(_) => "held",
            _ => "refused",
        };
        self.asked.with_label_values(&[label]).inc();
    }

    /// A word was not what it should be.
    pub fn forged(&self) {
        self.words.with_label_values(&["forged"]).inc();
    }

    /// A word of a domain that is not pinned.
    pub fn stranger(&self) {
        self.words.with_label_values(&["stranger"]).inc();
    }

    /// So many follows are held.
    pub fn holds(&self, held: usize) {
        self.held.set(saturating(held as u64));
    }

    /// How it stands now.
    pub fn stands(&self, connected: bool, waiting: usize, oldest_s: u64, silent: usize) {
        self.connected.set(i64::from(connected));
        self.waiting.set(saturating(waiting as u64));
        self.oldest.set(saturating(oldest_s));
        self.silent.set(saturating(silent as u64));
    }
}
