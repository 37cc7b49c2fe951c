//! Key histories that were verified before.
//!
//! Whether a history holds depends on its bytes and on the home domain's record, and on nothing
//! else: no clock, no list. So it is verified once in a run of the program and looked up from then
//! on, by a hash over all of both. What does depend on time (status lists, attestations, turns)
//! is judged each time, by the state that the history gives.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use telesphor_identity::evidence::Domains;
use telesphor_identity::history::{History, HistoryError, VerifiedHistory};
use telesphor_wire::domain::DomainRecord;
use telesphor_wire::hash::{Digest, hash, hash_bytes};
use telesphor_wire::labels::HashLabel;

/// Bytes of histories that are remembered; in memory each takes some times as much.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A history with what its verification gave.
pub(crate) type Known = Arc<(History, VerifiedHistory)>;

/// The memory. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Verified(Arc<Mutex<Memory>>);

#[derive(Default)]
struct Memory {
    good: HashMap<Digest, Known>,
    /// As they came, with their sizes: the oldest goes first.
    order: VecDeque<(Digest, usize)>,
    bytes: usize,
    /// How many were verified, for tests.
    #[cfg(test)]
    verified: u64,
}

impl Verified {
    /// The history of these bytes, verified now or before. One that does not hold is refused anew
    /// each time.
    ///
    /// # Errors
    /// As [`History::verify`].
    pub(crate) fn history(&self, home: &DomainRecord, bytes: &[u8]) -> Result<Known, HistoryError> {
        let parts = (
            "verified history",
            hash(HashLabel::Original, home),
            hash_bytes(HashLabel::Original, bytes),
        );
        let name = hash(HashLabel::Original, &parts);
        if let Some(known) = self.memory(|memory| memory.good.get(&name).cloned()) {
            return Ok(known);
        }
        let history = History::from_bytes(bytes)?;
        let verified = history.verify(&Domains::from_iter([home.clone()]))?;
        let known = Arc::new((history, verified));
        self.memory(|memory| memory.keep(name, bytes.len(), known.clone()));
        Ok(known)
    }

    fn memory<T>(&self, f: impl FnOnce(&mut Memory) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many histories were verified so far.
    #[cfg(test)]
    pub(crate) fn count(&self) -> u64 {
        self.memory(|memory| memory.verified)
    }
}

impl Memory {
    fn keep(&mut self, name: Digest, size: usize, known: Known) {
        #[cfg(test)]
        {
            self.verified += 1;
        }
        if self.good.insert(name, known).is_some() {
            return;
        }
        self.order.push_back((name, size));
        self.bytes += size;
        while self.bytes > MAX_BYTES {
            let Some((oldest, size)) = self.order.pop_front() else {
                break;
            };
            self.good.remove(&oldest);
            self.bytes -= size;
        }
    }
}

/// What is remembered is nobody's business, and makes no difference between two profiles.
impl std::fmt::Debug for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verified")
    }
}

impl PartialEq for Verified {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Verified {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use telesphor_vault::{Records, Table};
    use telesphor_wire::error::ErrorCode;

    use super::*;
    use crate::testing::Paper;

    #[test]
    fn the_same_history_is_verified_for_every_event() {
        let mut paper = Paper::new();
        let (mut aino, mut doctor) = (paper.person("aino"), paper.person("doctor"));
        paper.tell(&mut aino, &mut doctor, crate::testing::Told::Both);
        let who = doctor.profile.identity;
        let before = {
            aino.write(|ctx| ctx.history(&who)).unwrap().unwrap();
            aino.profile.verified.count()
        };
        for _ in 0..10 {
            aino.write(|ctx| ctx.history(&who)).unwrap().unwrap();
            let people = crate::people::history(&aino.read().unwrap(), &aino.profile, &who);
            people.unwrap().unwrap();
        }
        assert_eq!(aino.profile.verified.count(), before);
    }

    #[test]
    fn a_history_counts_as_verified_although_a_bit_of_it_or_the_domain_is_another() {
        let mut paper = Paper::new();
        let mut aino = paper.person("aino");
        let bytes = aino.write(|ctx| ctx.my_history()).unwrap();
        let (memory, home) = (Verified::default(), aino.profile.record().clone());
        memory.history(&home, &bytes).unwrap();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            // Refused, or a history of its own that was verified for itself.
            let count = memory.count();
            if memory.history(&home, &other).is_ok() {
                assert_eq!(memory.count(), count + 1, "byte {at}");
            }
        }
        let mut elsewhere = home.clone();
        elsewhere.domain = "elsewhere.example".parse().unwrap();
        let count = memory.count();
        memory.history(&elsewhere, &bytes).unwrap();
        assert_eq!(memory.count(), count + 1);
    }

    #[test]
    fn a_history_that_was_damaged_in_the_vault_goes_on_counting() {
        let mut paper = Paper::new();
        let (mut aino, mut doctor) = (paper.person("aino"), paper.person("doctor"));
        paper.tell(&mut aino, &mut doctor, crate::testing::Told::Both);
        let who = doctor.profile.identity;
        aino.write(|ctx| ctx.history(&who)).unwrap().unwrap();
        aino.write(|ctx| Ok(ctx.tx.put(Table::Histories, &who.0, b"no history")?))
            .unwrap();
        let looked = aino.write(|ctx| ctx.history(&who)).unwrap_err();
        assert_eq!(looked.code, ErrorCode::Malformed);
        assert!(aino.read().unwrap().contains(Table::Histories, &who.0).unwrap());
    }

    #[test]
    fn strangers_fill_the_memory_without_end() {
        let mut paper = Paper::new();
        let mut aino = paper.person("aino");
        let bytes = aino.write(|ctx| ctx.my_history()).unwrap();
        let (memory, mut home) = (Verified::default(), aino.profile.record().clone());
        for n in 0..MAX_BYTES / bytes.len() + 10 {
            home.domain = format!("d{n}.example").parse().unwrap();
            memory.history(&home, &bytes).unwrap();
        }
        let (kept, size) = memory.memory(|m| (m.good.len(), m.bytes));
        assert!(size <= MAX_BYTES && kept == MAX_BYTES / bytes.len());
        memory.memory(|m| assert_eq!(m.order.len(), m.good.len()));
    }
}
