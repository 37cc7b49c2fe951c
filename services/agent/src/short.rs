//! Ids cut as short as they stay unique, so that they can be pasted into the next command.

use std::collections::BTreeSet;

/// At least so many letters behind the prefix: fewer would collide with the next arrival.
const SHORTEST: usize = 6;

/// The letters of an id behind its prefix and separator (`teldoc1q3f9c...` gives `q3f9c...`).
pub(crate) fn tail(id: &str) -> &str {
    // In bech32 the separator is the last "1"; none can follow in the data.
    id.rfind('1').map_or(id, |at| &id[at + 1..])
}

/// How many letters of [`tail`] every one of `ids` needs to differ from all others.
pub(crate) fn needed<'a>(ids: impl IntoIterator<Item = &'a str>) -> usize {
    let sorted: BTreeSet<&str> = ids.into_iter().map(tail).collect();
    sorted
        .iter()
        .zip(sorted.iter().skip(1))
        .map(|(a, b)| a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count() + 1)
        .max()
        .unwrap_or(0)
        .max(SHORTEST)
}

/// The first `letters` of [`tail`].
pub(crate) fn cut(id: &str, letters: usize) -> String {
    tail(id).chars().take(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ids_are_never_cut_to_the_same_letters() {
        let ids = ["teldoc1qqqqqqqqaaa", "teldoc1qqqqqqqqbbb", "teldoc1pppp"];
        let n = needed(ids);
        assert_eq!(n, 9);
        assert_ne!(cut(ids[0], n), cut(ids[1], n));
        assert!(tail(ids[0]).starts_with(&cut(ids[0], n)));
    }

    #[test]
    fn one_id_keeps_enough_letters_to_last() {
        assert_eq!(needed(["teldoc1qqqqqqqqaaa"]), 6);
        assert_eq!(needed([]), 6);
    }
}
