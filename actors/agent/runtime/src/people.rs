//! Key histories as known here: read, learnt, and asked for endpoints.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use telesphor_identity::evidence::Domains;
use telesphor_identity::history::{History, VerifiedHistory};
use telesphor_sealing::Member;
use telesphor_vault::{Records, Table};
use telesphor_wire::command::OwnerAct;
use telesphor_wire::domain::DomainRecord;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::sign::PublicKey;

use crate::core::records::{Job, Known, MailboxState};
use crate::core::verified::Verified;
use crate::core::{Ctx, Profile};
use crate::error::{Error, Result};

/// The domains whose receipts are believed: the home domain.
pub(crate) fn domains(profile: &Profile) -> Domains {
    Domains::from_iter([profile.record().clone()])
}

/// A verified history from the vault.
pub(crate) fn history(
    records: &impl Records,
    profile: &Profile,
    id: &IdentityId,
) -> Result<Option<(History, VerifiedHistory)>> {
    let Some(bytes) = records.get(Table::Histories, &id.0)? else {
        return Ok(None);
    };
    let known = profile
        .verified
        .history(profile.record(), &bytes)
        .map_err(|e| Error::of(e.code()))?;
    Ok(Some((*known).clone()))
}

/// The endpoints that may act for an identity now.
pub(crate) fn members(history: &VerifiedHistory) -> Vec<Member> {
    history
        .now()
        .live_endpoints()
        .map(|e| Member {
            identity: history.id(),
            endpoint: e.record.key,
            leaf: e.record.mls_leaf,
        })
        .collect()
}

/// The endpoints that act or have acted for an identity. Members judge a commit in the order of
/// its mailbox, but may have learnt elsewhere that an endpoint has ended since: an endpoint that
/// came before it ended must be let in by all, and goes by the next commit.
pub(crate) fn all_members(history: &VerifiedHistory) -> Vec<Member> {
    history
        .now()
        .endpoints
        .iter()
        .map(|e| Member {
            identity: history.id(),
            endpoint: e.record.key,
            leaf: e.record.mls_leaf,
        })
        .collect()
}

/// Histories of those whom a change of a group may let in or put out. Each is verified only when
/// somebody is asked about: most changes concern few of them or nobody.
pub(crate) struct Histories {
    home: Option<(Verified, DomainRecord)>,
    of: HashMap<IdentityId, Vec<u8>>,
    looked: RefCell<HashMap<IdentityId, Endpoints>>,
}

/// Endpoints of one identity.
#[derive(Default)]
struct Endpoints {
    /// All it ever had.
    all: Vec<Member>,
    /// Those that act for it now.
    live: Vec<Member>,
}

impl Histories {
    /// Whether the identity's history is here.
    pub(crate) fn has(&self, id: &IdentityId) -> bool {
        self.of.contains_key(id)
    }

    /// Whether a member is an endpoint that acts or has acted for its identity.
    pub(crate) fn contain(&self, member: &Member) -> bool {
        self.look(&member.identity, |e| e.all.contains(member))
    }

    /// Whether a member is an endpoint that acted for its identity and acts no more.
    pub(crate) fn ended(&self, member: &Member) -> bool {
        self.look(&member.identity, |e| {
            e.all.contains(member) && !e.live.contains(member)
        })
    }

    fn look(&self, id: &IdentityId, at: impl FnOnce(&Endpoints) -> bool) -> bool {
        at(self.looked.borrow_mut().entry(*id).or_insert_with(|| {
            let known = self.home.as_ref().zip(self.of.get(id));
            let known = known.and_then(|((verified, home), bytes)| verified.history(home, bytes).ok());
            known.map_or_else(Endpoints::default, |known| Endpoints {
                all: all_members(&known.1),
                live: members(&known.1),
            })
        }))
    }

    /// As if these had been looked up: what each identity had, and what of it is left.
    #[cfg(test)]
    pub(crate) fn said(all: &[Member], live: &[Member]) -> Self {
        let of = |members: &[Member], id| -> Vec<Member> {
            let own = members.iter().filter(|m: &&Member| m.identity == id);
            own.cloned().collect()
        };
        let looked = all.iter().map(|m| {
            let (all, live) = (of(all, m.identity), of(live, m.identity));
            (m.identity, Endpoints { all, live })
        });
        Self {
            home: None,
            of: HashMap::new(),
            looked: RefCell::new(looked.collect()),
        }
    }
}

impl Ctx<'_, '_> {
    /// The histories of these people, as far as they are here.
    pub(crate) fn histories(&self, people: impl IntoIterator<Item = IdentityId>) -> Result<Histories> {
        let mut of = HashMap::new();
        for id in people {
            let bytes = self.tx.get(Table::Histories, &id.0)?;
            of.extend(bytes.map(|bytes| (id, bytes.to_vec())));
        }
        Ok(Histories {
            home: Some((self.profile.verified.clone(), self.profile.record().clone())),
            of,
            looked: RefCell::default(),
        })
    }

