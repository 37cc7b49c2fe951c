//! A member made a change that has no effect and wedged the team: its owner leads it back, without
//! that member.

use serde::{Deserialize, Serialize};
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::team::TeamWord;
use telesphor_sealing::{RewindPlan, Void};
use telesphor_vault::Table;
use telesphor_wire::command::OwnerAct;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::Policy;

use super::record::{Known, Standing, broken_name, closed_name};
use crate::core::Ctx;
use crate::core::records::{Held, Job};
use crate::error::Result;
use crate::group::policy::Rules;
use crate::group::rows::Rows;

/// How long after a repair only the patient changes a team, where nobody knows who broke it. It
/// is short, because a phone may go off meanwhile and a change of shift must not wait for it; whoever
/// breaks it again and again makes it longer.
const CLOSED_MS: u64 = 45 * 1000;
/// The longest.
const CLOSED_MOST_MS: u64 = 3600 * 1000;
/// After so long without another one it is short again.
const FORGIVEN_MS: u64 = 24 * 3600 * 1000;

/// How often a team was broken by nobody knows whom, and when last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Broken {
    times: u32,
    last: u64,
}

impl Broken {
    /// Once more, at this instant; gives how long the team stays closed.
    fn again(&mut self, now: u64) -> u64 {
        if self.last.saturating_add(FORGIVEN_MS) < now {
            self.times = 0;
        }
        self.times = self.times.saturating_add(1);
        self.last = now;
        let doublings = (self.times - 1).min(16);
        (CLOSED_MS << doublings).min(CLOSED_MOST_MS)
    }
}

impl Ctx<'_, '_> {
    /// A change won its epoch and has no effect. The owner rewinds, puts out whoever made it, and
    /// bars that one from coming back by the roster.
    pub(crate) fn team_void(&mut self, held: &Held, void: &Void) -> Result<()> {
        self.note_trouble(held, ErrorCode::VoidCommit)?;
        self.drop_commits(&held.id)?;
        let Some(Known { team, terms }) = self.team(&held.id)? else {
            return Ok(());
        };
        if team.standing != Standing::Own || void.reason.blames_relay() {
            return Ok(());
        }
        let Some(session) = self.lend_group(&held.id)? else {
            return Ok(());
        };
        if session.pending().is_some() {
            return Ok(());
        }
        let me = self.me();
        let insider = void.by.clone().filter(|seat| seat.member.identity != me);
        let remove: Vec<u32> = insider.iter().map(|seat| seat.index).collect();
        let roster = self.roster(&terms.organisation)?;
        let until = roster.as_ref().map_or(terms.end, |s| s.roster.until.stamp());
        let plan = RewindPlan {
            add: Vec::new(),
            remove,
            why: roster.map_or(Digest([0; 32]), |s| s.roster.id()),
            lease: terms.end.min(until),
        };
        let view = self.team_view(&held.id)?;
        let rules = Rules::of_team(self.team_rules(view.clone(), terms, self.now, None)?);
        let judge = |change: &telesphor_sealing::Change| rules.judge(change);
        let step = session.stage_rewind(&Rows(self.tx), &self.keys.member, &plan, &judge)?;
        let staged = self.write_group(step)?;
        let act = OwnerAct::Rewind(Box::new(staged.rewind));
        self.enqueue_act(held.id, act, Job::Nothing(true), None)?;
        let open_at = match &insider {
            // Who did it is gone: the others need not wait.
            Some(_) => self.now,
            None => {
                let name = broken_name(&held.id);
                let mut broken: Broken = self.get(Table::Groups, &name)?.unwrap_or_default();
                let closed = broken.again(self.now);
                self.put(Table::Groups, &name, &broken)?;
                self.now + closed
            }
        };
        self.put(Table::Groups, &closed_name(&held.id), &open_at)?;
        if let Some(seat) = insider {
            let who = seat.member.identity;
            let mut view = view;
            if !view.barring.contains(&who) {
                view.barring.push(who);
            }
            self.put_view(&held.id, &view)?;
            // Sealed once the team stands again. It counts where it stands in the order, for
            // everybody alike.
            self.say_in_team(held.id, &GroupMessage::Team(TeamWord::Barred(who)))?;
        }
        Ok(())
    }

    /// The rewind has won.
    pub(crate) fn healed(&mut self, held: &Held) -> Result<()> {
        self.fx.teams = true;
        self.reopen(&held.id)
    }

    /// Lets the members change the team again, if its time has come.
    pub(crate) fn reopen(&mut self, mailbox: &MailboxId) -> Result<()> {
        let at: Option<u64> = self.get(Table::Groups, &closed_name(mailbox))?;
        if at.is_some_and(|at| at <= self.now) {
            self.tx.delete(Table::Groups, &closed_name(mailbox))?;
            let act = OwnerAct::SetPolicy(Policy::standard());
            self.enqueue_act(*mailbox, act, Job::Nothing(true), None)?;
        }
        Ok(())
    }

    /// The patient has barred somebody from this team.
    pub(crate) fn barred(&mut self, mailbox: &MailboxId, who: telesphor_wire::ids::IdentityId) -> Result<()> {
        let mut view = self.team_view(mailbox)?;
        if !view.all_barred().contains(&who) {
            view.newly_barred.push(who);
            self.put_view(mailbox, &view)?;
        }
        self.team_line(mailbox)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_stays_closed_longer_than_a_minute_at_first_or_for_ever_after_many() {
        let (mut broken, mut now) = (Broken::default(), 1_000_000_000_000);
        let mut closed = Vec::new();
        for _ in 0..40 {
            now += 1_000;
            closed.push(broken.again(now));
        }
        assert!(closed[0] < 60_000);
        assert!(closed.windows(2).all(|w| w[0] <= w[1]), "{closed:?}");
        assert_eq!(closed[39], CLOSED_MOST_MS);
        assert_eq!(broken.again(now + FORGIVEN_MS + 1), CLOSED_MS);
    }
}
