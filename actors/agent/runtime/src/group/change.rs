//! Changing a group: a commit is staged, ordered, and takes effect when the order confirms it.

use telesphor_clinical::self_entry::MailboxUse;
use telesphor_sealing::{CommitPlan, VerifiedPackage};
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{CommandId, IdentityId, MailboxId};
use telesphor_wire::mailbox::Cursor;

use super::policy::Rules as PolicyRules;
use super::rows::Rows;
use crate::core::Ctx;
use crate::core::records::{Entry, Held, Job, MailboxChoice, MailboxState, PackageJob, Via, What};
use crate::error::{Error, Result};
use crate::mailbox::owner::COMMAND_LIFE_MS;

/// What a commit shall change.
pub(crate) struct Staging {
    /// Who comes.
    pub(crate) add: Vec<VerifiedPackage>,
    /// Leaf indices that go.
    pub(crate) remove: Vec<u32>,
    /// Whether what was not read yet shall need the new key too.
    pub(crate) cut: bool,
    /// Another outbox entry that must be durable first.
    pub(crate) after: Option<u64>,
    /// Hash of what it rests on: a roster, in a team.
    pub(crate) why: Digest,
    /// Until when the next access key shall serve; as long as the present one if not said.
    pub(crate) lease: Option<u64>,
    /// How long it stays valid on its way, milliseconds.
    pub(crate) life: u64,
}

impl Default for Staging {
    fn default() -> Self {
        Self {
            add: Vec::new(),
            remove: Vec::new(),
            cut: false,
            after: None,
            why: Digest([0; 32]),
            lease: None,
            life: COMMAND_LIFE_MS,
        }
    }
}

impl Ctx<'_, '_> {
    /// Adds a contact's endpoint to a group; the Welcome goes when the commit has won.
    pub(crate) fn add_member(
        &mut self,
        mailbox: &MailboxId,
        package: VerifiedPackage,
        to: IdentityId,
    ) -> Result<()> {
        let change = Staging {
            add: vec![package],
            ..Staging::default()
        };
        let letter = self.commit(mailbox, change)?;
        if let Some(letter) = letter {
            self.keep_letter(letter, to)?;
        }
        Ok(())
    }

    /// Brings fresh keys of this endpoint into a group.
    pub(crate) fn renew_leaf(&mut self, mailbox: &MailboxId) -> Result<()> {
        self.commit(mailbox, Staging::default())?;
        Ok(())
    }

    /// Stages a commit and puts it into the outbox as the bytes that will go.
    pub(crate) fn commit(
        &mut self,
        mailbox: &MailboxId,
        change: Staging,
    ) -> Result<Option<telesphor_sealing::WelcomeLetter>> {
        let held = self.held(mailbox)?;
        let owner = self.look_group(mailbox, |session| session.binding().owner)?;
        let rules = self.rules(&held, owner.ok_or(Error::of(ErrorCode::NotFound))?)?;
        self.commit_under(mailbox, change, &rules)
    }

    /// The same under rules that were made for it.
    pub(crate) fn commit_under(
        &mut self,
        mailbox: &MailboxId,
        change: Staging,
        rules: &PolicyRules,
    ) -> Result<Option<telesphor_sealing::WelcomeLetter>> {
        let held = self.held(mailbox)?;
        let session = self.lend_group(mailbox)?.ok_or(Error::of(ErrorCode::NotFound))?;
        let judge = |change: &telesphor_sealing::Change| rules.judge(change);
        let plan = CommitPlan {
            add: change.add,
            remove: change.remove,
            policy: None,
            why: change.why,
            lease: change.lease.unwrap_or(held.lease),
            cut: change.cut,
            command_id: CommandId::random(),
            not_after: self.now + change.life,
        };
        let step = session.stage_commit(&Rows(self.tx), &self.keys.member, &plan, &judge)?;
        let mut staged = self.write_group(step)?;
        if let (MailboxUse::Team, Some(owner)) = (held.used, &held.owner) {
            // The owner's word opens what a lease has closed, or a repair.
            let key = owner.key();
            staged.commit.second = Some((key.public(), key.sign(&staged.commit.body)));
        }
        let commit = Command::Commit(Box::new(staged.commit));
        let seq = match self.is_followed_elsewhere(&held) {
            true => self.commit_elsewhere(&held, &commit, change.after)?,
            false => self.enqueue_entry(Entry {
                what: What::Ready(MailboxChoice {
                    mailbox: Some(*mailbox),
                }),
                command: Some(Bytes(canonical::encode(&commit))),
                via: Via::Signed(true),
                job: Job::Commit(*mailbox),
                after: change.after,
                queued: self.now,
            })?,
        };
        if held.used == MailboxUse::Team {
            self.put(Table::Groups, &crate::team::change_name(mailbox), &seq)?;
        }
        if staged.welcome.is_none() {
            // One that waited for a commit which lost leads nowhere.
            self.take_letter(mailbox)?;
        }
        Ok(staged.welcome)
    }

    /// A commit of this endpoint has won its epoch.
    pub(crate) fn commit_won(&mut self, held: &Held, at: &Cursor) -> Result<()> {
        self.send_welcome(held, *at)
    }

    /// A commit of this endpoint was refused. If somebody else was first, the sealing layer
    /// drops ours when it sees the winner, and an addition is tried again; else it is given up.
    pub(crate) fn commit_lost(&mut self, mailbox: &MailboxId, code: ErrorCode) -> Result<()> {
        let conflict = matches!(code, ErrorCode::EpochConflict | ErrorCode::WrongEpoch);
        if conflict && self.letter_is_for_sibling(mailbox)? {
            // The winner's event has brought the group in line again, or will.
            return Ok(());
        }
        let waiting = self.take_letter(mailbox)?;
        if !matches!(code, ErrorCode::EpochConflict | ErrorCode::WrongEpoch) {
            if let Some(session) = self.lend_group(mailbox)?
                && session.pending().is_some()
            {
                let step = session.give_up_commit(&Rows(self.tx))?;
                self.write_group(step)?;
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
