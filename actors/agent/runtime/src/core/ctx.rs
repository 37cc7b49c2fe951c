//! One transaction of the agent: the vault's, with what it means for the index.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::roster::SignedRoster;
use telesphor_clinical::team::TeamAsk;
use telesphor_sealing::HeldGroups;
use telesphor_vault::{Records, Table, Tx};
use telesphor_wire::canonical;
use telesphor_wire::command::OwnerAct;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::mailbox::Cursor;

use super::names;
use super::profile::{Keys, Profile};
use super::records::{Entry, Held, Job, OwnerSay, Via, What};
use super::windows::Windows;
use crate::error::{Error, Result};
use crate::exchange::file::Came;

/// What a transaction did, for the index. Applied only when it is on the disk.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// New or newly sealed entries.
    pub(crate) outbox: Vec<(u64, Entry)>,
    /// Entries that are done.
    pub(crate) done: Vec<u64>,
    /// Positions that a receipt proves to be there, in mailboxes that are read here.
    pub(crate) proved: Vec<(MailboxId, u64)>,
    /// Mailboxes whose record or cursor changed.
    pub(crate) mailboxes: Vec<MailboxId>,
    /// The profile changed.
    pub(crate) profile: Option<Profile>,
    /// The own key history changed; keys are loaded again.
    pub(crate) keys: bool,
    /// A team or a roster changed: turns begin and end at other times.
    pub(crate) teams: bool,
    /// Requests for seats, and whom to tell of them: all of one transaction travel together.
    pub(crate) asks: Vec<(IdentityId, TeamAsk)>,
    /// Key packages made for seats in teams.
    pub(crate) packages: u64,
    /// Teams to bring in line: in which epoch, and not before when (Unix milliseconds).
    pub(crate) lines: Vec<(MailboxId, (u64, u64))>,
    /// Teams in which words are held, and when they are due; no more, if not.
    pub(crate) papers: Vec<(MailboxId, Option<u64>)>,
    /// There is a mandate here.
    pub(crate) mandates: bool,
    /// Files are to be put or told of.
    pub(crate) parts: bool,
    /// Ciphertext that leaves this machine's disk.
    pub(crate) forgotten: Vec<Digest>,
    /// Home is to be asked about other domains.
    pub(crate) exchange: bool,
    /// Pieces of files from another domain that have come, or never will, by their entries.
    pub(crate) pieces: Vec<(u64, Came)>,
    /// Entries that are left alone for so many milliseconds.
    pub(crate) later: Vec<(u64, u64)>,
}

/// What was read in this transaction of rosters: the newest edition of each organisation, if there is one.
pub(crate) type Rosters = RefCell<BTreeMap<IdentityId, Option<Rc<SignedRoster>>>>;

/// A transaction.
pub(crate) struct Ctx<'a, 't> {
    pub(crate) tx: &'a Tx<'t>,
    pub(crate) now: u64,
    /// The personal mailbox has been read to its end on this connection.
    pub(crate) inbox_read: bool,
    /// The session by which the vault was opened, if it was by one.
    pub(crate) session: Option<Digest>,
    pub(crate) keys: &'a Keys,
    pub(crate) profile: Profile,
    /// Groups held in memory.
    pub(crate) groups: &'a RefCell<HeldGroups>,
    /// A hospital's roster has hundreds of turns, and each of a ward's teams asks for it several times.
    pub(crate) rosters: Rosters,
    /// How far ahead groups may be sealed; no bound where nothing is.
    pub(crate) windows: Windows,
    pub(crate) fx: Effects,
}

impl Ctx<'_, '_> {
    /// This instant, as this machine tells it.
    pub(crate) fn instant(&self) -> Instant {
        Instant::now_of(self.now, 0, Clock::Device)
    }

    pub(crate) fn get<T: DeserializeOwned + Serialize>(
        &self,
        table: Table,
        name: &[u8],
    ) -> Result<Option<T>> {
        Ok(self.tx.get_value(table, name)?)
    }

    pub(crate) fn put<T: Serialize + ?Sized>(&self, table: Table, name: &[u8], value: &T) -> Result<()> {
        Ok(self.tx.put_value(table, name, value)?)
    }

    pub(crate) fn push<T: Serialize + ?Sized>(&self, table: Table, list: &[u8], value: &T) -> Result<u64> {
        Ok(self.tx.push(table, list, &canonical::encode(value))?)
    }

    /// The mailbox's record.
    pub(crate) fn held(&self, id: &MailboxId) -> Result<Held> {
        self.get(Table::Mailboxes, &id.0)?
            .ok_or(Error::of(ErrorCode::NotFound))
    }

    pub(crate) fn put_held(&mut self, held: &Held) -> Result<()> {
        self.put(Table::Mailboxes, &held.id.0, held)?;
        self.fx.mailboxes.push(held.id);
        self.tend_follow(held)
    }

    /// How far the mailbox has been read.
    pub(crate) fn cursor(&self, id: &MailboxId) -> Result<Cursor> {
        self.get(Table::Cursors, &id.0)?.ok_or(Error::fault("cursor"))
    }

    pub(crate) fn put_cursor(&mut self, id: &MailboxId, cursor: &Cursor) -> Result<()> {
        self.put(Table::Cursors, &id.0, cursor)?;
        self.fx.mailboxes.push(*id);
        Ok(())
    }

    /// Puts something into the outbox; it leaves when its turn comes.
    pub(crate) fn enqueue(&mut self, what: What, job: Job, after: Option<u64>) -> Result<u64> {
        if let What::Talk(say) = &what {
            self.may_be_said(say)?;
        }
        let entry = Entry {
            what,
            command: None,
            via: Via::Signed(true),
            job,
            after,
            queued: self.now,
        };
        self.enqueue_entry(entry)
    }

    /// Puts an entry into the outbox that is sealed already.
    pub(crate) fn enqueue_entry(&mut self, entry: Entry) -> Result<u64> {
        let seq = self.push(Table::Outbox, names::OUTBOX, &entry)?;
        self.fx.outbox.push((seq, entry));
        Ok(seq)
    }

    /// Puts an owner's act into the outbox.
    pub(crate) fn enqueue_act(
        &mut self,
        mailbox: MailboxId,
        act: OwnerAct,
        job: Job,
        after: Option<u64>,
    ) -> Result<u64> {
        self.enqueue(What::Owner(OwnerSay { mailbox, act }), job, after)
    }

    pub(crate) fn put_profile(&mut self, profile: Profile) -> Result<()> {
        self.put(Table::Settings, names::PROFILE, &profile)?;
        self.profile = profile.clone();
        self.fx.profile = Some(profile);
        Ok(())
    }

    /// This identity.
    pub(crate) const fn me(&self) -> IdentityId {
        self.profile.identity
    }
}
