//! Groups between two events: lent from memory, looked at or changed, and given back.
//!
//! The vault decides whether what is in memory still counts
//! ([`telesphor_sealing::held`]). [`Core::write`] tells when a transaction is on the disk,
//! and when it never happened: then nothing of it stays in memory either.

use telesphor_sealing::{GroupSession, Seat, Step};
use telesphor_vault::Snapshot;
use telesphor_wire::ids::MailboxId;

use super::rows::{Rows, apply};
use crate::core::{Core, Ctx};
use crate::error::Result;

impl Ctx<'_, '_> {
    /// Looks at a group, if there is one.
    pub(crate) fn look_group<T>(
        &self,
        mailbox: &MailboxId,
        look: impl FnOnce(&GroupSession) -> T,
    ) -> Result<Option<T>> {
        let Some(session) = self.lend_group(mailbox)? else {
            return Ok(None);
        };
        let seen = look(&session);
        self.groups.borrow_mut().give_back(session);
        Ok(Some(seen))
    }

    /// Whether there is a group of this mailbox.
    pub(crate) fn has_group(&self, mailbox: &MailboxId) -> Result<bool> {
        Ok(self.look_group(mailbox, |_| ())?.is_some())
    }

    /// The seats of a group; none if there is no group.
    pub(crate) fn seats(&self, mailbox: &MailboxId) -> Result<Vec<Seat>> {
        let seats = self.look_group(mailbox, GroupSession::members)?;
        Ok(seats.transpose()?.unwrap_or_default())
    }

    /// A group for one step on it. Whoever makes none loses nothing but what was in memory.
    pub(crate) fn lend_group(&self, mailbox: &MailboxId) -> Result<Option<GroupSession>> {
        Ok(self.groups.borrow_mut().lend(&Rows(self.tx), *mailbox)?)
    }

    /// Writes what a step changed, and keeps the group for the next one.
    pub(crate) fn write_group<T>(&self, step: Step<(GroupSession, T)>) -> Result<T> {
        let (session, output) = step.commit(|diff, _| apply(self.tx, diff))?;
        self.groups.borrow_mut().give_back(session);
        Ok(output)
    }
}

impl Core {
    /// Looks at a group as it stands at this instant, if there is one.
    pub(crate) fn look_group<T>(
        &self,
        snapshot: &Snapshot,
        mailbox: &MailboxId,
        look: impl FnOnce(&GroupSession) -> T,
    ) -> Result<Option<T>> {
        let mut groups = self.groups.borrow_mut();
        let Some(session) = groups.lend(&Rows(snapshot), *mailbox)? else {
            return Ok(None);
        };
        let seen = look(&session);
        groups.give_back(session);
        groups.written();
        Ok(Some(seen))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use telesphor_wire::error::ErrorCode;
    use telesphor_wire::ids::MailboxId;

    use super::{GroupSession, Rows};
    use crate::core::Core;
    use crate::error::Result;
    use crate::testing::Paper;

    fn at(core: &Core, mailbox: &MailboxId) -> (u64, bool) {
        let look = |session: &GroupSession| (session.epoch(), session.pending().is_some());
        let snapshot = core.read().unwrap();
        let seen = core.look_group(&snapshot, mailbox, look).unwrap().unwrap();
        let stored = GroupSession::load(&Rows(&snapshot), *mailbox).unwrap().unwrap();
        assert_eq!(seen, look(&stored), "memory is what the vault has");
        seen
    }

    #[test]
    fn a_transaction_that_fails_leaves_a_group_in_memory_that_the_vault_never_had() {
        let mut paper = Paper::new();
        let mut core = paper.person("aino");
        let own = core.profile.own.unwrap();
        paper.show(&mut core, own).unwrap();
        assert_eq!(at(&core, &own), (0, false));
        assert!(!core.groups.borrow().is_empty());

        let failed: Result<()> = core.write(|ctx| {
            ctx.renew_leaf(&own)?;
            Err(ErrorCode::LocalIo.into())
        });
        failed.unwrap_err();
        assert!(core.groups.borrow().is_empty(), "it was wiped at once");
        assert_eq!(at(&core, &own), (0, false));

        let broken = catch_unwind(AssertUnwindSafe(|| {
            core.write(|ctx| -> Result<()> {
                ctx.renew_leaf(&own)?;
                panic!("a fault of ours")
            })
        }));
        assert!(broken.is_err());
        assert_eq!(at(&core, &own), (0, false));

        // What was given up twice is made now, wins, and is followed out of memory.
        core.write(|ctx| ctx.renew_leaf(&own)).unwrap();
        assert_eq!(at(&core, &own), (0, true));
        assert!(!core.groups.borrow().is_empty());
        paper.carry(&mut core);
        paper.show(&mut core, own).unwrap();
        assert_eq!(at(&core, &own), (1, false));
    }

    #[test]
    fn an_event_that_is_refused_in_the_middle_of_many_leaves_what_it_changed_in_memory() {
        let mut paper = Paper::new();
        let mut core = paper.person("aino");
        let (own, inbox) = (core.profile.own.unwrap(), core.profile.inbox.unwrap());
        paper.show(&mut core, own).unwrap();
        core.write(|ctx| ctx.renew_leaf(&own)).unwrap();
        paper.carry(&mut core);
        // A commit that can be followed, and behind it one of an epoch that is not there.
        let after = crate::testing::cursor(&core, own).seq;
        paper.order(own, (telesphor_wire::mailbox::EventKind::MESSAGE, 9), b"ahead");
        let together = [
            (
                inbox,
                paper.events(inbox, crate::testing::cursor(&core, inbox).seq),
            ),
            (own, paper.events(own, after)),
        ];
        assert!(!core.take_all_events(&together).unwrap(), "not together");
        assert_eq!(at(&core, &own), (0, true), "nothing of it was taken in");
        let refused = core.take_events(own, &together[1].1).unwrap_err();
        assert_eq!(refused.code, ErrorCode::CannotFollow);
        assert_eq!(at(&core, &own), (1, false), "what stands before it was");
    }
}
