//! When a request for another domain is passed on (again), and when it is given up.

/// How patient a domain is with another one. Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// An answer is waited for so long before it is asked again.
    pub answer: u64,
    /// The longest pause between two tries.
    pub longest: u64,
    /// So long after it came to the outbox a request is given up.
    pub give_up: u64,
}

/// What is to be done with the first request of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Pass it on (again).
    Pass,
    /// Leave it until then.
    Wait(u64),
    /// Tell its sender that it was not delivered.
    GiveUp,
}

/// One request that was not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Its place in the outbox.
    pub seq: u64,
    /// When it came there, by the order's clock.
    pub since: u64,
    /// Whether it was passed on at all: only then can it have an answer.
    pub passed: bool,
    /// How often it was passed on since the other domain was heard last.
    pub tries: u32,
    /// Not before this is it passed on again.
    pub due: u64,
    /// The other domain holds it until it has something to answer: nothing is wrong.
    pub held: bool,
}

impl Open {
    /// One that came to an outbox and was not tried yet.
    pub const fn new(seq: u64, since: u64) -> Self {
        Self {
            seq,
            since,
            passed: false,
            tries: 0,
            due: 0,
            held: false,
        }
    }

    /// What is to be done with it now.
    pub const fn next(&self, patience: &Patience, now: u64) -> Next {
        if now >= self.since.saturating_add(patience.give_up) {
            return Next::GiveUp;
        }
        if now < self.due {
            return Next::Wait(self.due);
        }
        Next::Pass
    }

    /// It was passed on: each pause is twice as long as the one before, up to the longest. A
    /// quarter of it is taken off by `spread`, any number, so that what was held up by one cut
    /// does not come back all at once.
    pub const fn passed(&mut self, patience: &Patience, now: u64, spread: u64) {
        let doubled = patience
            .answer
            .saturating_mul(1 << if self.tries > 16 { 16 } else { self.tries });
        let pause = if doubled > patience.longest {
            patience.longest
        } else {
            doubled
        };
        let off = match pause / 4 {
            0 => 0,
            quarter => spread % quarter,
        };
        let (due, end) = (
            now.saturating_add(pause - off),
            self.since.saturating_add(patience.give_up),
        );
        // Its sender is told in time, and not at the end of a pause.
        self.due = if due < end { due } else { end };
        // The second try without a word: perhaps it is held no more.
        self.held &= self.tries == 0;
        self.passed = true;
        self.tries = self.tries.saturating_add(1);
    }

    /// The other domain said "later". It is there: that is no failed try.
    pub const fn later(&mut self, patience: &Patience, now: u64, after: u64) {
        let after = if after > patience.longest {
            patience.longest
        } else {
            after
        };
        self.due = now.saturating_add(after);
        self.tries = 0;
        self.held = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        answer: 2_000,
        longest: 60_000,
        give_up: 432_000_000,
    };

    #[test]
    fn a_domain_that_is_away_is_asked_ever_faster_or_never_again() {
        let mut open = Open::new(1, 1_000);
        let (mut now, mut before) = (1_000, 0);
        for _ in 0..40 {
            assert_eq!(open.next(&PATIENCE, now), Next::Pass);
            open.passed(&PATIENCE, now, 0);
            let pause = open.due - now;
            assert!(pause >= before && pause <= PATIENCE.longest);
            assert_eq!(open.next(&PATIENCE, open.due - 1), Next::Wait(open.due));
            (before, now) = (pause, open.due);
        }
        assert_eq!(before, PATIENCE.longest);
        open.passed(&PATIENCE, now, u64::MAX);
        assert!(
            open.due - now > PATIENCE.longest * 3 / 4,
            "spread by a quarter at most"
        );
        assert_eq!(open.next(&PATIENCE, 1_000 + PATIENCE.give_up), Next::GiveUp);
        assert_eq!(open.next(&PATIENCE, u64::MAX), Next::GiveUp);
    }
}
