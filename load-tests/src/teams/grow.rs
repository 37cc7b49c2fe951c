//! Teams of a size, cold or warm.
//!
//! A cold one was filled by its founder alone: nobody else has ever committed, so every secret
//! must be sealed to each leaf. In a warm one, every [`STEP`]th member has committed: each lets
//! the next ones in, and the last of those goes on.

use telesphor_sealing::StagedOut;

use super::bare::Bare;
use super::ours::{Ours, Place};
use crate::error::{Result, odd};

/// In a warm team, one of so many members has committed.
pub(crate) const STEP: usize = 16;

/// How a tree came about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tree {
    Cold,
    Warm,
}

impl Tree {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warm => "warm",
        }
    }

    const fn step(self, n: usize) -> usize {
        match self {
            Self::Cold => n,
            // A small team is warm when everybody but one in three has committed.
            Self::Warm if n <= 3 * STEP => 3,
            Self::Warm => STEP,
        }
    }
}

/// How many come in each step until `n` sit there.
fn steps(n: usize, step: usize) -> impl Iterator<Item = usize> {
    (1..n).step_by(step).map(move |from| step.min(n - from))
}

/// Who of a team is kept, of those who came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The last author and the last to come.
    Two,
    /// The last of each step.
    OneOfEachStep,
    All,
}

/// The members of one of our teams that are kept, all at its last epoch; the last to come is last.
pub(crate) fn ours(place: &Place, n: usize, tree: Tree, keep: Keep) -> Result<Vec<Ours>> {
    let mut there = vec![Ours::new(place)];
    let mut founded = false;
    for come in steps(n, tree.step(n)) {
        let mut new: Vec<Ours> = (0..come).map(|_| Ours::new(place)).collect();
        let packages = new.iter_mut().map(Ours::package).collect::<Result<Vec<_>>>()?;
        let author = there.len() - 1;
        if keep == Keep::Two {
            there.drain(..author);
        }
        let letter = if founded {
            let author = there.len() - 1;
            let staged: StagedOut = there[author].stage(packages, Vec::new())?;
            for member in &mut there {
                member.follow(&staged)?;
            }
            staged.welcome
        } else {
            founded = true;
            there[0].found(packages)?
        };
        let letter = letter.ok_or_else(|| odd("no welcome"))?;
        let from = if keep == Keep::All { 0 } else { come - 1 };
        let mut new = new.split_off(from);
        new.iter_mut().try_for_each(|member| member.join(&letter))?;
        there.extend(new);
    }
    Ok(there)
}

/// The last author and the last to come of a team of bare openmls.
pub(crate) fn bare(suite: openmls::prelude::Ciphersuite, n: usize, tree: Tree) -> Result<[Bare; 2]> {
    let mut author = Bare::new(suite)?;
    author.found()?;
    let mut last: Option<Bare> = None;
    for come in steps(n, tree.step(n)) {
        let mut new = (0..come).map(|_| Bare::new(suite)).collect::<Result<Vec<_>>>()?;
        let packages = new.iter().map(Bare::package).collect::<Result<Vec<_>>>()?;
        if let Some(last) = last.take() {
            author = last;
        }
        let (_, welcome) = author.commit(packages, &[])?;
        author.merge_own()?;
        let mut joins = new.pop().ok_or_else(|| odd("nobody comes"))?;
        joins.join(&welcome.ok_or_else(|| odd("no welcome"))?)?;
        last = Some(joins);
    }
    Ok([author, last.ok_or_else(|| odd("a team of one"))?])
}
