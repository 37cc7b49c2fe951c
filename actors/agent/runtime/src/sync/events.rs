//! What came, in order: checked against the chain, processed, stored with the cursor in one
//! transaction.

use telesphor_clinical::self_entry::MailboxUse;
use telesphor_sealing::access::epoch_keys;
use telesphor_vault::{Records, Table};
use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::{Cursor, Event, EventKind, MailboxKind};
use telesphor_wire::session::Events;
use telesphor_wire::sign::SigningKey;

use crate::core::records::{Held, MemberVia, Via};
use crate::core::{Core, Ctx};
use crate::error::{Error, Result};
use crate::group::listen::Pace;
use crate::group::rows::Rows;
use crate::link::{Credential, WelcomeFacts};

/// A clock that differs by more than this makes every date wrong and every command refused.
const CLOCK_TOLERANCE_MS: i64 = 12 * 3600 * 1000;

/// Chain hashes kept of one mailbox.
const KEPT_LINKS: u64 = 65_536;

impl Core {
    /// A session has begun.
    pub(crate) fn welcomed(&mut self, facts: &WelcomeFacts) -> Result<()> {
        let now = i64::try_from((self.clock)()).unwrap_or(i64::MAX);
        let difference = now.saturating_sub(i64::try_from(facts.clock).unwrap_or(i64::MAX));
        self.index.clock_difference = Some(difference);
        if difference.abs() > CLOCK_TOLERANCE_MS {
            self.index.last_failure = Some(ErrorCode::ClockWrong);
            return Err(ErrorCode::ClockWrong.into());
        }
        if self.profile.incarnation != Some(facts.incarnation) || self.profile.partitions != facts.partitions
        {
            let restored = self
                .profile
                .incarnation
                .is_some_and(|known| known != facts.incarnation);
            let mut profile = self.profile.clone();
            profile.incarnation = Some(facts.incarnation);
            profile.partitions = facts.partitions;
            self.write(|ctx| {
                ctx.put_profile(profile)?;
                if restored { ctx.relay_restored() } else { Ok(()) }
            })?;
        }
        self.index.connected = true;
        self.index.records_kept = Some(facts.records);
        self.index.last_failure = None;
        self.write(|ctx| ctx.own_session(&facts.agent_nonce))
    }

    /// Every mailbox to follow, with the right to do so and the last event read.
    pub(crate) fn wanted(&self) -> Vec<(MailboxId, Via, u64)> {
        let mut wanted: Vec<_> = self
            .index
            .followed
            .iter()
            .map(|(id, f)| {
                let via = match f.kind {
                    MailboxKind::Personal => Via::Signed(true),
                    MailboxKind::Shared if f.owned => Via::Signed(true),
                    MailboxKind::Shared => Via::Member(MemberVia {
                        mailbox: *id,
                        branch: f.branch,
                        epoch: f.epoch,
                    }),
                };
                (*id, via, f.seq)
            })
            .collect();
        wanted.sort_unstable_by_key(|(id, _, _)| *id);
        wanted
    }

    /// The keys of a right, if they are here.
    pub(crate) fn credential(&self, mailbox: MailboxId, via: &Via) -> Result<Option<Credential>> {
        let snapshot = self.read()?;
        match via {
            Via::Depositor(d) => Ok(Some(Credential::depositor(
                d.mailbox,
                SigningKey::from_seed(&d.seed),
            ))),
            Via::Signed(_) | Via::Owner(_) | Via::Passed(_) => {
                let held: Option<Held> = snapshot.get_value(Table::Mailboxes, &mailbox.0)?;
                Ok(held
                    .and_then(|h| h.owner)
                    .map(|o| Credential::owner(mailbox, o.key())))
            }
            Via::Member(m) => {
                let held: Option<Held> = snapshot.get_value(Table::Mailboxes, &mailbox.0)?;
                if held.is_some_and(|h| h.used == MailboxUse::OneTime) {
                    return self.one_time_credential(&snapshot, mailbox);
                }
                let keys = epoch_keys(&Rows(&snapshot), m.mailbox, m.branch, m.epoch)?;
                Ok(keys.map(|k| {
                    Credential::member(m.mailbox, m.branch, m.epoch, k.access(), k.pseudonym().clone())
                }))
            }
        }
    }

