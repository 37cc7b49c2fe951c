//! How large a group may be.
//!
//! While a group is decided and written, those who were answered before it send what comes next.
//! If the writer takes all there is, nobody has been answered, nothing comes, and then it waits
//! in turn: writer and connections work one after the other. If it takes half, both always have
//! something to do, at the price of a sync for each half. So a group takes at most half of what
//! was under way of late, unless a sync costs more than the waiting that this spares.

use std::time::Duration;

/// What groups took of late.
#[derive(Default)]
pub(crate) struct Pace {
    /// Commands under way when a group began; its peaks fade.
    under_way: f64,
    /// Writing and syncing a group, microseconds.
    sync: f64,
    /// Everything else, for each command, microseconds.
    each: f64,
}

/// How much one group counts against those before it.
const NEWEST: f64 = 0.1;
/// What is left of a peak after one group.
const FADED: f64 = 0.95;

impl Pace {
    /// Commands that the next group may take.
    pub(crate) fn most(&self, most: usize) -> usize {
        let half = (self.under_way / 2.0).ceil();
        if self.each * half > self.sync {
            (half as usize).clamp(1, most.max(1))
        } else {
            most
        }
    }

    /// A group begins, with so many commands under way.
    pub(crate) fn begins(&mut self, under_way: usize) {
        self.under_way = (self.under_way * FADED).max(under_way as f64);
    }

    /// It had so many commands; deciding them took so long, and a sync takes so long.
    pub(crate) fn took(&mut self, commands: usize, decided: Duration, synced: Duration) {
        if commands == 0 {
            return;
        }
        let us = |d: Duration| d.as_secs_f64() * 1e6;
        let rest = us(decided) / commands as f64;
        for (of, now) in [(&mut self.sync, us(synced)), (&mut self.each, rest)] {
            *of += (now - *of) * if *of == 0.0 { 1.0 } else { NEWEST };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(under_way: usize, rest_us: u64, sync_us: u64) -> Pace {
        let mut pace = Pace::default();
        let synced = Duration::from_micros(sync_us);
        pace.begins(under_way);
        pace.took(under_way, Duration::from_micros(rest_us), synced);
        pace
    }

    #[test]
    fn writer_and_connections_wait_for_each_other_on_a_fast_disk() {
        let mut pace = pace(512, 512 * 8, 300);
        assert_eq!(pace.most(8192), 256);
        // While the answered half is with its senders, the other half is not halved again.
        pace.begins(256);
        assert!(pace.most(8192) > 240);
        pace.begins(100_000);
        assert_eq!(pace.most(8192), 8192);
        (0..200).for_each(|_| pace.begins(100));
        assert_eq!(pace.most(8192), 50, "a crowd that has gone is forgotten");
    }

    #[test]
    fn a_slow_disk_is_asked_twice_as_often_as_it_need_be() {
        assert_eq!(pace(512, 512 * 8, 4_000).most(8192), 8192);
    }

    #[test]
    fn a_lone_command_or_a_fresh_start_finds_no_room() {
        for pace in [Pace::default(), pace(1, 50, 150), pace(1, 150, 1), pace(0, 0, 0)] {
            assert!(pace.most(8192) >= 1);
        }
    }
}
