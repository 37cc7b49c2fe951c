//! Every queue bound and permit of one relay, in one place.
//!
//! Bounds that both sides of a connection must know are in `telesphor_wire::limits`. These
//! here are one relay's own: they may differ between relays and change between starts.
//! Memory that callers can fill is at most [`Limits::bytes_in_flight`] and
//! [`Limits::pages_bytes`], and for each session the answers it has not fetched (about 1 KiB
//! for each of [`Limits::session_calls`]) and one small page or one event.

use std::time::Duration;

/// How much one relay takes on at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    // -- the whole relay
    /// Connections at once. More are refused with 4004.
    pub sessions: usize,
    /// Mailboxes with an actor of their own at once. Calls for more are answered Busy.
    pub live_mailboxes: usize,
    /// Commands that have no answer yet. Senders wait for a permit.
    pub calls_in_flight: usize,
    /// Bytes of commands that have no answer yet. Senders wait for a permit.
    pub bytes_in_flight: usize,

    /// Bytes of full pages on their way to readers. While it is used up readers get small
    /// pages, so that connections which stall cannot keep others from reading.
    pub pages_bytes: usize,
    /// Reads from the disk at once. More wait their turn.
    pub disk_reads: usize,

    /// Connections and mailboxes whose deliveries are remembered until they are recorded. While
    /// it is used up nothing is handed to readers.
    pub delivery_notes: usize,

    // -- one session
    /// Calls whose answers the client has not fetched yet, by weight of the answer.
    pub session_calls: usize,
    /// Bytes of commands of one session that have no answer yet.
    pub session_bytes: usize,
    /// Other frames (proofs, follows, fetches) of one session not yet dealt with.
    pub session_frames: usize,
    /// Mailboxes one session follows at once.
    pub session_follows: usize,
    /// Payload bytes of one pushed or fetched frame.
    pub page_bytes: usize,
    /// The same while [`Limits::pages_bytes`] is used up.
    pub scarce_page_bytes: usize,
    /// Events of one pushed or fetched frame.
    pub page_events: usize,

    // -- one mailbox
    /// Commands for one mailbox that have no answer yet. More are answered Busy.
    pub mailbox_calls: usize,
    /// Bytes of them. More are answered Busy.
    pub mailbox_bytes: usize,
    /// Delivery records kept of one mailbox; the oldest give way (about 1.7 KiB each).
    pub mailbox_records: u64,
    /// After this long without a session, a follower or a command it goes to sleep.
    pub mailbox_idle: Duration,

    // -- the writer
    /// Commands of one partition that wait to be ordered.
    pub partition_waiting: usize,
    /// Commands of one record of the order (at most 65,536: the depth of a receipt's path).
    pub record_calls: usize,
    /// Commands applied with one fsync, over all partitions.
    pub group_calls: usize,

    // -- support
    /// Support codes remembered, at most.
    pub traces: usize,
    /// And for at most so long.
    pub trace_life: Duration,

    // -- answers
    /// What Busy tells the sender to wait, milliseconds.
    pub busy_retry_ms: u64,
    /// What Goodbye tells the client to wait, milliseconds.
    pub goodbye_retry_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 20_000,
            live_mailboxes: 100_000,
            calls_in_flight: 65_536,
            bytes_in_flight: 256 << 20,
            pages_bytes: 128 << 20,
            disk_reads: 64,
            delivery_notes: 16_384,
            session_calls: telesphor_wire::limits::MAX_CALLS_IN_FLIGHT,
            session_bytes: 8 << 20,
            session_frames: 64,
            session_follows: telesphor_wire::limits::MAX_HANDLES_PER_SESSION,
            page_bytes: 256 << 10,
            scarce_page_bytes: 16 << 10,
            page_events: telesphor_wire::limits::MAX_EVENTS_PER_FRAME,
            mailbox_calls: 8_192,
            mailbox_bytes: 32 << 20,
            mailbox_records: 1_024,
            mailbox_idle: Duration::from_secs(30),
            partition_waiting: 65_536,
            record_calls: 4_096,
            group_calls: 8_192,
            traces: 100_000,
            trace_life: Duration::from_secs(14 * 24 * 3600),
            busy_retry_ms: 250,
            goodbye_retry_ms: 1_000,
        }
    }
}