    /// What a good proof told; gives the position to follow from.
    ///
    /// A mailbox that ends before our cursor was cut back by a restore: if its end is one we
    /// know, reading goes on from there. If it is not, the relay shows another history.
    ///
    /// # Errors
    /// [`ErrorCode::BrokenChain`].
    pub(crate) fn stands(&mut self, mailbox: MailboxId, head: Option<Cursor>, after: u64) -> Result<u64> {
        if let Some(followed) = self.index.followed.get_mut(&mailbox) {
            followed.head = Some(head.map_or(followed.seq, |head| head.seq));
        }
        let Some(head) = head else { return Ok(after) };
        if head.seq >= after {
            return Ok(after);
        }
        self.write(|ctx| {
            if ctx.link_at(&mailbox, head.seq)? != Some(head.hash) {
                return Err(ErrorCode::BrokenChain.into());
            }
            ctx.put_cursor(&mailbox, &head)
        })?;
        Ok(head.seq)
    }

    /// The right to follow was refused.
    pub(crate) fn follow_refused(&mut self, mailbox: MailboxId, refusal: &Refusal) -> Result<()> {
        self.not_followed(mailbox);
        self.follow_ended(mailbox, refusal)
    }

    /// There is nothing to wait for in a mailbox that cannot be followed.
    pub(crate) fn not_followed(&mut self, mailbox: MailboxId) {
        if let Some(followed) = self.index.followed.get_mut(&mailbox) {
            followed.head = Some(followed.seq);
        }
    }

    /// A follow has ended. A right that is over for good ends the mailbox here.
    pub(crate) fn follow_ended(&mut self, mailbox: MailboxId, refusal: &Refusal) -> Result<()> {
        if !matches!(refusal.code, ErrorCode::LeaseOver) {
            return Ok(());
        }
        let relay_now = self.relay_now();
        self.write(|ctx| ctx.access_over(&mailbox, relay_now))
    }

    /// The relay's clock, as far as it was told: leases run by it and not by this machine's.
    pub(crate) fn relay_now(&self) -> u64 {
        let ahead = self.index.clock_difference.unwrap_or(0);
        crate::core::shared::clock().saturating_add_signed(ahead.saturating_neg())
    }

    /// Mailboxes whose lease has run out by the relay's clock and which are still followed, and
    /// how many milliseconds the next one has left.
    pub(crate) fn leases(&self) -> (Vec<MailboxId>, Option<u64>) {
        let now = self.relay_now();
        let members = || {
            let followed = self.index.followed.iter();
            followed.filter(|(_, f)| f.kind == MailboxKind::Shared && !f.owned)
        };
        let over = members().filter(|(_, f)| f.lease < now).map(|(id, _)| *id);
        let next = members()
            .map(|(_, f)| f.lease)
            .filter(|lease| *lease >= now)
            .min();
        (over.collect(), next.map(|lease| lease - now))
    }

    /// Takes events of several mailboxes over in one transaction; `false` if something of them cannot
    /// be taken in: then nothing was, and each mailbox must be tried for itself.
    ///
    /// # Errors
    /// None of what came: only faults after the transaction.
    pub(crate) fn take_all_events(&mut self, all: &[(MailboxId, Events)]) -> Result<bool> {
        let taken = self.write(|ctx| {
            for (mailbox, events) in all {
                for event in &events.events {
                    if ctx.take_event(mailbox, event)? == Pace::Stay {
                        return Err(ErrorCode::CannotFollow.into());
                    }
                }
            }
            Ok(())
        });
        if taken.is_err() {
            return Ok(false);
        }
        self.index.last_sync = Some((self.clock)());
        for (mailbox, events) in all {
            self.read_up_to(mailbox, events);
        }
        Ok(true)
    }

    fn read_up_to(&mut self, mailbox: &MailboxId, events: &Events) {
        if let Some(followed) = self.index.followed.get_mut(mailbox) {
            followed.head = followed.head.max(Some(events.head.seq.max(followed.seq)));
        }
    }

    /// Takes events over with the cursor, in one transaction.
    ///
    /// # Errors
    /// [`ErrorCode::CannotFollow`]: what stands before the event that could not be taken in is
    /// kept; any other error: nothing is.
    pub(crate) fn take_events(&mut self, mailbox: MailboxId, events: &Events) -> Result<()> {
        self.index.last_sync = Some((self.clock)());
        let result = self.write(|ctx| {
            for event in &events.events {
                if ctx.take_event(&mailbox, event)? == Pace::Stay {
                    return Ok(Pace::Stay);
                }
            }
            Ok(Pace::On)
        });
        match result {
            Ok(Pace::Stay) => Err(ErrorCode::CannotFollow.into()),
            Ok(Pace::On) => {
                self.read_up_to(&mailbox, events);
                Ok(())
            }
            Err(error) => {
                self.index.last_failure = Some(error.code);
                if error.code == ErrorCode::OldVault {
                    // From now on this copy can be read and never sends again.
                    self.index.stopped = Some(error.code);
                    self.vault.compare_own_head(&mailbox.0, u64::MAX)?;
                }
                Err(error)
            }
        }
    }
}

