//! What is under way, in memory: built from the vault, changed after each transaction.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use telesphor_clinical::self_entry::MailboxUse;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::mailbox::MailboxKind;
use telesphor_wire::text::SupportCode;

use crate::exchange::file::Came;
use crate::exchange::record::FarWish;

use super::records::{Entry, Held, MailboxState, Via, What};

/// Commands of one mailbox that may be under way at once. The sealing layer takes as many
/// messages of one sender out of order.
pub(crate) const WINDOW: usize = 32;

/// Who waits behind whom: entries of one lane go in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    Domain,
    Mailbox(MailboxId),
    Contact(IdentityId),
    /// What is said in a shared mailbox of documents. Apart from the commands that open and
    /// own it, because those must not wait behind it.
    Room(MailboxId),
    /// Stamps stand behind nothing, and nothing stands behind them.
    Stamps,
    /// Following a mailbox over there: always under way, and nothing waits for it.
    Follow(MailboxId),
    /// Fetching files from a mailbox over there: nothing that is said waits behind it.
    Files(MailboxId),
}

/// An outbox entry, without its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) lane: Lane,
    pub(crate) sealed: bool,
    pub(crate) in_flight: bool,
    /// What is under way is no more what it is to say: the answer to it says nothing of this entry.
    pub(crate) overtaken: bool,
    /// Lies in the outbox at home, for another domain.
    pub(crate) passed: bool,
    pub(crate) after: Option<u64>,
    pub(crate) not_before: Option<Instant>,
    /// Has been sent on some connection: a repeat must be the same bytes.
    pub(crate) tried: bool,
    /// Under which support code it was sent last.
    pub(crate) support: Option<SupportCode>,
    /// The group it was sealed for, and its number there if that was in this run.
    pub(crate) group: Option<MailboxId>,
    pub(crate) number: Option<u64>,
    /// Too much of its group is under way.
    pub(crate) full: bool,
    /// In which round it was last tried to be sealed and had to wait; 0 for never.
    pub(crate) looked: u64,
}

impl Slot {
    pub(crate) fn of(entry: &Entry) -> Self {
        let lane = match &entry.what {
            What::Ready(choice) => choice.mailbox.map_or(Lane::Domain, Lane::Mailbox),
            What::Owner(say) => Lane::Mailbox(say.mailbox),
            What::Group(say) => Lane::Mailbox(say.mailbox),
            What::Talk(say) => Lane::Contact(say.contact),
            What::Deposit(say) => Lane::Contact(say.contact),
            What::Room(say) => Lane::Room(say.mailbox),
            What::Stamp(_) => Lane::Stamps,
            What::Ledger(say) => Lane::Mailbox(say.entry.place()),
            What::Elsewhere(say) => match &say.wish {
                FarWish::Follow(mailbox) => Lane::Follow(*mailbox),
                FarWish::File(request) => Lane::Files(request.mailbox()),
                _ => Lane::Mailbox(say.mailbox),
            },
        };
        Self {
            lane,
            sealed: entry.command.is_some(),
            in_flight: false,
            overtaken: false,
            passed: matches!(entry.via, Via::Passed(_)),
            after: entry.after,
            not_before: None,
            tried: false,
            support: None,
            group: match (&entry.command, &entry.via) {
                (Some(_), Via::Member(member)) => Some(member.mailbox),
                _ => None,
            },
            number: None,
            full: false,
            looked: 0,
        }
    }

    /// How it stands, in words.
    pub(crate) fn state(&self) -> String {
        let mut words = vec![match (self.sealed, self.in_flight) {
            (false, _) => "not sealed",
            (true, false) => "sealed",
            (true, true) => "under way",
        }];
        words.extend(self.passed.then_some("waits for another hospital"));
        words.extend((self.sealed && !self.tried).then_some("never sent"));
        words.extend((self.group.is_some() && self.number.is_none()).then_some("by an earlier run"));
        words.extend(self.full.then_some("too much of its group is under way"));
        words.extend(self.not_before.map(|_| "not before an instant"));
        let words = words.join(", ");
        self.after
            .map_or(words.clone(), |first| format!("{words}, after {first}"))
    }
}

