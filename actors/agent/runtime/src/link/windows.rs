//! Credit that is owed to the relay, gathered: a frame for each event would cost both sides more than
//! the event.

use std::collections::HashMap;

use telesphor_wire::session::Credit;

/// The follows of one connection.
#[derive(Default)]
pub(super) struct Windows(HashMap<u32, Window>);

#[derive(Clone, Copy)]
struct Window {
    /// What the follow began with, bytes.
    whole: u32,
    /// Taken over by the reader and not told yet.
    owed: u32,
}

/// The part of a window that is told at one time: the relay always has the rest of it.
const PART: u32 = 4;

impl Windows {
    /// A follow begins, in the place of an earlier one.
    pub(super) fn opened(&mut self, handle: u32, whole: u32) {
        self.0.insert(handle, Window { whole, owed: 0 });
    }

    pub(super) fn closed(&mut self, handle: u32) {
        self.0.remove(&handle);
    }

    /// So many bytes more were taken over; gives what is to be told now. Of a follow that is not known
    /// everything is told at once.
    pub(super) fn owed(&mut self, handle: u32, bytes: u32) -> Option<Credit> {
        let bytes = match self.0.get_mut(&handle) {
            None => bytes,
            Some(window) => {
                window.owed = window.owed.saturating_add(bytes);
                if window.owed < window.whole / PART {
                    return None;
                }
                std::mem::take(&mut window.owed)
            }
        };
        Some(Credit { handle, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(windows: &mut Windows, bytes: u32) -> Option<u32> {
        windows.owed(1, bytes).map(|c| c.bytes)
    }

    #[test]
    fn a_relay_never_runs_out_of_credit_while_its_reader_reads() {
        let mut windows = Windows::default();
        windows.opened(1, 1000);
        let mut relay_has = 1000;
        for bytes in [1, 249, 250, 100, 100, 49, 1, 3000, 7]
            .into_iter()
            .cycle()
            .take(900)
        {
            relay_has -= i64::from(bytes);
            relay_has += i64::from(told(&mut windows, bytes).unwrap_or(0));
            assert!(relay_has > 750, "{relay_has}");
        }
    }

    #[test]
    fn nothing_is_kept_back_of_a_window_that_is_too_small_or_not_known() {
        let mut windows = Windows::default();
        assert_eq!(told(&mut windows, 5), Some(5));
        windows.opened(1, 3);
        assert_eq!(told(&mut windows, 1), Some(1));
        windows.opened(1, 1000);
        assert_eq!(told(&mut windows, 100), None);
        windows.closed(1);
        assert_eq!(told(&mut windows, 100), Some(100));
        windows.opened(1, 1000);
        assert_eq!(
            told(&mut windows, 249),
            None,
            "what was owed before is not counted twice"
        );
    }
}
