//! What the clock brings to an organisation's desk: letters go to whoever holds the role now, and
//! on to the next role when their time has come.
//!
//! The times stand in the letters, and the step in the vault together with what leaves by it: a
//! desk that was killed anywhere goes on exactly where it was.

use telesphor_clinical::role::{PassedWhy, RoleCopy, RoleLetter, RolePassed, RoleWant, RoleWord};
use telesphor_wire::ids::IdentityId;

use super::record::{Desk, Given, Passed, open_desk};
use crate::core::Ctx;
use crate::error::Result;

/// How long a letter that nobody takes is given to whoever comes on duty, milliseconds.
const OPEN_MS: u64 = 7 * 24 * 3600 * 1000;
/// How long a copy is waited for before it is asked for again, milliseconds.
const WANT_AGAIN_MS: u64 = 10 * 60 * 1000;

impl Desk {
    fn step(&self) -> usize {
        usize::try_from(self.letter.at).unwrap_or(usize::MAX)
    }

    /// By when somebody must have accepted it, where it stands.
    fn due(&self) -> Option<u64> {
        let step = self.letter.steps.get(self.step())?;
        step.by.as_ref().map(telesphor_clinical::instant::Instant::stamp)
    }

    /// Why it must go on, if it must.
    fn goes_on(&self, now: u64) -> Option<PassedWhy> {
        let next = self.letter.steps.get(self.step() + 1).is_some();
        if !next || self.taken.is_some() {
            return None;
        }
        let mut here = self.given.iter().filter(|g| g.step == self.letter.at).peekable();
        let asked = here.peek().is_some();
        if asked && here.all(|g| self.declined.contains(&g.person)) {
            return Some(PassedWhy::Declined);
        }
        self.due().is_some_and(|by| by <= now).then_some(PassedWhy::Late)
    }
}

impl Ctx<'_, '_> {
    /// Looks at every letter at this desk, and at those written here whose keys have not come;
    /// gives when it must be done again, Unix milliseconds.
    pub(crate) fn tend_roles(&mut self) -> Result<u64> {
        self.offer_role_keys()?;
        let mut next = self.ask_again()?;
        let letters = open_desk(self.tx)?;
        if letters.is_empty() {
            return Ok(next);
        }
        let me = self.me();
        for mut desk in letters {
            if desk.arrived.saturating_add(OPEN_MS) <= self.now {
                desk.over = true;
                self.put_desk(&desk)?;
                continue;
            }
            let earlier = match &desk.letter.follows {
                Some(letter) => self.desk(letter)?,
                None => None,
            };
            // Only its own sender corrects a letter.
            let earlier = earlier.filter(|e| e.letter.from == desk.letter.from);
            let also = earlier.map(|e| e.readers()).unwrap_or_default();
            self.tend_letter(&mut desk, &also)?;
            let due = desk.due().filter(|by| *by > self.now && desk.taken.is_none());
            next = next.min(due.unwrap_or(u64::MAX));
        }
        // Whoever comes on duty is given what nobody has taken.
        for entry in self.roster(&me)?.iter().flat_map(|s| &s.roster.entries) {
            let from = entry.from.stamp();
            if from > self.now {
                next = next.min(from);
            }
        }
        Ok(next)
    }

    fn tend_letter(&mut self, desk: &mut Desk, also: &[IdentityId]) -> Result<()> {
        let mut changed = self.give(desk, also)?;
        while let Some(why) = desk.goes_on(self.now) {
            desk.letter.at += 1;
            let passed = Passed {
                to: desk.letter.at,
                at: self.now,
                why,
            };
            desk.passed.push(passed);
            let word = RolePassed {
                letter: desk.letter.letter,
                to: passed.to,
                at: self.instant(),
                why,
            };
            self.tell_role(&desk.letter.from, RoleWord::Passed(word))?;
            self.give(desk, &[])?;
            changed = true;
        }
        match changed {
            true => self.put_desk(desk),
            false => Ok(()),
        }
    }

    /// Gives a letter to everybody who holds its role now and has not got it. Whether anything
    /// was done.
    fn give(&mut self, desk: &mut Desk, also: &[IdentityId]) -> Result<bool> {
        let (me, step) = (self.me(), desk.step());
        let Some(role) = desk.letter.steps.get(step).map(|s| s.role.as_str().to_owned()) else {
            return Ok(false);
        };
        let roster = self.roster(&me)?;
        let mut people: Vec<IdentityId> = also.to_vec();
        if desk.taken.is_none() {
            let entries = roster.iter().flat_map(|s| &s.roster.entries);
            let on_duty = entries.filter(|e| {
                e.role.as_str() == role && e.from.stamp() <= self.now && self.now < e.until.stamp()
            });
            people.extend(on_duty.map(|e| e.person));
        }
        people.sort_unstable();
        people.dedup();
        let (mut changed, mut missing) = (false, Vec::new());
        for person in people {
            let copies: Vec<RoleCopy> = desk
                .letter
                .copies
                .iter()
                .filter(|c| c.person == person)
                .filter(|c| !desk.given.iter().any(|g| g.endpoint == c.endpoint))
                .cloned()
                .collect();
            for key in self.readers_keys()? {
                let (who, endpoint) = (key.key.person, key.key.endpoint);
                let sealed = desk.letter.copies.iter().any(|c| c.endpoint == endpoint);
                let asked = desk
                    .wanted
                    .iter()
                    .any(|(e, at)| *e == endpoint && self.now < at.saturating_add(WANT_AGAIN_MS));
                if who == person && !sealed && !asked {
                    missing.push(key);
                }
            }
            if copies.is_empty() {
                continue;
            }
            changed = true;
            desk.given.extend(copies.iter().map(|c| Given {
                person,
                endpoint: c.endpoint,
                step: desk.letter.at,
            }));
            let letter = RoleLetter {
                copies,
                ..desk.letter.clone()
            };
            self.tell_role(&person, RoleWord::Letter(Box::new(letter)))?;
            for evidence in desk.evidence.clone() {
                self.tell_role(&person, RoleWord::Evidence(evidence))?;
            }
        }
        if !missing.is_empty() {
            changed = true;
            for key in &missing {
                desk.wanted.retain(|(e, _)| *e != key.key.endpoint);
                desk.wanted.push((key.key.endpoint, self.now));
            }
            let want = RoleWant {
                letter: desk.letter.letter,
                proofs: self.proofs_of_readers(&missing)?,
                keys: missing,
            };
            // Its sender can seal it, too, when nobody has got it yet.
            let sender = desk.letter.from;
            self.tell_roster_elsewhere(&sender)?;
            for who in desk.readers().into_iter().chain([sender]) {
                self.tell_role(&who, RoleWord::Want(Box::new(want.clone())))?;
            }
        }
        Ok(changed)
    }
}