/// What the connection's task has to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Followed {
    pub(crate) kind: MailboxKind,
    pub(crate) branch: u32,
    pub(crate) epoch: u64,
    /// Read by the owner's right, which goes on when a member's lease is over.
    pub(crate) owned: bool,
    /// Until when a member's right runs, as far as is known here.
    pub(crate) lease: u64,
    /// Last event read.
    pub(crate) seq: u64,
    /// Where the relay said that the mailbox stands; `None` until it was asked since the start.
    pub(crate) head: Option<u64>,
}

impl Followed {
    /// Whether it is not read to its end, as far as is known: one whose end nobody has asked for
    /// yet counts, or the first moment after a start would look like the end of work.
    pub(crate) fn is_behind(&self) -> bool {
        self.head.is_none_or(|head| self.seq < head)
    }
}

/// The index.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) outbox: BTreeMap<u64, Slot>,
    pub(crate) followed: HashMap<MailboxId, Followed>,
    /// How many messages were sealed for each group in this run.
    pub(crate) sealed: HashMap<MailboxId, u64>,
    /// Rounds of sealing in this run.
    pub(crate) rounds: u64,
    /// Asked for and reached: all heads were looked up anew after the asking.
    pub(crate) fence_wanted: u64,
    pub(crate) fence_reached: u64,
    pub(crate) connected: bool,
    pub(crate) last_failure: Option<ErrorCode>,
    pub(crate) last_sync: Option<u64>,
    pub(crate) clock_difference: Option<i64>,
    /// Why this agent must not go on at all; no connection mends it.
    pub(crate) stopped: Option<ErrorCode>,
    /// Whether the relay writes delivery records; `None` until it was asked since the start.
    pub(crate) records_kept: Option<bool>,
    /// Somebody watches the access log: records are read every second instead of every minute.
    pub(crate) records_watched: bool,
    /// When the duties that nobody asks for are looked at next, Unix milliseconds.
    pub(crate) tend_at: u64,
    /// When the home domain's record is looked at next, Unix milliseconds.
    pub(crate) domain_at: u64,
    /// Home is to be asked about other domains, and not before when (Unix milliseconds).
    pub(crate) exchange_wanted: bool,
    pub(crate) exchange_at: u64,
    /// When care teams are looked at next, Unix milliseconds.
    pub(crate) teams_at: u64,
    /// Teams to bring in line: in which epoch, and not before when (Unix milliseconds). Lost with
    /// the program: at the next start all teams are looked at.
    pub(crate) lines: BTreeMap<MailboxId, (u64, u64)>,
    /// Teams in which words are held, and when they are due, Unix milliseconds.
    pub(crate) papers: BTreeMap<MailboxId, u64>,
    /// How many wait until they are said.
    pub(crate) papers_wanted: usize,
    /// Key packages made for seats in teams, in this run.
    pub(crate) packages: u64,
    /// Files may have to be put or told of.
    pub(crate) parts: bool,
    /// How far files have come on their way to the relay: bytes there, bytes in all.
    pub(crate) parts_have: HashMap<Digest, (u64, u64)>,
    /// Whose files could not be put or told of when it was last tried, and why.
    pub(crate) parts_failures: BTreeMap<DocumentId, ErrorCode>,
    /// Pieces of files from another domain that somebody waits for, and those of them that are here.
    pub(crate) pieces: BTreeMap<u64, Option<Came>>,
    /// There is a mandate here, given or held.
    pub(crate) mandates: bool,
    /// Something was written since mandates were looked at.
    pub(crate) changed: bool,
    /// Not before this are mandates looked at again, Unix milliseconds.
    pub(crate) mandates_at: u64,
}

impl Index {
    /// Notes a mailbox as it now stands; one that is not open is not followed.
    pub(crate) fn note(&mut self, held: &Held, seq: u64) {
        if held.state != MailboxState::Open {
            self.followed.remove(&held.id);
            return;
        }
        let head = self.followed.get(&held.id).and_then(|f| f.head);
        self.followed.insert(
            held.id,
            Followed {
                kind: held.kind,
                branch: held.branch,
                epoch: held.epoch,
                owned: matches!(held.used, MailboxUse::Shared | MailboxUse::Team) && held.owner.is_some(),
                lease: held.lease,
                seq,
                head,
            },
        );
    }

