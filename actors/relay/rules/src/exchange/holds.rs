//! Which follows of other domains are held, and how many at most.

use std::collections::BTreeMap;

use telesphor_wire::hash::Digest;

use super::Guests;

/// How many may be held at once.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// Of one domain.
    pub of_one: usize,
    /// Of all domains together.
    pub of_all: usize,
}

/// What is held, by the digest of its request; `H` is what ends the waiting.
#[derive(Debug)]
pub struct Holds<D, H> {
    places: Guests<D>,
    held: BTreeMap<Digest, (u64, Option<H>)>,
    number: u64,
}

impl<D, H> Default for Holds<D, H> {
    fn default() -> Self {
        Self {
            places: Guests::default(),
            held: BTreeMap::new(),
            number: 0,
        }
    }
}

impl<D: Ord + Clone, H> Holds<D, H> {
    /// Takes a place for a request, in that of the same one if it is held already; gives the place's
    /// number, and what ends the waiting of the one before. Nothing if there is no room.
    pub fn enter(&mut self, domain: &D, request: Digest, most: Most) -> Option<(u64, Option<H>)> {
        let again = self.held.contains_key(&request);
        let others = self.held.len() - usize::from(again);
        // The one before gives its place back as it ends.
        let of_one = most.of_one + usize::from(again);
        if others >= most.of_all || !self.places.enter(domain, of_one) {
            return None;
        }
        self.number += 1;
        let before = self.held.insert(request, (self.number, None));
        Some((self.number, before.and_then(|(_, end)| end)))
    }

    /// What ends the waiting in a place, unless it is over already.
    pub fn waits(&mut self, request: &Digest, number: u64, end: H) {
        if let Some(place) = self.held.get_mut(request).filter(|(n, _)| *n == number) {
            place.1 = Some(end);
        }
    }

    /// A place is given back.
    pub fn leave(&mut self, domain: &D, request: &Digest, number: u64) {
        self.places.leave(domain);
        if self.held.get(request).is_some_and(|(n, _)| *n == number) {
            self.held.remove(request);
        }
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Most = Most { of_one: 2, of_all: 3 };

    fn request(n: u8) -> Digest {
        Digest([n; 32])
    }

    #[test]
    fn too_many_follows_of_one_domain_take_the_places_of_others() {
        let mut holds: Holds<&str, u8> = Holds::default();
        let mut enter = |domain, n| holds.enter(&domain, request(n), MOST).map(|(number, _)| number);
        assert_eq!(
            [enter("a", 1), enter("a", 2), enter("a", 3)],
            [Some(1), Some(2), None]
        );
        assert_eq!([enter("b", 4), enter("b", 5)], [Some(3), None], "of all together");
        holds.leave(&"a", &request(1), 1);
        assert!(holds.enter(&"b", request(5), MOST).is_some());
        assert_eq!(holds.len(), 3);
    }

    #[test]
    fn a_follow_that_is_asked_for_again_is_held_twice_or_its_place_is_lost() {
        let mut holds: Holds<&str, u8> = Holds::default();
        assert_eq!(holds.enter(&"a", request(1), MOST), Some((1, None)));
        assert_eq!(holds.enter(&"a", request(2), MOST), Some((2, None)));
        holds.waits(&request(1), 1, 11);
        // Though there is no room for a third.
        assert_eq!(holds.enter(&"a", request(1), MOST), Some((3, Some(11))));
        // The one before ends late, and takes nothing from the one that is there.
        holds.waits(&request(1), 1, 12);
        holds.leave(&"a", &request(1), 1);
        assert_eq!((holds.len(), holds.enter(&"a", request(3), MOST)), (2, None));
        holds.leave(&"a", &request(1), 3);
        holds.leave(&"a", &request(2), 2);
        assert!(holds.is_empty() && holds.enter(&"a", request(3), MOST).is_some());
    }
}
