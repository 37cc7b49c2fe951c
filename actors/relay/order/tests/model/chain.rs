//! Histories as numbers: one byte a cell, the first one lowest.

use telesphor_order::member::{Inc, Point, Seats};

/// A member's key.
pub(crate) type Seat = u8;
/// An incarnation of the model.
pub(crate) type Life = Inc<Seat>;

/// A history of at most eight cells. 0 is the empty one.
pub(crate) type Mark = u64;

/// How long a history may become.
pub(crate) const LONGEST: u64 = 8;

/// A cell for a command ordered in an incarnation. No cell is 0.
pub(crate) fn command(inc: Life, command: u8) -> u8 {
    life(inc) << 4 | (command + 1)
}

/// A cell for the beginning of an incarnation. Two geneses of one incarnation that name other
/// members are other cells.
pub(crate) fn genesis(inc: Life, members: &Seats<Seat>, before: &Seats<Seat>) -> u8 {
    let gone = (0..3).find(|s| !members.has(s)).map_or(0, |s| s + 1);
    life(inc) << 4 | 8 | gone << 1 | u8::from(members != before)
}

fn life(inc: Life) -> u8 {
    u8::try_from(inc.round).expect("few rounds") << 2 | inc.opener
}

fn length(mark: Mark) -> u64 {
    u64::from((64 - mark.leading_zeros()).div_ceil(8))
}

/// The history with one cell more.
pub(crate) fn push(mark: Mark, cell: u8) -> Mark {
    mark | u64::from(cell) << (8 * length(mark))
}

/// The first cells of a history; none if it is shorter.
pub(crate) fn cut(mark: Mark, to: u64) -> Option<Mark> {
    (length(mark) >= to).then(|| {
        if to >= 8 {
            mark
        } else {
            mark & ((1 << (8 * to)) - 1)
        }
    })
}

/// Whether one history begins with the other.
pub(crate) fn holds(history: Mark, begins: Mark) -> bool {
    cut(history, length(begins)) == Some(begins)
}

/// How far two histories are the same.
pub(crate) fn common(a: Mark, b: Mark) -> u64 {
    let same = u64::from((a ^ b).trailing_zeros() / 8);
    same.min(length(a)).min(length(b))
}

/// A history as a place.
pub(crate) fn point(mark: Mark) -> Point<Mark> {
    Point {
        n: length(mark),
        mark,
    }
}
