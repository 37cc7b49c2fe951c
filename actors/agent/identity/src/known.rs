//! The histories of a bundle, each checked once: forks found, and held against what the
//! verifier himself has seen before.

use std::collections::BTreeMap;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use crate::bundle::Proofs;
use crate::fork::{Fork, Relation, Settled, compare};
use crate::history::{History, HistoryError, VerifiedHistory};
use crate::trust::Verifier;

/// Why a history cannot be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryProblem {
    /// There is none.
    #[error("there is no key history")]
    Missing,
    /// It does not hold.
    #[error(transparent)]
    Broken(#[from] HistoryError),
    /// It ends before an event that the verifier has seen.
    #[error("the key history ends at event {given}, but event {seen} is known here")]
    OlderThanKnown {
        /// Its last event.
        given: u64,
        /// What the verifier has seen.
        seen: u64,
    },
    /// It says something else than what the verifier has seen.
    #[error("the key history contradicts what was seen before: it is disputed")]
    Contradicts,
    /// Whether it is the newest was confirmed too long ago, or never.
    #[error("whether the key history is complete was not confirmed lately; connect once")]
    NotFresh,
}

impl HistoryProblem {
    /// The stable code for users.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Missing | Self::OlderThanKnown { .. } | Self::NotFresh => ErrorCode::BrokenHistory,
            Self::Broken(e) => e.code(),
            Self::Contradicts => ErrorCode::Disputed,
        }
    }
}

/// Everybody's checked history.
#[derive(Clone, Debug, Default)]
pub struct Known(BTreeMap<IdentityId, Result<VerifiedHistory, HistoryProblem>>);

impl Known {
    /// Checks the histories of some proofs.
    pub fn check(proofs: &Proofs, verifier: &Verifier) -> Self {
        let mut longest: BTreeMap<IdentityId, &History> = BTreeMap::new();
        let mut forks: Vec<Fork> = proofs.forks.clone();
        for history in &proofs.histories {
            let id = history.id();
            match longest.get(&id).and_then(|known| compare(known, history)) {
                None | Some(Relation::SecondLonger) => {
                    longest.insert(id, history);
                }
                Some(Relation::Same | Relation::FirstLonger) => {}
                Some(Relation::Forked(_)) => {
                    if let Some(known) = longest.get(&id) {
                        forks.push(Fork {
                            one: (*known).clone(),
                            other: history.clone(),
                        });
                    }
                }
            }
        }
        let mut known: BTreeMap<_, Result<VerifiedHistory, HistoryProblem>> = longest
            .into_iter()
            .map(|(id, history)| {
                (
                    id,
                    history.verify(&verifier.domains).map_err(HistoryProblem::Broken),
                )
            })
            .collect();
        for fork in &forks {
            // A pair that does not hold proves nothing, against nobody.
            if let Ok(settled) = fork.settle(&verifier.domains) {
                let entry = known.entry(fork.id()).or_insert(Err(HistoryProblem::Missing));
                settle(entry, settled);
            }
        }
        for (id, entry) in &mut known {
            if let (Ok(history), Some(seen)) = (&*entry, verifier.heads.get(id)) {
                let problem = match history.at_event(seen.n) {
                    None => Some(HistoryProblem::OlderThanKnown {
                        given: history.now().n,
                        seen: seen.n,
                    }),
                    Some(state) if state.head != seen.head => Some(HistoryProblem::Contradicts),
                    Some(_) => None,
                };
                if let Some(problem) = problem {
                    *entry = Err(problem);
                }
            }
        }
        Self(known)
    }

    /// Somebody's history.
    ///
    /// # Errors
    /// [`HistoryProblem`].
    pub fn get(&self, id: &IdentityId) -> Result<&VerifiedHistory, HistoryProblem> {
        match self.0.get(id) {
            Some(Ok(history)) => Ok(history),
            Some(Err(problem)) => Err(*problem),
            None => Err(HistoryProblem::Missing),
        }
    }

    /// Those that hold.
    pub fn iter(&self) -> impl Iterator<Item = (&IdentityId, &VerifiedHistory)> {
        self.0
            .iter()
            .filter_map(|(id, history)| Some((id, history.as_ref().ok()?)))
    }
}

fn settle(entry: &mut Result<VerifiedHistory, HistoryProblem>, settled: Settled) {
    match settled {
        // The side that stands, unless a longer form of it is there already.
        Settled::Stands(stands) => {
            let longer = matches!(entry, Ok(h) if h.at_head(&stands.head()).is_some());
            if !longer {
                *entry = Ok(*stands);
            }
        }
        Settled::Disputed(common, n) => match entry {
            Ok(history) => history.dispute(n),
            Err(_) => *entry = Ok(*common),
        },
    }
}
