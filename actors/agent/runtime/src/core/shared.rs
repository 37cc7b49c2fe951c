//! The one writer, and how the rest of the agent reaches it.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use telesphor_sealing::HeldGroups;
use telesphor_vault::{Records, Snapshot, Table, Vault};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use tokio::sync::{Notify, watch};

use super::ctx::{Ctx, Effects, Rosters};
use super::index::{Index, Slot};
use super::names;
use super::profile::{Keys, Profile};
use super::records::{Entry, Held};
use super::windows::Windows;
use crate::blobs::shelf::Shelf;
use crate::error::{Error, Result};

/// This machine's clock, Unix milliseconds.
pub(crate) fn clock() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// What tells the time.
pub(crate) type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Vault, keys and index.
pub(crate) struct Core {
    pub(crate) clock: Clock,
    pub(crate) vault: Vault,
    pub(crate) keys: Keys,
    pub(crate) profile: Profile,
    pub(crate) index: Index,
    /// Groups held in memory from one event to the next.
    pub(crate) groups: RefCell<HeldGroups>,
    /// The session by which this vault was opened, if it was by one.
    pub(crate) session: Option<Digest>,
}

impl Core {
    /// Builds the index from the vault: what start-up and every restart after a crash do.
    pub(crate) fn load(vault: Vault) -> Result<Self> {
        let snapshot = vault.read()?;
        let profile: Option<Profile> = snapshot.get_value(Table::Settings, names::PROFILE)?;
        let Some(profile) = profile else {
            return Err(match snapshot.contains(Table::Settings, names::JOINING)? {
                true => ErrorCode::NotLetIn.into(),
                false => Error::fault("profile"),
            });
        };
        let keys = Keys::load(&snapshot)?;
        let mut index = Index::default();
        let mut from = 0;
        loop {
            let page = snapshot.range(Table::Outbox, names::OUTBOX, from, 256)?;
            let Some((last, _)) = page.last() else { break };
            from = last + 1;
            for (seq, bytes) in &page {
                let entry: Entry = canonical::decode(bytes).map_err(|_| Error::fault("outbox"))?;
                let mut slot = Slot::of(&entry);
                slot.tried = slot.sealed;
                index.outbox.insert(*seq, slot);
            }
        }
        for (_, bytes) in snapshot.scan(Table::Mailboxes)? {
            let Ok(held) = canonical::decode::<Held>(&bytes) else {
                continue;
            };
            let seq = snapshot
                .get_value::<telesphor_wire::mailbox::Cursor>(Table::Cursors, &held.id.0)?
                .map_or(0, |c| c.seq);
            // Home is never told of a mailbox elsewhere.
            if held.domain == *profile.domain() {
                index.note(&held, seq);
            }
        }
        index.mandates = !crate::mandates::record::all_mandates(&snapshot)?.is_empty();
        index.changed = true;
        index.papers = crate::team::papers_due(&snapshot)?.into_iter().collect();
        index.parts = !crate::blobs::record::wanted(&snapshot)?.is_empty();
        drop(snapshot);
        Ok(Self {
            clock: Arc::new(clock),
            vault,
            keys,
            profile,
            index,
            groups: RefCell::default(),
            session: None,
        })
    }

    /// Runs one transaction.
    pub(crate) fn write<T>(&mut self, f: impl FnOnce(&mut Ctx<'_, '_>) -> Result<T>) -> Result<T> {
        let (keys, profile) = (&self.keys, self.profile.clone());
        let (now, inbox_read) = ((self.clock)(), self.index.is_read(profile.inbox));
        let (session, groups) = (self.session, &self.groups);
        // Whatever an earlier transaction left that did not come to its end.
        groups.borrow_mut().undone();
        let written = self.vault.write(|tx| {
            let mut ctx = Ctx {
                tx,
                now,
                inbox_read,
                session,
                keys,
                profile,
                groups,
                rosters: Rosters::default(),
                windows: Windows::default(),
                fx: Effects::default(),
            };
            let value = f(&mut ctx)?;
            ctx.tell_asks()?;
            Ok::<_, Error>((value, ctx.fx))
        });
        match &written {
            Ok(_) => self.groups.borrow_mut().written(),
            Err(_) => self.groups.borrow_mut().undone(),
        }
        let (value, fx) = written?;
        self.apply(fx)?;
        Ok(value)
    }

    /// The folder of ciphertext beside the vault.
    pub(crate) fn shelf(&self) -> Shelf {
        Shelf::beside(&self.vault.paths().folder)
    }

    /// The vault at this instant.
    pub(crate) fn read(&self) -> Result<Snapshot> {
        Ok(self.vault.read()?)
    }

