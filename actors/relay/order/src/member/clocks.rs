//! What the time is, when the clocks of several relays do not agree.
//!
//! A clock far ahead is the one that does damage: the order's clock never falls, so a single stamp
//! ends leases and lets commands expire at every relay. So no relay believes its own clock alone.

/// Clocks this close to each other say the same, milliseconds. Wide, because what another said
/// may have waited behind a pause.
pub const TOLERANCE_MS: u64 = 60_000;

/// What clocks say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreed {
    /// A majority stands close to this.
    On(u64),
    /// No majority does. This is the one in the middle, and of two the earlier.
    Not(u64),
}

/// What these clocks say together, one of each seat that was heard, one's own among them, where
/// so many are a majority of all seats. None if there are none.
pub fn agreed(mut readings: Vec<u64>, majority: usize) -> Option<Agreed> {
    readings.sort_unstable();
    let middle = *readings.get(readings.len().checked_sub(1)? / 2)?;
    let close = readings
        .iter()
        .filter(|r| r.abs_diff(middle) <= TOLERANCE_MS)
        .count();
    Some(if close >= majority {
        Agreed::On(middle)
    } else {
        Agreed::Not(middle)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_800_000_000_000;
    const DAY: u64 = 24 * 3_600_000;

    #[test]
    fn one_clock_of_three_or_two_of_five_decide_what_the_time_is() {
        for wrong in [0, NOON - DAY, NOON + DAY, u64::MAX] {
            let three = vec![wrong, NOON + 20, NOON + 900];
            let Some(Agreed::On(said)) = agreed(three, 2) else {
                panic!("two of three agree");
            };
            assert!(said.abs_diff(NOON) <= 900, "{wrong}");
            let five = vec![NOON, wrong, NOON + 5_000, wrong, NOON + 1];
            let Some(Agreed::On(said)) = agreed(five, 3) else {
                panic!("three of five agree");
            };
            assert!(said.abs_diff(NOON) <= 5_000, "{wrong}");
        }
    }

    #[test]
    fn one_of_two_clocks_is_believed_against_the_other() {
        assert_eq!(agreed(vec![NOON + DAY, NOON], 2), Some(Agreed::Not(NOON)));
        assert_eq!(agreed(vec![NOON, NOON + DAY], 2), Some(Agreed::Not(NOON)));
        assert_eq!(agreed(vec![NOON], 2), Some(Agreed::Not(NOON)));
        assert_eq!(agreed(Vec::new(), 2), None);
    }
}
