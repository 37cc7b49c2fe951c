//! For drills: what a member could do whose program honours nothing, and where one stands.

use telesphor_sealing::{Change, CommitPlan, Forbidden, GroupSession};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, commit_bytes_hash};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{CommandId, IdentityId, MailboxId};
use telesphor_wire::sign::SigningKey;

use crate::api::Agent;
use crate::core::Ctx;
use crate::core::records::{Entry, Held, Job, MailboxChoice, Via, What};
use crate::error::{Error, Result};
use crate::group::rows::Rows;

/// What an insider does to a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mischief {
    /// Puts somebody out who is on duty.
    PutOut(IdentityId),
    /// Prolongs the access of all, himself included, until an instant.
    Prolong(u64),
    /// A commit of bytes that mean nothing, signed with the key that all members share.
    Garbage,
    /// A good commit with a false key for the next epoch.
    WrongNextKey,
}

/// Where a member stands: equal at all who are not parted from each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TeamStand {
    /// Branch.
    pub branch: u32,
    /// Epoch.
    pub epoch: u64,
    /// A value that only the members of this epoch share.
    pub authenticator: Vec<u8>,
}

impl Agent {
    /// Commits a mischief in a team, past one's own judgement.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] if this person does not sit there.
    pub async fn mischief(&self, mailbox: MailboxId, what: Mischief) -> Result<()> {
        self.shared
            .change(move |core| core.write(|ctx| ctx.mischief(&mailbox, what)))
            .await
    }

    /// Brings fresh keys of this endpoint into a team, as a race for the next epoch.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; `false` if a commit is under way already.
    pub async fn renew_in_team(&self, mailbox: MailboxId) -> Result<bool> {
        self.shared
            .change(move |core| core.write(|ctx| ctx.renew_in_team(&mailbox)))
            .await
    }

    /// Where this endpoint stands in a team.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn team_stand(&self, mailbox: MailboxId) -> Result<TeamStand> {
        self.look(move |snapshot, _| {
            let session = GroupSession::load(&Rows(snapshot), mailbox)?;
            let session = session.ok_or(Error::of(ErrorCode::NotFound))?;
            Ok(TeamStand {
                branch: session.branch(),
                epoch: session.epoch(),
                authenticator: session.authenticator().to_vec(),
            })
        })
        .await
    }
}

impl Ctx<'_, '_> {
    fn mischief(&mut self, mailbox: &MailboxId, what: Mischief) -> Result<()> {
        let held: Held = self.held(mailbox)?;
        let session = GroupSession::load(&Rows(self.tx), *mailbox)?.ok_or(Error::of(ErrorCode::NotFound))?;
        let keys = session.keys(&Rows(self.tx))?;
        let mut remove = Vec::new();
        if let Mischief::PutOut(who) = what {
            let seats = session.members()?.into_iter();
            remove.extend(seats.filter(|s| s.member.identity == who).map(|s| s.index));
        }
        let why = self.team_view(mailbox)?.newest().map(|s| s.roster.id());
        let plan = CommitPlan {
            add: Vec::new(),
            remove,
            policy: None,
            why: why.ok_or(Error::of(ErrorCode::NotFound))?,
            lease: match what {
                Mischief::Prolong(until) => until,
                _ => held.lease,
            },
            cut: false,
            command_id: CommandId::random(),
            not_after: self.now + super::CHANGE_LIFE_MS,
        };
        let anything = |_: &Change| Ok::<(), Forbidden>(());
        let step = session.stage_commit(&Rows(self.tx), &self.keys.member, &plan, &anything)?;
        // Dropped here: what becomes of it is of no interest to somebody who wants to break it.
        let (_, staged) = step.stack(&mut telesphor_sealing::StateDiff::default());
        let mut commit = staged.commit;
        match what {
            Mischief::Garbage => {
                commit.mls = Bytes(vec![7; commit.mls.len()]);
                commit.body.mls = commit_bytes_hash(&commit.mls);
            }
            Mischief::WrongNextKey => commit.body.next_access = SigningKey::generate().public(),
            Mischief::PutOut(_) | Mischief::Prolong(_) => {}
        }
        if matches!(what, Mischief::Garbage | Mischief::WrongNextKey) {
            commit.access_signature = keys.access().sign(&commit.body);
        }
        self.enqueue_entry(Entry {
            what: What::Ready(MailboxChoice {
                mailbox: Some(*mailbox),
            }),
            command: Some(Bytes(canonical::encode(&Command::Commit(Box::new(commit))))),
            via: Via::Signed(true),
            job: Job::Nothing(true),
            after: None,
            queued: self.now,
        })?;
        Ok(())
    }

    fn renew_in_team(&mut self, mailbox: &MailboxId) -> Result<bool> {
        let session = GroupSession::load(&Rows(self.tx), *mailbox)?.ok_or(Error::of(ErrorCode::NotFound))?;
        let free = session.pending().is_none() && session.standing() == telesphor_sealing::Standing::Member;
        drop(session);
        if free {
            self.renew_in_line(mailbox)?;
        }
        Ok(free)
    }
}