    /// The verified history of somebody known here.
    pub(crate) fn history(&self, id: &IdentityId) -> Result<Option<VerifiedHistory>> {
        let Some(bytes) = self.tx.get(Table::Histories, &id.0)? else {
            return Ok(None);
        };
        Ok(Some(self.verify_history(&bytes)?.1.clone()))
    }

    fn verify_history(&self, bytes: &[u8]) -> Result<Arc<(History, VerifiedHistory)>> {
        let known = self.profile.verified.history(self.profile.record(), bytes);
        known.map_err(|e| Error::of(e.code()))
    }

    /// The live endpoint keys of somebody known here; none if unknown.
    pub(crate) fn endpoint_keys(&self, id: &IdentityId) -> Result<Vec<PublicKey>> {
        let history = self.history(id)?;
        Ok(history
            .map(|h| h.now().live_endpoints().map(|e| e.record.key).collect())
            .unwrap_or_default())
    }

    /// Takes a history over if it is the named identity's, holds, and continues what is known.
    /// An older copy changes nothing; one that contradicts is a dispute.
    pub(crate) fn learn_history(&mut self, id: &IdentityId, bytes: &[u8]) -> Result<VerifiedHistory> {
        let known = self.verify_history(bytes)?;
        let verified = known.1.clone();
        if verified.id() != *id {
            return Err(ErrorCode::BrokenHistory.into());
        }
        if let Some(known) = self.history(id)? {
            if known.at_head(&verified.head()).is_some() {
                return Ok(known);
            }
            if verified.at_head(&known.head()).is_none() {
                return Err(ErrorCode::Disputed.into());
            }
        }
        self.tx.put(Table::Histories, &id.0, bytes)?;
        if *id == self.me() {
            self.fx.keys = true;
        }
        Ok(verified)
    }

    /// A history has grown. A group in which an endpoint sits that has ended since is brought in
    /// line: whoever may remove it does. Until then nothing is said there, and where nobody is
    /// left of that identity the conversation is given up: the next message begins a new one.
    /// What was shown in a room that an ended endpoint can open moves to another room.
    pub(crate) fn history_grew(&mut self, who: &IdentityId, bytes: &[u8]) -> Result<()> {
        let before = self.ended_count(who)?;
        let history = self.learn_history(who, bytes)?;
        if self.ended_count(who)? > before && *who != self.me() {
            self.device_ended(who)?;
        }
        if *who == self.me() {
            return self.own_history_grew(&history);
        }
        let now = members(&history);
        let Some(mut known) = self.get::<Known>(Table::Contacts, &who.0)? else {
            return Ok(());
        };
        let mut stay = Vec::new();
        for mailbox in std::mem::take(&mut known.conversations) {
            let seats = self.seats(&mailbox)?;
            let theirs: Vec<_> = seats.iter().filter(|s| s.member.identity == *who).collect();
            if theirs.is_empty() || theirs.iter().any(|seat| now.contains(&seat.member)) {
                stay.push(mailbox);
                continue;
            }
            let mut held = self.held(&mailbox)?;
            held.state = MailboxState::Ended;
            self.put_held(&held)?;
            if held.owner.is_some() {
                let close = OwnerAct::Close(Extensions::none());
                self.enqueue_act(mailbox, close, Job::Nothing(true), None)?;
            }
        }
        known.conversations = stay;
        self.put(Table::Contacts, &who.0, &known)?;
        self.leave_rooms_with(who, &now)?;
        self.reconcile_all()
    }

    /// How many devices of somebody have ended, as far as is known here.
    pub(crate) fn ended_count(&self, who: &IdentityId) -> Result<usize> {
        let history = self.history(who)?;
        Ok(history.map_or(0, |h| {
            h.now().endpoints.iter().filter(|e| e.ended.is_some()).count()
        }))
    }

    /// Gives a conversation up: the next message begins another.
    pub(crate) fn leave_conversation(&mut self, who: &IdentityId, mailbox: &MailboxId) -> Result<()> {
        let mut held = self.held(mailbox)?;
        held.state = MailboxState::Ended;
        self.put_held(&held)?;
        if let Some(mut known) = self.get::<Known>(Table::Contacts, &who.0)? {
            known.conversations.retain(|m| m != mailbox);
            self.put(Table::Contacts, &who.0, &known)?;
        }
        Ok(())
    }

    /// The head of one's own history, as signatures name it.
    pub(crate) fn my_head(&self) -> Result<telesphor_wire::hash::Digest> {
        Ok(self
            .history(&self.me())?
            .ok_or(Error::fault("own history"))?
            .head())
    }

    /// Canonical bytes of one's own history.
    pub(crate) fn my_history(&self) -> Result<Vec<u8>> {
        let bytes = self
            .tx
            .get(Table::Histories, &self.me().0)?
            .ok_or(Error::fault("own history"))?;
        Ok(bytes.to_vec())
    }
}