impl Ctx<'_, '_> {
    pub(crate) fn take_event(&mut self, mailbox: &MailboxId, event: &Event) -> Result<Pace> {
        let before = self.cursor(mailbox)?;
        let mut cursor = before;
        if event.header.seq <= cursor.seq {
            return Ok(Pace::On);
        }
        let held = self.held(mailbox)?;
        if held.used == MailboxUse::OneTime && held.owner.is_none() {
            // A taker of an invitation enters in the middle of a chain whose beginning it cannot
            // know; what it finds there proves itself by the link's secret.
            cursor = Cursor {
                seq: event.header.seq,
                hash: cursor.hash,
            };
        } else {
            cursor
                .advance(event)
                .map_err(|_| Error::of(ErrorCode::BrokenChain))?;
            self.note_link(mailbox, cursor.seq, &cursor.hash)?;
        }
        self.put_cursor(mailbox, &cursor)?;
        match self.dispatch(&held, event, &before.hash, &cursor) {
            Ok(Pace::On) => Ok(Pace::On),
            Ok(Pace::Stay) => {
                self.put_cursor(mailbox, &before)?;
                Ok(Pace::Stay)
            }
            // Whatever somebody else did wrong, the mailbox moves on; only faults of this
            // machine stop it.
            Err(error) if is_local(error.code) => Err(error),
            Err(_) => Ok(Pace::On),
        }
    }

    fn dispatch(&mut self, held: &Held, event: &Event, before: &Digest, at: &Cursor) -> Result<Pace> {
        let Some(payload) = &event.payload else {
            return Ok(Pace::On);
        };
        match (held.used, held.kind, event.header.kind) {
            (MailboxUse::Inbox, MailboxKind::Personal, EventKind::MESSAGE) => {
                self.count_inbox(held, event)?;
                if self.stamp_came(event, before)? {
                    return Ok(Pace::On);
                }
                self.take_deposit(held, payload, event.header.stamp)
            }
            (MailboxUse::Inbox, MailboxKind::Personal, EventKind::OWNER) => {
                self.depositors_set(held, payload)
            }
            (MailboxUse::OneTime, _, EventKind::MESSAGE) => self.take_one_time(held, payload, at),
            (MailboxUse::Orders, MailboxKind::Personal, EventKind::MESSAGE) => {
                self.desk_told(held, payload, event.header.stamp)
            }
            (MailboxUse::Results, MailboxKind::Personal, EventKind::MESSAGE) => {
                self.lab_answered(held, payload, event.header.stamp)
            }
            (MailboxUse::Study, MailboxKind::Personal, EventKind::MESSAGE) => {
                self.study_told(held, payload, event.header.stamp)
            }
            (MailboxUse::StudyAnswers, MailboxKind::Personal, EventKind::MESSAGE) => {
                self.study_answered(held, payload)
            }
            (MailboxUse::Outbox, MailboxKind::Personal, EventKind::FORWARDED) => self.request_became(payload),
            (MailboxUse::OneTime, ..) | (_, MailboxKind::Personal, _) => Ok(()),
            (_, MailboxKind::Shared, _) => return self.take_group_event(held, event, payload, at),
        }
        .map(|()| Pace::On)
    }
}

/// Whether an error is about this machine rather than about what came.
pub(crate) const fn is_local(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::VaultLocked
            | ErrorCode::VaultDamaged
            | ErrorCode::OldVault
            | ErrorCode::LocalDiskFull
            | ErrorCode::LocalIo
            | ErrorCode::AgentFault
            | ErrorCode::ClockWrong
    )
}

impl Ctx<'_, '_> {
    /// Keeps the chain hash of a position, to compare with what others saw.
    pub(crate) fn note_link(&mut self, mailbox: &MailboxId, seq: u64, hash: &Digest) -> Result<()> {
        let list = crate::core::names::chain(mailbox);
        self.tx.put_at(Table::Scratch, &list, seq, &hash.0)?;
        if seq > KEPT_LINKS {
            self.tx.delete_at(Table::Scratch, &list, seq - KEPT_LINKS)?;
        }
        Ok(())
    }

    /// The chain hash of a position, if it is still kept.
    pub(crate) fn link_at(&self, mailbox: &MailboxId, seq: u64) -> Result<Option<Digest>> {
        let bytes = self
            .tx
            .at(Table::Scratch, &crate::core::names::chain(mailbox), seq)?;
        Ok(bytes
            .and_then(|b| <[u8; 32]>::try_from(b.as_slice()).ok())
            .map(Digest))
    }
}
