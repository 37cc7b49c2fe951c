//! Changing a group: a commit is staged, ordered, and takes effect when the order confirms it.

use telesphor_sealing::{CommitPlan, GroupSession, VerifiedPackage};
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{CommandId, IdentityId, MailboxId};
use telesphor_wire::mailbox::Cursor;

use super::rows::{Rows, apply};
use crate::core::Ctx;
use crate::core::records::{Entry, Held, Job, MailboxChoice, MailboxState, PackageJob, Via, What};
use crate::error::{Error, Result};
use crate::mailbox::owner::COMMAND_LIFE_MS;

impl Ctx<'_, '_> {
    /// Adds a contact's endpoint to a group; the Welcome goes when the commit has won.
    pub(crate) fn add_member(
        &mut self,
        mailbox: &MailboxId,
        package: VerifiedPackage,
        to: IdentityId,
    ) -> Result<()> {
        let letter = self.commit(mailbox, vec![package], Vec::new(), false)?;
        if let Some(letter) = letter {
            self.keep_letter(letter, to)?;
        }
        Ok(())
    }

    /// Brings fresh keys of this endpoint into a group.
    pub(crate) fn renew_leaf(&mut self, mailbox: &MailboxId) -> Result<()> {
        self.commit(mailbox, Vec::new(), Vec::new(), false)?;
        Ok(())
    }

    /// Stages a commit and puts it into the outbox as the bytes that will go.
    fn commit(
        &mut self,
        mailbox: &MailboxId,
        add: Vec<VerifiedPackage>,
        remove: Vec<u32>,
        cut: bool,
    ) -> Result<Option<telesphor_sealing::WelcomeLetter>> {
        let held = self.held(mailbox)?;
        let session = GroupSession::load(&Rows(self.tx), *mailbox)?.ok_or(Error::of(ErrorCode::NotFound))?;
        let rules = self.rules(&held, session.binding().owner)?;
        let judge = |change: &telesphor_sealing::Change| rules.judge(change);
        let plan = CommitPlan {
            add,
            remove,
            policy: None,
            why: Digest([0; 32]),
            lease: held.lease,
            cut,
            command_id: CommandId::random(),
            not_after: self.now + COMMAND_LIFE_MS,
        };
        let step = session.stage_commit(&Rows(self.tx), &self.keys.member, &plan, &judge)?;
        let (_, staged) = step.commit(|diff, _| apply(self.tx, diff))?;
        self.enqueue_entry(Entry {
            what: What::Ready(MailboxChoice {
                mailbox: Some(*mailbox),
            }),
            command: Some(Bytes(canonical::encode(&Command::Commit(Box::new(
                staged.commit,
            ))))),
            via: Via::Signed(true),
            job: Job::Commit(*mailbox),
            after: None,
            queued: self.now,
        })?;
        Ok(staged.welcome)
    }

    /// A commit of this endpoint has won its epoch.
    pub(crate) fn commit_won(&mut self, held: &Held, at: &Cursor) -> Result<()> {
        self.send_welcome(held, *at)
    }

    /// A commit of this endpoint was refused. If somebody else was first, the sealing layer
    /// drops ours when it sees the winner, and an addition is tried again; else it is given up.
    pub(crate) fn commit_lost(&mut self, mailbox: &MailboxId, code: ErrorCode) -> Result<()> {
        let waiting = self.take_letter(mailbox)?;
        if !matches!(code, ErrorCode::EpochConflict | ErrorCode::WrongEpoch) {
            if let Some(session) = GroupSession::load(&Rows(self.tx), *mailbox)?
                && session.pending().is_some()
            {
                let step = session.give_up_commit(&Rows(self.tx))?;
                step.commit(|diff, _| apply(self.tx, diff))?;
            }
            return Ok(());
        }
        let held = self.held(mailbox)?;
        match waiting {
            Some(waiting) if held.state == MailboxState::Open => self.take_package(&PackageJob {
                contact: waiting.to,
                used: held.used,
                into: Some(*mailbox),
                room: None,
            }),
            _ => Ok(()),
        }
    }

    /// The mailboxes of a kind that this identity owns or shares with somebody.
    pub(crate) fn mailboxes_of(
        &self,
        used: telesphor_clinical::self_entry::MailboxUse,
        with: Option<IdentityId>,
    ) -> Result<Vec<Held>> {
        use telesphor_vault::Records;
        let mut found = Vec::new();
        for (_, bytes) in self.tx.scan(Table::Mailboxes)? {
            let Ok(held) = canonical::decode::<Held>(&bytes) else {
                continue;
            };
            let fits = held.used == used && held.state != MailboxState::Ended;
            if fits && (with.is_none() || held.with == with) {
                found.push(held);
            }
        }
        Ok(found)
    }
}
