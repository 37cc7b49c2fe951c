//! For drills and auditors: would this vault open what was stolen elsewhere?

use telesphor_clinical::self_entry::IntakeKeyEntry;
use telesphor_sealing::deposit::{IntakeKey, SealedDeposit};
use telesphor_sealing::state::StateDiff;
use telesphor_sealing::{Change, Forbidden, GroupSession, Incoming, Layered, Received};
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::{Event, MailboxKind};

use super::agent::Agent;
use crate::core::Core;
use crate::core::names;
use crate::core::records::{Entry, Held, Job, What};
use crate::error::{Error, Result};
use crate::group::rows::Rows;

impl Agent {
    /// Tries every key in this vault on events of any mailbox, and gives how many open. Nothing
    /// is kept: neither what they say nor that they were tried.
    ///
    /// What this endpoint has opened before does not open again: its message keys are gone.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn try_keys(&self, stolen: Vec<(MailboxId, Event)>) -> Result<usize> {
        self.shared.work(move |core| core.try_keys(&stolen)).await
    }

    /// What is still to be sent or read, and what each waits for: for whoever finds that it does not
    /// get on. No name, no id and nothing of what it says.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn waiting(&self) -> Result<Vec<String>> {
        self.shared.work(|core| core.waiting()).await
    }

    /// Follows the events of one mailbox with what this vault holds, as far as it can: through
    /// every change of the group that takes it along. Gives the positions that open. Nothing is kept.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn try_to_follow(&self, mailbox: MailboxId, events: Vec<Event>) -> Result<Vec<u64>> {
        self.shared
            .work(move |core| core.try_to_follow(&mailbox, &events))
            .await
    }
}

const fn kind(entry: &Entry) -> &'static str {
    match (&entry.job, &entry.what) {
        (Job::Commit(_), _) => "change of a group",
        (_, What::Ready(_)) => "ready command",
        (_, What::Owner(_)) => "owner's act",
        (_, What::Group(_)) => "message for a group",
        (_, What::Talk(_)) => "message for a contact",
        (_, What::Deposit(_)) => "deposit",
        (_, What::Room(_)) => "message for a room",
        (_, What::Stamp(_)) => "stamp",
        (_, What::Elsewhere(_)) => "request for another hospital",
        (_, What::Ledger(_)) => "act on a ledger",
    }
}

impl Core {
    fn try_keys(&self, stolen: &[(MailboxId, Event)]) -> Result<usize> {
        let snapshot = self.read()?;
        let groups: Vec<Held> = snapshot
            .scan(Table::Mailboxes)?
            .into_iter()
            .filter_map(|(_, bytes)| canonical::decode::<Held>(&bytes).ok())
            .filter(|held| held.kind == MailboxKind::Shared)
            .collect();
        let intake: Vec<IntakeKeyEntry> = snapshot
            .get_value(Table::IdentityKeys, names::INTAKE_KEYS)?
            .unwrap_or_default();
        let intake: Vec<IntakeKey> = intake
            .into_iter()
            .map(|k| IntakeKey { id: k.id, key: k.key })
            .collect();
        let mut opened = vec![false; stolen.len()];
        for (opens, (mailbox, event)) in opened.iter_mut().zip(stolen) {
            if let Some(payload) = &event.payload {
                *opens = SealedDeposit(payload).open(mailbox, &intake).is_ok();
            }
        }
        for held in &groups {
            let rows = Rows(&snapshot);
            let mut loaded = None;
            for (opens, (_, event)) in opened.iter_mut().zip(stolen) {
                let Some(payload) = &event.payload else { continue };
                let session = match loaded.take() {
                    Some(session) => session,
                    None => match GroupSession::load(&rows, held.id)? {
                        Some(session) => session,
                        None => break,
                    },
                };
                let incoming = Incoming {
                    kind: event.header.kind,
                    branch: event.header.branch,
                    epoch: event.header.epoch,
                    stamp: event.header.stamp,
                    payload,
                };
                let anything = |_: &Change| Ok::<(), Forbidden>(());
                let Ok(step) =
                    session.receive(&rows, &self.keys.member, incoming, &held.owner_key, &anything)
                else {
                    continue;
                };
                // Dropped with this line: nothing of the attempt reaches the vault.
                let (session, received) = step.stack(&mut StateDiff::default());
                match received {
                    Received::Message(_) | Received::Moved(_) | Received::Echo => *opens = true,
                    // Nothing was consumed: the next attempt goes on with the same keys.
                    Received::Past | Received::Junk | Received::Ahead { .. } => loaded = Some(session),
                    _ => {}
                }
            }
        }
        Ok(opened.into_iter().filter(|opens| *opens).count())
    }

    fn waiting(&self) -> Result<Vec<String>> {
        let (snapshot, index) = (self.read()?, &self.index);
        let mut lines = Vec::new();
        for (seq, slot) in &index.outbox {
            let Some(bytes) = snapshot.at(Table::Outbox, names::OUTBOX, *seq)? else {
                continue;
            };
            let entry: Entry = canonical::decode(&bytes).map_err(|_| Error::fault("outbox"))?;
            lines.push(format!("{seq} {}: {}", kind(&entry), slot.state()));
        }
        let behind = index.followed.values().filter(|f| f.is_behind());
        lines.extend(behind.map(|f| {
            let head = f
                .head
                .map_or("an end not asked for yet".to_owned(), |h| h.to_string());
            format!("a {:?} mailbox: read to {} of {head}", f.kind, f.seq)
        }));
        Ok(lines)
    }

    fn try_to_follow(&self, mailbox: &MailboxId, events: &[Event]) -> Result<Vec<u64>> {
        let snapshot = self.read()?;
        let held: Option<Held> = snapshot.get_value(Table::Mailboxes, &mailbox.0)?;
        let Some(held) = held else {
            return Ok(Vec::new());
        };
        let rows = Rows(&snapshot);
        let (mut walked, mut loaded, mut opened) = (StateDiff::new(), None, Vec::new());
        for event in events {
            let Some(payload) = &event.payload else { continue };
            let layered = Layered::new(&rows, &walked);
            let session = match loaded.take() {
                Some(session) => session,
                None => match GroupSession::load(&layered, *mailbox)? {
                    Some(session) => session,
                    None => break,
                },
            };
            let incoming = Incoming {
                kind: event.header.kind,
                branch: event.header.branch,
                epoch: event.header.epoch,
                stamp: event.header.stamp,
                payload,
            };
            let anything = |_: &Change| Ok::<(), Forbidden>(());
            let Ok(step) = session.receive(&layered, &self.keys.member, incoming, &held.owner_key, &anything)
            else {
                continue;
            };
            let (session, received) = step.stack(&mut walked);
            match received {
                Received::Message(_) | Received::Moved(_) | Received::Echo => opened.push(event.header.seq),
                // Nothing was changed.
                Received::Past | Received::Junk | Received::Ahead { .. } => loaded = Some(session),
                _ => {}
            }
        }
        Ok(opened)
    }
}