    fn apply(&mut self, fx: Effects) -> Result<()> {
        let mut room_made = false;
        for (seq, entry) in fx.outbox {
            let fresh = Slot::of(&entry);
            let slot = self.index.outbox.entry(seq).or_insert(fresh);
            slot.sealed = fresh.sealed;
            slot.lane = fresh.lane;
            slot.after = fresh.after;
            slot.group = fresh.group;
            slot.passed = fresh.passed;
            if !fresh.sealed {
                (slot.number, slot.looked) = (None, 0);
                // Another domain's answer may be read before home's to the same request.
                slot.overtaken |= slot.in_flight;
            }
            room_made |= !fresh.sealed;
        }
        for seq in fx.done {
            self.index.outbox.remove(&seq);
            room_made = true;
        }
        if room_made {
            self.index.outbox.values_mut().for_each(|slot| slot.full = false);
        }
        for (seq, ms) in fx.later {
            if let Some(slot) = self.index.outbox.get_mut(&seq) {
                slot.not_before = Some(Instant::now() + Duration::from_millis(ms));
            }
        }
        for (seq, came) in fx.pieces {
            self.index.piece_came(seq, came);
        }
        self.index.exchange_wanted |= fx.exchange;
        self.index.changed = true;
        self.index.mandates |= fx.mandates;
        self.index.parts |= fx.parts;
        self.index.packages += fx.packages;
        let shelf = self.shelf();
        for address in &fx.forgotten {
            // Without its key it is worth nothing to anybody; the disk's trouble stops nobody.
            let _ = shelf.remove(address);
        }
        if fx.teams {
            self.index.teams_at = 0;
        }
        for (mailbox, line) in fx.lines {
            let at = self.index.lines.entry(mailbox).or_insert(line);
            // Drawn anew for another epoch; in the same one nothing is put off again and again.
            *at = if at.0 == line.0 { line.min(*at) } else { line };
        }
        for (mailbox, due) in fx.papers {
            match due {
                Some(due) => _ = self.index.papers.insert(mailbox, due),
                None => _ = self.index.papers.remove(&mailbox),
            }
        }
        if let Some(profile) = fx.profile {
            self.profile = profile;
        }
        if !fx.mailboxes.is_empty() {
            // A mailbox that moved may let something go that could not be sealed before.
            for slot in self.index.outbox.values_mut().filter(|s| !s.sealed) {
                slot.not_before = None;
            }
        }
        if !fx.mailboxes.is_empty() || fx.keys {
            let snapshot = self.vault.read()?;
            for id in fx.mailboxes {
                let Some(held) = snapshot.get_value::<Held>(Table::Mailboxes, &id.0)? else {
                    continue;
                };
                let cursor: Option<telesphor_wire::mailbox::Cursor> =
                    snapshot.get_value(Table::Cursors, &id.0)?;
                if held.domain == *self.profile.domain() {
                    self.index.note(&held, cursor.map_or(0, |c| c.seq));
                }
            }
            if fx.keys {
                self.keys = Keys::load(&snapshot)?;
            }
        }
        for (id, seq) in fx.proved {
            if let Some(followed) = self.index.followed.get_mut(&id) {
                followed.head = followed.head.max(Some(seq));
            }
        }
        Ok(())
    }
}

/// The core behind its lock, with the two bells: work for the connection, news for waiters.
pub(crate) struct Shared {
    core: Mutex<Core>,
    /// Rung when there may be something to send or follow.
    pub(crate) wake: Notify,
    /// Counts changes, so that a waiter can look again.
    changed: watch::Sender<u64>,
}

impl Shared {
    pub(crate) fn new(core: Core) -> Arc<Self> {
        Arc::new(Self {
            core: Mutex::new(core),
            wake: Notify::new(),
            changed: watch::channel(0).0,
        })
    }

    /// Runs work on the core, on a thread that may block. A panic inside would be a fault of
    /// ours; the lock is taken over, because the vault's transaction was undone with it.
    pub(crate) async fn work<T, F>(self: &Arc<Self>, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Core) -> Result<T> + Send + 'static,
    {
        let shared = self.clone();
        tokio::task::spawn_blocking(move || {
            let mut core = shared.core.lock().unwrap_or_else(PoisonError::into_inner);
            f(&mut core)
        })
        .await
        .map_err(|_| Error::fault("work"))?
    }

    /// The same, then rings both bells.
    pub(crate) async fn change<T, F>(self: &Arc<Self>, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Core) -> Result<T> + Send + 'static,
    {
        let value = self.work(f).await;
        self.ring();
        value
    }

    /// Rings both bells.
    pub(crate) fn ring(&self) {
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
        self.wake.notify_one();
    }

    /// Tells waiters that something changed.
    pub(crate) fn news(&self) {
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// A receiver of changes.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use telesphor_wire::ids::MailboxId;

    use crate::testing::Paper;

    #[test]
    fn a_team_in_which_people_keep_asking_is_never_brought_in_line() {
        let mut core = Paper::new().person("aino");
        let team = MailboxId([1; 32]);
        let mut line = |epoch: u64, at: u64| {
            core.write(|ctx| {
                ctx.fx.lines.push((team, (epoch, at)));
                Ok(())
            })
            .unwrap();
            core.index.lines[&team]
        };
        assert_eq!(line(1, 1_000), (1, 1_000));
        assert_eq!(line(1, 1_100), (1, 1_000), "nothing is put off");
        assert_eq!(line(1, 900), (1, 900));
        assert_eq!(line(2, 1_700), (2, 1_700), "another epoch is another turn");
    }
}
