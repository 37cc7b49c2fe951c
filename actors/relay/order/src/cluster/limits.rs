//! How much a cluster's order takes on at a time, and how long it waits.

use std::time::Duration;

/// One entry of a stream, at most, bytes. The bus must be set to carry as much (`max_payload`).
pub const MAX_ENTRY_BYTES: usize = 6 * 1024 * 1024;
/// A batch is closed when its commands are about so many bytes; a single larger group goes alone.
pub(crate) const BATCH_BYTES: usize = 512 * 1024;
/// Commands of one batch, at most.
pub(crate) const BATCH_SUBMISSIONS: usize = 2_048;
/// Steps that wait for the writer, over all partitions.
pub(crate) const STEPS: usize = 512;
/// Entries of a stream that wait for their partition.
pub(crate) const RECORDS: usize = 256;
/// Entries that were given to the writer and are not decided yet.
pub(crate) const UNDECIDED: usize = 1_024;
/// Of what is not given to the writer yet so much is held, bytes; what lies beyond it is read when its turn comes.
pub(crate) const HELD_BYTES: usize = 16 * 1024 * 1024;
/// What was given to the writer and is not durable, bytes, about.
pub(crate) const GIVEN_BYTES: usize = 16 * 1024 * 1024;
/// Words of others that wait for their partition.
pub(crate) const WORDS: usize = 1_024;
/// Votes of one seat beyond one's own head, at most; older ones give way.
pub(crate) const VOTES_AHEAD: usize = 64;
/// Whoever is to have a seat has come so near to the head.
pub(crate) const CAUGHT_UP: u64 = 256;
/// Entries kept behind the one decided last, for members that come back. About.
pub(crate) const LOG_ENTRIES: u64 = 50_000;
/// Of what every member has so many are kept: promises compare them, and a start reads a few.
pub(crate) const LOG_MARGIN: u64 = 1_024;
/// Entries are let go so many at a time.
pub(crate) const LOG_STEP: u64 = 256;
/// Bytes of one answer to a fetch, at most, about.
pub(crate) const FETCH_BYTES: usize = 512 * 1024;

/// What is fetched is held as long as it is no more than this, bytes. Of more the links are remembered, and
/// the entries are asked for again.
pub(crate) const WAY_BYTES: usize = 4 * 1024 * 1024;
/// Pieces that were given to the writer and are not synced yet: until then no further one is taken.
pub(crate) const PIECES: usize = 4;

/// The clocks of the protocol. None of them is needed for what must always hold; they decide
/// only how soon something is tried again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Between two looks at what should have gone on by itself.
    pub tick: Duration,
    /// A candidate waits so long for the promises of those beyond a majority.
    pub gather: Duration,
    /// A fenced member waits so long before it collects promises itself, times its rank.
    pub rank: Duration,
    /// A promise is honoured so long before another round is begun.
    pub promised: Duration,
    /// What is ordered and not durable after so long is answered as such.
    pub late: Duration,
    /// A publication without an answer is repeated after so long.
    pub publish: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tick: Duration::from_millis(50),
            gather: Duration::from_millis(100),
            rank: Duration::from_millis(300),
            promised: Duration::from_millis(1_500),
            late: Duration::from_secs(3),
            publish: Duration::from_secs(2),
        }
    }
}
