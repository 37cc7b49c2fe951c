//! Bounds of the MLS layer. Bounds of the wire stand in [`telesphor_wire::limits`].

/// Longest lifetime of a key package, milliseconds (84 days and the hour that MLS grants to
/// slow clocks).
pub const MAX_PACKAGE_LIFE_MS: u64 = (84 * 24 + 1) * 3600 * 1000;
/// Lifetime of an ordinary key package, milliseconds (84 days).
pub const PACKAGE_LIFE_MS: u64 = 84 * 24 * 3600 * 1000;
/// Lifetime of a last-resort key package, milliseconds (30 days).
pub const LAST_RESORT_LIFE_MS: u64 = 30 * 24 * 3600 * 1000;
/// A key package with less life left than this is not used, milliseconds (7 days): openmls
/// judges it by the clock of whoever *processes* the commit, so a member who was away for longer
/// than the rest of its life could not follow.
pub const MIN_PACKAGE_LIFE_LEFT_MS: u64 = 7 * 24 * 3600 * 1000;
/// Messages of one sender that may arrive after a later one of the same sender.
pub const OUT_OF_ORDER: u32 = 32;
/// Messages of one sender in one epoch that may be missing in between. A mailbox for vitals lets
/// the oldest give way, so a whole day of one a second may be gone.
pub const MAX_SKIPPED: u32 = 1 << 17;
/// Epochs whose message keys are kept after they ended. None: the mailbox's order refuses
/// messages that come after the commit which ended their epoch, so such keys would open nothing
/// but a thief's copy.
pub const PAST_EPOCHS: usize = 0;
/// Members of one group.
pub const MAX_MEMBERS: usize = 5_000;
/// Members added by one commit.
pub const MAX_ADDS: usize = 1_000;
/// What a Welcome grows by for each newcomer of its commit, at most, bytes: a leaf with a name in
/// it, a node above it, and secrets sealed to it, in the hybrid suites.
pub const GUEST_BYTES: usize = 5 * 1024;
/// Proposals that wait for one commit.
pub const MAX_PROPOSALS: usize = 1_000;
/// One row of stored state, bytes.
pub const MAX_ROW_BYTES: usize = 64 * 1024 * 1024;
/// Serialised Welcome with its tree, bytes.
pub const MAX_WELCOME_BYTES: usize = 8 * 1024 * 1024;
/// Groups held in memory from one event to the next. Whoever is on duty on a large ward sits in
/// about as many.
pub const MAX_HELD_GROUPS: usize = 128;
/// Members of all groups that are held in memory together: in the hybrid suites each takes up to 5
/// KiB with the node above it.
pub const MAX_HELD_LEAVES: usize = 6_000;
