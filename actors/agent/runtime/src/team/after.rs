//! What follows a change of a team: seats are given, what can no longer win is taken back.

use telesphor_clinical::message::Welcome;
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_clinical::team::{TeamSeat, TeamWord};
use telesphor_sealing::Moved;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::mailbox::Cursor;

use super::record::{Known, TeamLetter, change_name, letter_name};
use crate::core::records::{Entry, Held, Job, MailboxState, What};
use crate::core::{Ctx, names};
use crate::error::Result;
use crate::group::rows::Rows;

impl Ctx<'_, '_> {
    /// A team has moved on: whoever came is shown what is shown there, and it is looked at again.
    pub(crate) fn team_moved(&mut self, held: &Held, moved: &Moved, at: &Cursor, stamp: u64) -> Result<()> {
        let mut view = self.team_view(&held.id)?;
        view.settle();
        self.put_view(&held.id, &view)?;
        for member in &moved.change.added {
            self.drop_ask(&held.id, &member.endpoint)?;
        }
        self.listen_for_all(held)?;
        self.hold_papers(&held.id, stamp)?;
        self.announce(&held.id, held.branch, held.epoch)?;
        self.note_change(held, moved)?;
        if moved.own {
            self.give_seats(held, at)?;
        } else {
            self.drop_commits(&held.id)?;
        }
        if moved.own && !moved.change.added.is_empty() {
            self.team_say_documents(&held.id, &view.shown)?;
        }
        if moved.change.rewind && moved.own {
            self.healed(held)?;
        }
        self.team_line(&held.id)
    }

    fn give_seats(&mut self, held: &Held, at: &Cursor) -> Result<()> {
        let waiting: Option<TeamLetter> = self.get(Table::Groups, &letter_name(&held.id))?;
        self.tx.delete(Table::Groups, &letter_name(&held.id))?;
        let (Some(waiting), Some(Known { terms, .. })) = (waiting, self.team(&held.id)?) else {
            return Ok(());
        };
        let seats = self.seats(&held.id)?;
        let view = self.team_view(&held.id)?;
        let mut people: Vec<IdentityId> = seats.iter().map(|s| s.member.identity).collect();
        people.extend(self.authors(&view)?);
        let basis = self.basis(&terms, &view, people)?;
        let welcome: Welcome = self.welcome_of(held, terms.patient, &waiting.letter, *at);
        let me = self.me();
        let (own, others): (Vec<_>, Vec<_>) = waiting.to.into_iter().partition(|(who, _)| *who == me);
        if me == terms.patient {
            for (_, endpoint) in own {
                self.give_own_seat(&held.id, endpoint, welcome.clone())?;
            }
        }
        if others.is_empty() {
            return Ok(());
        }
        let seat = TeamSeat {
            to: others,
            welcome,
            basis,
        };
        self.tell_team(&terms.organisation, TeamWord::Seat(Box::new(seat)))
    }

    /// A change of this endpoint was refused. If somebody was first, that one's event brings the
    /// team in line again, or will.
    pub(crate) fn team_commit_lost(
        &mut self,
        mailbox: &MailboxId,
        commit: Option<Digest>,
        code: ErrorCode,
    ) -> Result<()> {
        if matches!(
            code,
            ErrorCode::EpochConflict | ErrorCode::WrongEpoch | ErrorCode::WrongBranch
        ) {
            return Ok(());
        }
        let Some(session) = self.lend_group(mailbox)? else {
            return Ok(());
        };
        if commit.is_some() && session.pending().map(|p| p.commit) == commit {
            let step = session.give_up_commit(&Rows(self.tx))?;
            self.write_group(step)?;
            self.tx.delete(Table::Groups, &letter_name(mailbox))?;
        }
        Ok(())
    }

    /// Takes changes out of the outbox that cannot win any more: their epoch is over.
    pub(crate) fn drop_commits(&mut self, mailbox: &MailboxId) -> Result<()> {
        if let Some(seq) = self.get::<u64>(Table::Groups, &change_name(mailbox))? {
            let entry = self.tx.at(Table::Outbox, names::OUTBOX, seq)?;
            let entry = entry.and_then(|bytes| canonical::decode::<Entry>(&bytes).ok());
            if entry.is_some_and(|entry| entry.job == Job::Commit(*mailbox)) {
                self.tx.delete_at(Table::Outbox, names::OUTBOX, seq)?;
                self.fx.done.push(seq);
            }
            self.tx.delete(Table::Groups, &change_name(mailbox))?;
        }
        self.tx.delete(Table::Groups, &letter_name(mailbox))?;
        Ok(())
    }

    /// Takes out of the outbox what was to be said in a team whose end has come.
    pub(crate) fn drop_said(&mut self, mailbox: &MailboxId) -> Result<()> {
        self.forget_papers(mailbox)?;
        for (seq, bytes) in self.tx.range(Table::Outbox, names::OUTBOX, 0, usize::MAX)? {
            let Ok(entry) = canonical::decode::<Entry>(&bytes) else {
                continue;
            };
            if matches!(&entry.what, What::Room(say) if say.mailbox == *mailbox) && entry.command.is_none() {
                self.tx.delete_at(Table::Outbox, names::OUTBOX, seq)?;
                self.fx.done.push(seq);
            }
        }
        Ok(())
    }

    /// Whether something in the outbox is for a team that is over for this endpoint.
    pub(crate) fn for_ended_team(&self, entry: &Entry) -> Result<bool> {
        let What::Room(say) = &entry.what else {
            return Ok(false);
        };
        let held: Option<Held> = self.get(Table::Mailboxes, &say.mailbox.0)?;
        Ok(held.is_some_and(|h| h.used == MailboxUse::Team && h.state == MailboxState::Ended))
    }
}
