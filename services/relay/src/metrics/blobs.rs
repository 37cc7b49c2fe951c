//! Metrics of large content.

use prometheus::{IntCounter, IntGauge, Registry};
use telesphor_blobs::Totals;

use super::{counter, gauge, saturating};

/// Large content, in numbers.
#[derive(Clone)]
pub struct BlobMetrics {
    came: IntCounter,
    went: IntCounter,
    blobs: IntGauge,
    bytes: IntGauge,
    parts: IntGauge,
    damaged: IntGauge,
}

impl BlobMetrics {
    pub(super) fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            came: counter(r, "blob_bytes_in_total", "Bytes of files put, whole chunks.")?,
            went: counter(r, "blob_bytes_out_total", "Bytes of files given.")?,
            blobs: gauge(r, "blobs", "Files kept.")?,
            bytes: gauge(
                r,
                "blob_bytes",
                "Their bytes, each file once however many mailboxes keep it, in steps of 64 MiB.",
            )?,
            parts: gauge(
                r,
                "blobs_coming",
                "Files that have begun to come and are not whole.",
            )?,
            damaged: gauge(
                r,
                "blobs_damaged",
                "Files that were found damaged on the disk since the start and not put again.",
            )?,
        })
    }

    /// Bytes came.
    pub fn came(&self, bytes: u64) {
        self.came.inc_by(bytes);
    }

    /// Bytes went.
    pub fn went(&self, bytes: u64) {
        self.went.inc_by(bytes);
    }

    /// What is there now. One file must not be told by its size.
    pub fn stand(&self, totals: Totals) {
        self.blobs.set(saturating(totals.blobs));
        self.bytes.set(saturating(totals.bytes & !((64 << 20) - 1)));
        self.parts.set(saturating(totals.parts));
        self.damaged.set(saturating(totals.damaged));
    }
}
