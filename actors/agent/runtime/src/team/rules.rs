//! Who may change a team. Every member must come to the same verdict, or the team falls apart; so
//! it rests on the grant in the binding, on what the team's mailbox has shown in its order, and on
//! the order's own clock: nothing of this machine's.

use std::collections::HashSet;

use telesphor_clinical::roster::Roster;
use telesphor_sealing::{Change, Forbidden, Member};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::IdentityId;

use super::record::{Terms, View};
use super::{EARLY_MS, GRACE_MS};
use crate::core::Ctx;
use crate::error::Result;
use crate::people::Histories;

/// The policy of a team does not change.
const POLICY_CHANGED: Forbidden = Forbidden(4);
/// It rests on no roster that was said in the team.
const NO_BASIS: Forbidden = Forbidden(10);
/// The committer is not on duty by the roster it rests on, or was barred.
const OFF_DUTY: Forbidden = Forbidden(11);
/// A newcomer is not on duty by that roster, or was barred.
const NOT_ON_ROSTER: Forbidden = Forbidden(12);
/// The newcomer's leaf is not in the history of the identity it names.
const NOT_IN_HISTORY: Forbidden = Forbidden(13);
/// Somebody was to be removed who is on duty.
const ON_DUTY: Forbidden = Forbidden(14);
/// Access was to be longer than roster and grant allow.
const TOO_LONG: Forbidden = Forbidden(15);
/// Only the patient lets the patient's own devices in and out.
const PATIENTS_OWN: Forbidden = Forbidden(16);

/// What is needed to judge changes of one team at one moment.
pub(crate) struct TeamRules {
    terms: Terms,
    rosters: Vec<(Digest, Roster)>,
    barred: Vec<IdentityId>,
    newly_barred: Vec<IdentityId>,
    known: Histories,
    /// When the change was ordered, by the order's clock.
    stamp: u64,
    /// Until when the access shall run that it begins, if it is a commit.
    lease: Option<u64>,
}

impl TeamRules {
    /// Judges a change.
    pub(crate) fn judge(&self, change: &Change) -> std::result::Result<(), Forbidden> {
        if change.policy.is_some() {
            return Err(POLICY_CHANGED);
        }
        let by = change.by.member.identity;
        let patient = by == self.terms.patient;
        let basis = self.rosters.iter().find(|(id, roster)| {
            Some(*id) == change.why && self.stamp < roster.until.stamp().saturating_add(GRACE_MS)
        });
        let Some((_, roster)) = basis else {
            // The patient's own devices, and removals, rest on nobody else's word.
            let own = |m: &Member| m.identity == by && self.known.contain(m);
            return match patient && change.added.iter().all(own) {
                true => Ok(()),
                false => Err(NO_BASIS),
            };
        };
        if !patient {
            if !self.on_duty(roster, &by) {
                return Err(OFF_DUTY);
            }
            let bound = self.terms.end.min(roster.until.stamp());
            if self.lease.is_some_and(|lease| lease > bound) {
                return Err(TOO_LONG);
            }
        }
        for member in &change.added {
            self.may_come(roster, patient, member)?;
        }
        for seat in &change.removed {
            let who = seat.member.identity;
            let rejoins = change.rejoining().any(|m| *m == seat.member);
            let goes = patient || who == by || rejoins || !self.surely_on_duty(roster, &who);
            if who == self.terms.patient && !patient {
                return Err(PATIENTS_OWN);
            }
            if !goes {
                return Err(ON_DUTY);
            }
        }
        Ok(())
    }

    fn may_come(
        &self,
        roster: &Roster,
        by_patient: bool,
        member: &Member,
    ) -> std::result::Result<(), Forbidden> {
        let who = &member.identity;
        if *who == self.terms.patient {
            if !by_patient {
                return Err(PATIENTS_OWN);
            }
        } else if !self.on_duty(roster, who) {
            return Err(NOT_ON_ROSTER);
        }
        match self.known.contain(member) {
            true => Ok(()),
            false => Err(NOT_IN_HISTORY),
        }
    }

    /// On duty, as widely as clocks may differ.
    fn on_duty(&self, roster: &Roster, who: &IdentityId) -> bool {
        let early = EARLY_MS + GRACE_MS;
        !self.barred.contains(who) && roster.on_duty(who, &self.terms.role, self.stamp, early, GRACE_MS)
    }

    /// On duty, however clocks differ: nobody may put such a one out.
    fn surely_on_duty(&self, roster: &Roster, who: &IdentityId) -> bool {
        if self.barred.contains(who) || self.newly_barred.contains(who) {
            return false;
        }
        roster.turns(who, &self.terms.role).any(|turn| {
            let (from, until) = (turn.from.stamp(), turn.until.stamp());
            let edge = GRACE_MS.min(until.saturating_sub(from) / 4);
            from <= self.stamp && self.stamp < until.saturating_sub(edge)
        })
    }
}

impl Ctx<'_, '_> {
    /// The rules of a team, as its mailbox has shown it, for a change ordered at `stamp`.
    pub(crate) fn team_rules(
        &self,
        view: View,
        terms: Terms,
        stamp: u64,
        lease: Option<u64>,
    ) -> Result<TeamRules> {
        let mut people: HashSet<IdentityId> = HashSet::from([terms.patient]);
        for signed in &view.rosters {
            let of_role = signed
                .roster
                .entries
                .iter()
                .filter(|e| e.role.as_str() == terms.role);
            people.extend(of_role.map(|e| e.person));
        }
        let known = self.histories(people)?;
        Ok(TeamRules {
            terms,
            rosters: view
                .rosters
                .into_iter()
                .map(|r| (r.roster.id(), r.roster))
                .collect(),
            barred: view.barred,
            newly_barred: view.newly_barred,
            known,
            stamp,
            lease,
        })
    }
}
