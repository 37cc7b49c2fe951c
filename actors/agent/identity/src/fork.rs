//! Forks: two histories of one identity. Each shows that keys are in two hands, or that the
//! owner lies; the pair is evidence that anybody can check.

use serde::{Deserialize, Serialize};
use telesphor_wire::ids::IdentityId;

use crate::event::Change;
use crate::evidence::Domains;
use crate::history::{History, HistoryError, VerifiedHistory};

/// Two histories that part: portable evidence of a dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// One.
    pub one: History,
    /// The other.
    pub other: History,
}

/// How two histories of one identity lie to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// They are equal.
    Same,
    /// The first goes on where the second ends.
    FirstLonger,
    /// The second goes on where the first ends.
    SecondLonger,
    /// They part at event `n`.
    Forked(u64),
}

/// How two histories lie to each other. Neither is checked here.
pub fn compare(one: &History, other: &History) -> Option<Relation> {
    if one.inception != other.inception {
        return None;
    }
    let parted = one
        .events
        .iter()
        .zip(&other.events)
        .position(|(a, b)| a.event != b.event);
    Some(match parted {
        Some(at) => Relation::Forked(at as u64 + 1),
        None => match one.events.len().cmp(&other.events.len()) {
            std::cmp::Ordering::Equal => Relation::Same,
            std::cmp::Ordering::Greater => Relation::FirstLonger,
            std::cmp::Ordering::Less => Relation::SecondLonger,
        },
    })
}

/// What a fork means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// One side goes on with the keys that were committed to before the fork: it stands.
    Stands(Box<VerifiedHistory>),
    /// Neither or both do: nothing signed from event `n` on counts. The history given is that of
    /// the common part, marked so.
    Disputed(Box<VerifiedHistory>, u64),
}

/// Why a pair of histories shows no fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoFork {
    /// They are not two histories of one identity, or do not part.
    #[error("the two histories do not contradict each other")]
    Agree,
    /// One of them does not hold by itself, so it proves nothing.
    #[error("one of the two histories does not hold: {0}")]
    Broken(#[from] HistoryError),
}

impl Fork {
    /// Whose.
    pub fn id(&self) -> IdentityId {
        self.one.id()
    }

    /// Checks both sides and says where they part and what counts.
    ///
    /// A side stands if, from the fork on, it contains a rotation: only the key committed to
    /// before the fork can have signed it, and the current key, which may be stolen, cannot.
    ///
    /// # Errors
    /// [`NoFork`].
    pub fn settle(&self, domains: &Domains) -> Result<Settled, NoFork> {
        let Some(Relation::Forked(n)) = compare(&self.one, &self.other) else {
            return Err(NoFork::Agree);
        };
        let one = self.one.verify(domains)?;
        let other = self.other.verify(domains)?;
        let rotates = |history: &History| {
            let from = usize::try_from(n - 1).unwrap_or(usize::MAX);
            history
                .events
                .iter()
                .skip(from)
                .any(|e| matches!(e.event.change, Change::Rotate(_)))
        };
        match (rotates(&self.one), rotates(&self.other)) {
            (true, false) => Ok(Settled::Stands(Box::new(one))),
            (false, true) => Ok(Settled::Stands(Box::new(other))),
            _ => {
                let mut common = one;
                common.dispute(n);
                Ok(Settled::Disputed(Box::new(common), n))
            }
        }
    }
}