    /// Entries that are to come to an end: following a mailbox over there has none.
    pub(crate) fn to_do(&self) -> usize {
        let slots = self.outbox.values();
        slots.filter(|slot| !matches!(slot.lane, Lane::Follow(_))).count()
    }

    /// Whether nothing is to be done but to wait for what comes in mailboxes over there.
    pub(crate) fn is_sent(&self, aside: fn(&Slot) -> bool) -> bool {
        self.outbox.values().all(|slot| {
            let put_off = !slot.sealed && slot.not_before.is_some();
            let follows = matches!(slot.lane, Lane::Follow(_)) && (slot.passed || put_off);
            follows || aside(slot)
        })
    }

    /// Entries that are to be sealed now, at most `limit`, each lane's in order.
    ///
    /// First those that were never tried, then those whose last try is longest ago; of a lane that
    /// had to wait only its head. What many lanes wait for may stand behind all of them: if the
    /// oldest always came first, it would never have its turn.
    pub(crate) fn to_seal(&self, limit: usize) -> Vec<u64> {
        /// How far a lane has been gone through.
        #[derive(Clone, Copy)]
        enum At {
            /// What stands next has no turn before this round.
            Open(u64),
            Blocked,
        }
        let now = Instant::now();
        let mut lanes: HashMap<Lane, At> = HashMap::new();
        let mut turns = Vec::new();
        for (&seq, slot) in &self.outbox {
            if slot.sealed {
                continue;
            }
            let head = !lanes.contains_key(&slot.lane);
            let at = lanes.entry(slot.lane).or_insert(At::Open(0));
            let At::Open(after) = *at else { continue };
            if slot.full || self.waits(slot, now) {
                *at = At::Blocked;
                continue;
            }
            let turn = after.max(slot.looked);
            turns.push((turn, seq));
            *at = match head && turn > 0 {
                true => At::Blocked,
                false => At::Open(turn),
            };
        }
        turns.sort_unstable();
        turns.truncate(limit);
        turns.into_iter().map(|(_, seq)| seq).collect()
    }

    /// Entries that are to be sent now, in order.
    pub(crate) fn to_send(&self, limit: usize) -> Vec<u64> {
        let now = Instant::now();
        let mut lanes: HashMap<Lane, (usize, bool)> = HashMap::new();
        let mut out = Vec::new();
        for (&seq, slot) in &self.outbox {
            let (open, blocked) = lanes.entry(slot.lane).or_insert((0, false));
            if slot.in_flight || slot.passed {
                *open += 1;
            } else if *blocked || !slot.sealed || *open >= WINDOW || self.waits(slot, now) {
                *blocked = true;
            } else {
                *open += 1;
                out.push(seq);
                if out.len() == limit {
                    break;
                }
            }
        }
        out
    }

    /// The next instant at which something held back may go.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.outbox
            .values()
            .filter(|s| !s.in_flight)
            .filter_map(|s| s.not_before)
            .min()
    }

    /// The support code of the first entry that the relay was given and has not settled: what an
    /// operator is asked about when something does not get on.
    pub(crate) fn waiting_support(&self) -> Option<SupportCode> {
        let slots = self.outbox.values();
        let mut to_do = slots.filter(|slot| !matches!(slot.lane, Lane::Follow(_)));
        to_do.find_map(|slot| slot.support)
    }

    fn waits(&self, slot: &Slot, now: Instant) -> bool {
        slot.not_before.is_some_and(|t| t > now)
            || slot.after.is_some_and(|first| self.outbox.contains_key(&first))
    }

    /// Whether a mailbox has been read to its end, as the relay said where that is.
    pub(crate) fn is_read(&self, mailbox: Option<MailboxId>) -> bool {
        let followed = mailbox.and_then(|id| self.followed.get(&id));
        followed.is_some_and(|f| f.head.is_some_and(|head| f.seq >= head))
    }

    /// Mailboxes that are not read to their end.
    pub(crate) fn behind(&self) -> usize {
        self.followed.values().filter(|f| f.is_behind()).count()
    }
}
