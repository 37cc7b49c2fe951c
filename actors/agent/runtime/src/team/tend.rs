//! What the clock brings: turns that begin and end, seats that never came, teams that open again.

use telesphor_sealing::{GroupSession, Standing as Group};
use telesphor_vault::Table;
use telesphor_wire::ids::MailboxId;

use super::EARLY_MS;
use super::line::lengthened_at;
use super::record::{Known, Standing, closed_name};
use crate::core::records::Held;
use crate::core::{Core, Ctx};
use crate::error::Result;

/// The longest that nothing is looked at, milliseconds.
const AT_LEAST_MS: u64 = 3600 * 1000;
/// Teams brought in line in one transaction.
const LINES_AT_ONCE: usize = 8;
/// The shortest time between two looks, milliseconds.
const AT_MOST_MS: u64 = 250;

impl Core {
    /// Which of these mailboxes are followed here and wait for their owner's rewind.
    pub(crate) fn wedged(&self, mailboxes: &[MailboxId]) -> Result<Vec<MailboxId>> {
        let snapshot = self.read()?;
        let mut wedged = Vec::new();
        for mailbox in mailboxes.iter().filter(|m| self.index.followed.contains_key(m)) {
            let standing = self.look_group(&snapshot, mailbox, GroupSession::standing)?;
            if standing == Some(Group::Wedged) {
                wedged.push(*mailbox);
            }
        }
        Ok(wedged)
    }

    /// Looks at the teams if that is due; gives in how many milliseconds it is due again, and whether
    /// a team was brought in line: whoever waits for that is told.
    pub(crate) fn tend_teams(&mut self) -> Result<(u64, bool)> {
        let now = (self.clock)();
        if now >= self.index.teams_at {
            let next = self.write(|ctx| ctx.tend_teams())?;
            self.index.teams_at = next.clamp(now + AT_MOST_MS, now + AT_LEAST_MS);
        }
        let waiting = self.index.lines.len() + self.index.papers.len();
        let due = self.lines_now(now)?.min(self.say_papers(now)?);
        let pause = self.index.teams_at.min(due).saturating_sub(now);
        let waits = self.index.lines.len() + self.index.papers.len();
        Ok((pause, waits != waiting))
    }

    /// Brings those teams in line whose time has come, a few in each transaction; gives when the
    /// next one is due, Unix milliseconds.
    fn lines_now(&mut self, now: u64) -> Result<u64> {
        let due = self.index.lines.iter().filter(|(_, (_, at))| *at <= now);
        let due: Vec<MailboxId> = due.map(|(mailbox, _)| *mailbox).collect();
        for some in due.chunks(LINES_AT_ONCE) {
            some.iter()
                .for_each(|mailbox| _ = self.index.lines.remove(mailbox));
            self.write(|ctx| some.iter().try_for_each(|mailbox| ctx.line_now(mailbox)))?;
        }
        Ok(self
            .index
            .lines
            .values()
            .map(|(_, at)| *at)
            .min()
            .unwrap_or(u64::MAX))
    }
}

impl Ctx<'_, '_> {
    /// Looks at every team; gives when it must be looked at again, Unix milliseconds.
    fn tend_teams(&mut self) -> Result<u64> {
        let mut next = self.tend_roles()?;
        for Known { team, terms } in self.teams()? {
            match team.standing {
                Standing::Over => continue,
                Standing::Called => self.want_seat(&team.mailbox)?,
                Standing::Own | Standing::Sitting => {
                    self.reopen(&team.mailbox)?;
                    self.team_line(&team.mailbox)?;
                }
            }
            let open_at: Option<u64> = self.get(Table::Groups, &closed_name(&team.mailbox))?;
            next = next.min(open_at.unwrap_or(u64::MAX));
            let roster = self.roster(&terms.organisation)?;
            if let (Some(held), Some(signed)) =
                (self.get::<Held>(Table::Mailboxes, &team.mailbox.0)?, &roster)
            {
                let longer = held.lease < terms.end.min(signed.roster.until.stamp());
                let at = lengthened_at(held.lease, signed);
                next = next.min(if longer && at > self.now { at } else { u64::MAX });
            }
            for entry in roster.iter().flat_map(|s| &s.roster.entries) {
                if entry.role.as_str() != terms.role {
                    continue;
                }
                let edges = [entry.from.stamp().saturating_sub(EARLY_MS), entry.until.stamp()];
                let to_come = edges.into_iter().filter(|at| *at > self.now);
                next = next.min(to_come.min().unwrap_or(u64::MAX));
            }
        }
        Ok(next)
    }

    /// Asks for every seat that this person may have and has not.
    pub(crate) fn want_all_seats(&mut self) -> Result<()> {
        let all: Vec<MailboxId> = self.teams()?.into_iter().map(|k| k.team.mailbox).collect();
        for mailbox in all {
            self.want_seat(&mailbox)?;
            self.team_line(&mailbox)?;
        }
        Ok(())
    }
}
