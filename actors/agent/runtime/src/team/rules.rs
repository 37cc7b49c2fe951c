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
            // As far as was told: the change that puts a device out says before that it has ended.
            let ended = self.known.ended(&seat.member);
            let goes = patient || who == by || rejoins || ended || !self.surely_on_duty(roster, &who);
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use telesphor_clinical::instant::{Clock, Instant};
    use telesphor_clinical::roster::{RosterEntry, RosterSource};
    use telesphor_clinical::text::Text;
    use telesphor_sealing::Seat;
    use telesphor_wire::ext::Extensions;
    use telesphor_wire::sign::SigningKey;

    use super::*;

    const NOW: u64 = 1_800_000_000_000;
    const HOUR: u64 = 3_600_000;

    fn member(n: u8) -> Member {
        Member {
            identity: IdentityId([n; 32]),
            endpoint: SigningKey::generate().public(),
            leaf: SigningKey::generate().public(),
        }
    }

    fn seat(index: u32, member: &Member) -> Seat {
        Seat {
            index,
            member: member.clone(),
            expires: None,
        }
    }

    fn at(ms: u64) -> Instant {
        Instant::now_of(ms, 0, Clock::Device)
    }

    #[test]
    fn a_device_that_has_ended_stays_because_its_person_is_on_duty() {
        let (patient, maria, pekka) = (member(1), member(2), member(3));
        let turn = |who: &Member| RosterEntry {
            person: who.identity,
            name: Text::default(),
            role: Text::from("nurse"),
            place: Text::default(),
            from: at(NOW - HOUR),
            until: at(NOW + 8 * HOUR),
            source: RosterSource::Shift,
            approved_by: None,
        };
        let roster = Roster {
            version: 1,
            organisation: IdentityId([9; 32]),
            head: Digest([0; 32]),
            endpoint: SigningKey::generate().public(),
            edition: 1,
            issued: at(NOW),
            until: at(NOW + 48 * HOUR),
            entries: vec![turn(&maria), turn(&pekka)],
            ext: Extensions::none(),
        };
        let change = Change {
            by: seat(1, &pekka),
            why: Some(roster.id()),
            added: Vec::new(),
            removed: vec![seat(2, &maria)],
            proposed_by: Vec::new(),
            policy: None,
            rewind: false,
        };
        let all = [patient.clone(), maria.clone(), pekka.clone()];
        let mut rules = TeamRules {
            terms: Terms {
                patient: patient.identity,
                organisation: roster.organisation,
                role: "nurse".into(),
                scopes: telesphor_clinical::scope::Scopes::none(),
                end: NOW + 24 * HOUR,
            },
            rosters: vec![(roster.id(), roster)],
            barred: Vec::new(),
            newly_barred: Vec::new(),
            known: Histories::said(&all, &all),
            stamp: NOW,
            lease: Some(NOW + 24 * HOUR),
        };
        assert_eq!(rules.judge(&change), Err(ON_DUTY), "one that stands stays");
        rules.known = Histories::said(&all, &[patient.clone(), pekka.clone()]);
        assert_eq!(rules.judge(&change), Ok(()));
        // The patient's own devices are hers, whatever became of them.
        rules.known = Histories::said(&all, &[pekka]);
        let hers = Change {
            removed: vec![seat(0, &patient)],
            ..change
        };
        assert_eq!(rules.judge(&hers), Err(PATIENTS_OWN));
    }
}
