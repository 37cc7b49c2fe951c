//! When to try again: a pure schedule, so that tests need no clock.

use std::time::Duration;

/// First wait, milliseconds.
const FIRST_MS: u64 = 100;
/// Longest wait, milliseconds.
const LONGEST_MS: u64 = 30_000;

/// How long to wait before attempt `attempt` (0 = the first one after a failure).
///
/// Doubles from 100 ms to 30 s; `jitter` (any random number) takes up to half of it away, so
/// that a thousand agents do not come back in the same instant after a relay's restart.
/// A relay's own word (`retry_after_ms`) is a lower bound, itself bounded by the longest wait.
pub fn delay(attempt: u32, retry_after_ms: Option<u64>, jitter: u64) -> Duration {
    let full = FIRST_MS.saturating_mul(1u64 << attempt.min(20)).min(LONGEST_MS);
    let half = full / 2;
    let jittered = full - jitter % (half + 1);
    let floor = retry_after_ms.unwrap_or(0).min(LONGEST_MS);
    Duration::from_millis(jittered.max(floor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_relay_is_not_hammered_and_not_forgotten() {
        for jitter in [0, 1, 77, u64::MAX] {
            let mut last_full = 0;
            for attempt in 0..40 {
                let wait = delay(attempt, None, jitter).as_millis() as u64;
                let full = delay(attempt, None, 0).as_millis() as u64;
                assert!((50..=LONGEST_MS).contains(&wait));
                assert!(wait >= full / 2 && wait <= full);
                assert!(full >= last_full);
                last_full = full;
            }
            assert_eq!(last_full, LONGEST_MS);
        }
    }

    #[test]
    fn a_relay_cannot_send_its_agents_away_for_ever() {
        assert_eq!(delay(0, Some(u64::MAX), 0), Duration::from_millis(LONGEST_MS));
        assert_eq!(delay(0, Some(2_000), 0), Duration::from_secs(2));
    }
}
