//! What is measured of a relay as one of several. A relay alone shows none of it.

use prometheus::{IntCounterVec, IntGauge, IntGaugeVec};
use telesphor_order::Standing;
use telesphor_order::cluster::nats::Traffic;
use telesphor_wire::ids::PartitionId;

use super::Metrics;
use super::kinds::{counters, gauge, gauges, saturating};

/// The bus, and how the relay stands in each partition.
#[derive(Clone)]
pub struct Members {
    connected: IntGauge,
    clock_lead: IntGauge,
    messages: IntCounterVec,
    bytes: IntCounterVec,
    /// Only where there is one.
    certificate_days: Option<IntGauge>,
    following: IntGaugeVec,
    stopped: IntGaugeVec,
    round: IntGaugeVec,
    seats: IntGaugeVec,
    heard: IntGaugeVec,
    head: IntGaugeVec,
    chosen: IntGaugeVec,
    durable: IntGaugeVec,
}

impl Members {
    /// Registers them beside the others; `certificate` if the relay shows NATS one.
    ///
    /// # Errors
    /// Only if two metrics have one name, which a test would show.
    pub fn new(metrics: &Metrics, certificate: bool) -> Result<Self, prometheus::Error> {
        let r = &metrics.registry;
        let by_partition = |name: &str, help: &str| gauges(r, name, help, "partition");
        Ok(Self {
            connected: gauge(r, "bus_connected", "1 while a NATS server is reached.")?,
            messages: counters(r, "bus_messages_total", "Messages over NATS.", "direction")?,
            bytes: counters(r, "bus_bytes_total", "Bytes in them.", "direction")?,
            clock_lead: gauge(
                r,
                "clock_lead_seconds",
                "How far the machine's clock is ahead of what relays agree on; negative if behind.",
            )?,
            certificate_days: certificate
                .then(|| {
                    let help = "Days until the certificate for NATS ends.";
                    gauge(r, "bus_certificate_days_left", help)
                })
                .transpose()?,
            following: by_partition(
                "partition_following",
                "1 while the partition's order is followed and known to be the one in force.",
            )?,
            stopped: by_partition(
                "partition_stopped",
                "1 if the relay cannot go on in the partition by itself.",
            )?,
            round: by_partition(
                "partition_round",
                "Round of the partition's order; it rises with every rebase.",
            )?,
            seats: by_partition("partition_seats", "Relays that vote in the partition.")?,
            heard: by_partition(
                "partition_heard",
                "Relays that were heard to remember the order in force.",
            )?,
            head: by_partition("partition_head", "Last entry of the order on this disk.")?,
            chosen: by_partition("partition_chosen", "Last entry that a majority remembers.")?,
            durable: by_partition("partition_durable", "Last entry that was answered.")?,
        })
    }

    /// Whether a NATS server is reached.
    pub fn connected(&self, connected: bool) {
        self.connected.set(i64::from(connected));
    }

    /// What went over NATS since the start.
    pub fn passed(&self, now: &Traffic) {
        for (counters, direction, count) in [
            (&self.messages, "in", now.messages_in),
            (&self.messages, "out", now.messages_out),
            (&self.bytes, "in", now.bytes_in),
            (&self.bytes, "out", now.bytes_out),
        ] {
            let counter = counters.with_label_values(&[direction]);
            counter.inc_by(count.saturating_sub(counter.get()));
        }
    }

    /// How far the clock is ahead of what relays agree on, milliseconds.
    pub fn clock_lead(&self, lead_ms: Option<i64>) {
        self.clock_lead.set(lead_ms.unwrap_or_default() / 1000);
    }

    /// Days until the certificate for NATS ends.
    pub fn certificate_days_left(&self, days: i64) {
        if let Some(gauge) = &self.certificate_days {
            gauge.set(days);
        }
    }

    /// A partition is not, or no more, kept here.
    pub fn keeps_not(&self, partition: PartitionId) {
        let label = partition.0.to_string();
        for metric in [
            &self.following,
            &self.stopped,
            &self.round,
            &self.seats,
            &self.heard,
            &self.head,
            &self.chosen,
            &self.durable,
        ] {
            // It may never have been shown.
            let _ = metric.remove_label_values(&[label.as_str()]);
        }
    }

    /// How the relay stands in a partition.
    pub fn stands(&self, partition: PartitionId, now: &Standing) {
        let label = partition.0.to_string();
        let set = |metric: &IntGaugeVec, value: i64| metric.with_label_values(&[label.as_str()]).set(value);
        set(&self.following, i64::from(now.phase == "following" && now.active));
        set(&self.stopped, i64::from(now.lost.is_some()));
        set(&self.round, saturating(now.round));
        set(&self.seats, saturating(now.seats as u64));
        set(&self.heard, saturating(now.heard as u64));
        set(&self.head, saturating(now.head));
        set(&self.chosen, saturating(now.chosen));
        set(&self.durable, saturating(now.durable));
    }
}
