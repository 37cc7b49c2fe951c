//! The clocks of the others, and how far one's own may be believed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::ext::{Extension, Extensions};

use super::say::Seat;
use crate::member::Seats;
use crate::member::clocks::{Agreed, TOLERANCE_MS, agreed};

/// Extension of [`super::say::Vote`] and [`super::say::Heard`]: the speaker's clock when he said it,
/// Unix milliseconds. Never critical: a member that does not know it goes by its own clock.
pub const CLOCK: u32 = 1;

/// What was heard longer ago than this says nothing any more.
const LIFE: Duration = Duration::from_secs(60);
/// So much earlier than expected a word may arrive and count: later ones overtake earlier ones.
const SLACK_MS: u64 = 1_000;

/// Gives one's own clock, Unix milliseconds.
type Own = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Shared by all partitions of a relay, and by whoever asks for the time.
pub struct Clocks {
    own: Own,
    /// Times here are steady milliseconds since then.
    since: Instant,
    others: Mutex<BTreeMap<Seat, Reading>>,
    /// What was agreed on last, as the time at `since`; 0 as long as nobody was heard.
    agreed: AtomicU64,
}

/// What another said, when it was heard.
#[derive(Clone, Copy)]
struct Reading {
    /// As the time at [`Clocks::since`].
    base: u64,
    at: Duration,
}

