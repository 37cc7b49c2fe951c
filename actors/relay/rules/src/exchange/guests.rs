//! How much of another domain is carried out at once.

use std::collections::BTreeMap;

/// How many requests of one domain are carried out at once, and what the others are told.
#[derive(Clone, Debug)]
pub struct Guests<D> {
    inside: BTreeMap<D, usize>,
}

impl<D> Default for Guests<D> {
    fn default() -> Self {
        Self {
            inside: BTreeMap::new(),
        }
    }
}

impl<D: Ord + Clone> Guests<D> {
    /// Lets one in, if there are fewer than `most` of that domain.
    pub fn enter(&mut self, domain: &D, most: usize) -> bool {
        let inside = self.inside.entry(domain.clone()).or_default();
        if *inside >= most {
            return false;
        }
        *inside += 1;
        true
    }

    /// One has gone.
    pub fn leave(&mut self, domain: &D) {
        if let Some(inside) = self.inside.get_mut(domain) {
            *inside = inside.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_domain_takes_the_places_of_another() {
        let mut guests = Guests::default();
        assert!(guests.enter(&"a", 2) && guests.enter(&"a", 2) && !guests.enter(&"a", 2));
        assert!(guests.enter(&"b", 2));
        guests.leave(&"a");
        assert!(guests.enter(&"a", 2));
    }
}
