//! The order's clock: stamps of the submitters, made monotone.

/// No single batch moves the clock further than this, milliseconds (400 days): one nonsensical
/// stamp must not end every lease and expire every command for ever.
pub const MAX_STEP_MS: u64 = 400 * 24 * 3600 * 1000;

/// The clock after a batch with this stamp: never falls, and never leaps further than
/// [`MAX_STEP_MS`], except at the very first batch (`own` is 0).
pub const fn advance(own: u64, stamp: u64) -> u64 {
    if stamp <= own {
        return own;
    }
    let furthest = own.saturating_add(MAX_STEP_MS);
    if own != 0 && stamp > furthest {
        furthest
    } else {
        stamp
    }
}
