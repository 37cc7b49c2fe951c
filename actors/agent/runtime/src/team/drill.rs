//! For drills: what a member could do whose program honours nothing, and where one stands.

use telesphor_clinical::blob::Carried;
use telesphor_clinical::message::{GroupEnvelope, GroupMessage};
use telesphor_sealing::{Change, CommitPlan, Forbidden, GroupSession};
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, Deposit, commit_bytes_hash};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{CommandId, DocumentId, IdentityId, MailboxId};
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::padding::Bucket;
use telesphor_wire::sign::SigningKey;

use crate::api::Agent;
use crate::core::records::{Archived, Entry, Held, Job, MailboxChoice, MemberVia, Via, What};
use crate::core::{Ctx, names};
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
    /// Lets somebody in who asked for a seat and is not on duty.
    LetIn(IdentityId),
    /// Says the very bytes again that were said last.
    Replay,
    /// Says two documents of one's own with one and the same key.
    TwoAtOnce(DocumentId, DocumentId),
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

    /// Asks for a seat in a team, whatever the roster says.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] if this person was never called there.
    pub async fn ask_anyway(&self, mailbox: MailboxId) -> Result<()> {
        self.shared
            .change(move |core| {
                core.write(|ctx| {
                    let known = ctx.team(&mailbox)?.ok_or(Error::of(ErrorCode::NotFound))?;
                    ctx.ask_for_seat(&mailbox, &known.terms)
                })
            })
            .await
    }

    /// Who asked for a seat in a team, as far as it has reached this endpoint and nobody was let in.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn asked_for(&self, mailbox: MailboxId) -> Result<Vec<IdentityId>> {
        self.shared
            .change(move |core| {
                core.write(|ctx| Ok(ctx.asks(&mailbox)?.into_iter().map(|ask| ask.person).collect()))
            })
            .await
    }

    /// Key packages that this program has made for seats in teams since it began.
    ///
    /// # Errors
    /// None but of a program that has ended.
    pub async fn packages_made(&self) -> Result<u64> {
        self.shared.work(|core| Ok(core.index.packages)).await
    }

    /// Where this endpoint stands in a team.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn team_stand(&self, mailbox: MailboxId) -> Result<TeamStand> {
        let stand = |session: &GroupSession| TeamStand {
            branch: session.branch(),
            epoch: session.epoch(),
            authenticator: session.authenticator().to_vec(),
        };
        self.shared
            .work(move |core| {
                let stands = core.look_group(&core.read()?, &mailbox, stand)?;
                stands.ok_or(Error::of(ErrorCode::NotFound))
            })
            .await
    }
}

impl Ctx<'_, '_> {
    fn mischief(&mut self, mailbox: &MailboxId, what: Mischief) -> Result<()> {
        match what {
            Mischief::Replay => return self.replay(mailbox),
            Mischief::TwoAtOnce(one, other) => return self.two_at_once(mailbox, [one, other]),
            _ => {}
        }
        let held: Held = self.held(mailbox)?;
        let session = GroupSession::load(&Rows(self.tx), *mailbox)?.ok_or(Error::of(ErrorCode::NotFound))?;
        let keys = session.keys(&Rows(self.tx))?;
        let mut remove = Vec::new();
        if let Mischief::PutOut(who) = what {
            let seats = session.members()?.into_iter();
            remove.extend(seats.filter(|s| s.member.identity == who).map(|s| s.index));
        }
        let mut add = Vec::new();
        if let Mischief::LetIn(who) = what {
            for ask in self.asks(mailbox)? {
                let package = self.package_of(&ask, None)?;
                add.extend(package.filter(|p| p.member().identity == who));
            }
            if add.is_empty() {
                return Err(ErrorCode::NotFound.into());
            }
        }
        let why = self.team_view(mailbox)?.newest().map(|s| s.roster.id());
        let plan = CommitPlan {
            add,
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
            _ => {}
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

    /// What was said here last in this epoch, once more.
    fn replay(&mut self, mailbox: &MailboxId) -> Result<()> {
        let held = self.held(mailbox)?;
        let list = names::archive(mailbox);
        let newest = self.tx.newest(Table::Scratch, &list, u64::MAX, usize::MAX)?;
        let said = newest.iter().find_map(|(_, bytes)| {
            let archived: Archived = canonical::decode(bytes).ok()?;
            match canonical::decode(&archived.command?).ok()? {
                Command::Deposit(d) if (d.branch, d.epoch) == (held.branch, held.epoch) => Some(d.payload),
                _ => None,
            }
        });
        self.deposit_as_it_is(&held, said.ok_or(Error::of(ErrorCode::NotFound))?)
    }

    /// Both are sealed in the same state of the sending keys, as two copies of a vault would.
    fn two_at_once(&mut self, mailbox: &MailboxId, documents: [DocumentId; 2]) -> Result<()> {
        let held = self.held(mailbox)?;
        let seen = self.cursor(mailbox)?;
        for id in documents {
            let body = self.tx.body(&id)?.ok_or(Error::of(ErrorCode::NotFound))?;
            let said = GroupMessage::Document(Carried::Inline(Bytes(body.to_vec())));
            let content = GroupEnvelope::new(seen, said).to_bytes();
            let session = GroupSession::load(&Rows(self.tx), *mailbox)?;
            let session = session.ok_or(Error::of(ErrorCode::NotFound))?;
            let step = session.seal(&Rows(self.tx), &self.keys.member, &content, Bucket::Message)?;
            let (_, sealed) = step.stack(&mut telesphor_sealing::StateDiff::default());
            self.remember_own(&sealed.payload)?;
            self.deposit_as_it_is(&held, sealed.payload)?;
        }
        Ok(())
    }

    fn deposit_as_it_is(&mut self, held: &Held, payload: Bytes) -> Result<()> {
        let via = MemberVia {
            mailbox: held.id,
            branch: held.branch,
            epoch: held.epoch,
        };
        let deposit = Deposit {
            mailbox: held.id,
            branch: held.branch,
            epoch: held.epoch,
            kind: EventKind::MESSAGE,
            command_id: CommandId::random(),
            not_after: self.now + super::CHANGE_LIFE_MS,
            payload,
            ext: Extensions::none(),
            signature: None,
        };
        self.enqueue_entry(Entry {
            what: What::Ready(MailboxChoice {
                mailbox: Some(held.id),
            }),
            command: Some(Bytes(canonical::encode(&Command::Deposit(deposit)))),
            via: Via::Member(via),
            job: Job::Nothing(true),
            after: None,
            queued: self.now,
        })?;
        Ok(())
    }

    fn renew_in_team(&mut self, mailbox: &MailboxId) -> Result<bool> {
        let free = self.look_group(mailbox, |session| {
            session.pending().is_none() && session.standing() == telesphor_sealing::Standing::Member
        })?;
        let free = free.ok_or(Error::of(ErrorCode::NotFound))?;
        if free {
            self.renew_in_line(mailbox)?;
        }
        Ok(free)
    }
}