impl Clocks {
    /// The machine's own clock, and nobody heard yet.
    pub fn system() -> Self {
        Self::of(Arc::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        }))
    }

    /// With a clock of the caller's own.
    pub fn of(own: Arc<dyn Fn() -> u64 + Send + Sync>) -> Self {
        Self {
            own,
            since: Instant::now(),
            others: Mutex::new(BTreeMap::new()),
            agreed: AtomicU64::new(0),
        }
    }

    /// One's own clock, believed or not, Unix milliseconds.
    pub fn own(&self) -> u64 {
        (self.own)()
    }

    /// The latest time that may be believed; none as long as nobody was heard.
    pub fn limit(&self) -> Option<u64> {
        self.agreed().map(|now| now.saturating_add(TOLERANCE_MS))
    }

    /// How far one's own clock is ahead of what relays agree on (behind it, if negative),
    /// milliseconds. None as long as nobody was heard.
    pub fn lead(&self) -> Option<i64> {
        let (own, agreed) = (self.own(), self.agreed()?);
        let apart = i64::try_from(own.abs_diff(agreed)).unwrap_or(i64::MAX);
        Some(if own < agreed { -apart } else { apart })
    }

    fn agreed(&self) -> Option<u64> {
        match self.agreed.load(Ordering::Acquire) {
            0 => None,
            base => Some(base.saturating_add(millis(self.since.elapsed()))),
        }
    }

    /// One's own clock, to be said with a vote.
    pub(crate) fn said(&self) -> Extensions {
        Extensions::none().with(Extension {
            id: CLOCK,
            critical: false,
            body: Bytes(canonical::encode(&self.own())),
        })
    }

    /// What a seat said with its word, its signature checked.
    pub(crate) fn heard(&self, from: Seat, ext: &Extensions, seats: &Seats<Seat>) {
        let said = ext
            .get(CLOCK)
            .and_then(|e| canonical::decode_bounded::<u64>(&e.body, 16).ok());
        if let Some(said) = said
            && seats.has(&from)
        {
            self.note(from, said, self.since.elapsed(), seats);
        }
    }

    fn note(&self, from: Seat, said: u64, at: Duration, seats: &Seats<Seat>) {
        let base = said.saturating_sub(millis(at));
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        // An old word that somebody repeats must not hold the time up.
        let old = others
            .get(&from)
            .is_some_and(|r| base.saturating_add(SLACK_MS) < r.base && at.saturating_sub(r.at) < LIFE);
        if old {
            return;
        }
        others.insert(from, Reading { base, at });
        // Not all partitions have the same seats.
        others.retain(|_, r| at.saturating_sub(r.at) < LIFE);
        let among = others.iter().filter(|(seat, _)| seats.has(seat));
        let mut readings: Vec<u64> = among.map(|(_, r)| r.base).collect();
        readings.push(self.own().saturating_sub(millis(at)));
        let agreed = agreed(readings, seats.majority());
        match agreed {
            Some(Agreed::On(base)) => self.agreed.store(base.max(1), Ordering::Release),
            // Where relays do not agree, what they agreed on last goes on by the steady clock.
            Some(Agreed::Not(base)) => {
                let _ = self
                    .agreed
                    .compare_exchange(0, base.max(1), Ordering::AcqRel, Ordering::Acquire);
            }
            None => {}
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use telesphor_wire::sign::SigningKey;

    use super::*;

    const NOON: u64 = 1_800_000_000_000;
    const DAY: u64 = 24 * 3_600_000;

    /// Three seats; this one's clock can be set.
    fn three(own: u64) -> (Clocks, Arc<AtomicU64>, [Seat; 2], Seats<Seat>) {
        let hand = Arc::new(AtomicU64::new(own));
        let read = hand.clone();
        let clocks = Clocks::of(Arc::new(move || read.load(Ordering::SeqCst)));
        let seats = [(); 3].map(|()| SigningKey::generate().public());
        (clocks, hand, [seats[1], seats[2]], Seats::new(seats))
    }

    fn within(limit: Option<u64>, around: u64) {
        let limit = limit.unwrap();
        assert!(
            limit.abs_diff(around + TOLERANCE_MS) < 30_000,
            "{limit} is not about a minute after {around}"
        );
    }

    #[test]
    fn a_clock_a_day_ahead_is_believed_against_two_others() {
        let (clocks, _, [a, b], seats) = three(NOON + DAY);
        assert_eq!((clocks.limit(), clocks.lead()), (None, None), "nobody was heard");
        clocks.note(a, NOON, Duration::ZERO, &seats);
        within(clocks.limit(), NOON);
        clocks.note(b, NOON + 40, Duration::ZERO, &seats);
        within(clocks.limit(), NOON);
        assert!(clocks.lead().unwrap() > DAY as i64 - 30_000);
    }

    #[test]
    fn a_clock_that_jumps_is_followed_before_the_others_are_heard_again() {
        let (clocks, hand, [a, _], seats) = three(NOON);
        clocks.note(a, NOON, Duration::ZERO, &seats);
        hand.store(NOON + DAY, Ordering::SeqCst);
        within(clocks.limit(), NOON);
        // Nor does the one that is left decide that it was right.
        clocks.note(a, NOON + 400, Duration::from_millis(400), &seats);
        within(clocks.limit(), NOON);
    }

    #[test]
    fn a_clock_a_day_behind_holds_the_others_up() {
        let (clocks, _, [a, b], seats) = three(NOON);
        clocks.note(a, NOON - DAY, Duration::ZERO, &seats);
        clocks.note(b, NOON, Duration::ZERO, &seats);
        within(clocks.limit(), NOON);
        // Also when it is the only one that is still heard.
        clocks.note(a, NOON - DAY + 400, Duration::from_millis(400), &seats);
        within(clocks.limit(), NOON);
    }

    #[test]
    fn old_words_that_are_repeated_hold_the_time_up() {
        let (clocks, _, [a, b], seats) = three(NOON);
        for other in [a, b] {
            clocks.note(other, NOON, Duration::ZERO, &seats);
        }
        for other in [a, b] {
            clocks.note(other, NOON - DAY, Duration::from_millis(10), &seats);
        }
        within(clocks.limit(), NOON);
    }

    #[test]
    fn a_clock_that_was_put_right_is_never_believed_again() {
        let (clocks, _, [a, b], seats) = three(NOON + DAY);
        clocks.note(a, NOON + DAY, Duration::ZERO, &seats);
        within(clocks.limit(), NOON + DAY);
        // Two that were wrong are set back: as soon as their words have run out, the time is.
        let later = LIFE + Duration::from_secs(1);
        let now = NOON + millis(later);
        clocks.note(a, now, later, &seats);
        clocks.note(b, now, later, &seats);
        within(clocks.limit(), NOON);
    }

    #[test]
    fn somebody_without_a_seat_says_what_the_time_is() {
        let (clocks, _, _, seats) = three(NOON);
        let stranger = SigningKey::generate().public();
        clocks.heard(stranger, &clocks.said(), &seats);
        assert_eq!(clocks.limit(), None);
    }

    #[test]
    fn what_is_said_is_not_what_is_heard() {
        let (clocks, _, [a, _], seats) = three(NOON);
        clocks.heard(a, &clocks.said(), &seats);
        within(clocks.limit(), NOON);
    }
}
