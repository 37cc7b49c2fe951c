//! Seats in groups: who asks for one, who must leave, and the commit that brings a group in line.
//!
//! Bringing in line is one function, run after every commit and whenever a history or a request
//! comes. It looks at what the group is and what it should be, so it can be run at any time, by
//! any endpoint: the first commit wins, and the others look again.

use serde::{Deserialize, Serialize};
use telesphor_clinical::message::{GroupMessage, Welcome};
use telesphor_clinical::own_device::{SeatGiven, SeatRequest};
use telesphor_clinical::self_entry::{MailboxUse, SelfEntry};
use telesphor_sealing::package::{make_packages, open_package, seal_package};
use telesphor_sealing::{
    Expectation, GroupSession, Member, PackageAddress, PackageRules, Seat, Standing, Suite, VerifiedPackage,
    WelcomeLetter,
};
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::mailbox::{Cursor, MailboxKind};
use telesphor_wire::sign::PublicKey;

use crate::core::Ctx;
use crate::core::records::{Held, Job, Known, MailboxState, Padding};
use crate::error::{Error, Result};
use crate::group::begin::OWNER_KEY_EXTENSION;
use crate::group::change::Staging;
use crate::group::policy::policy_hash;
use crate::group::rows::{Rows, apply};
use crate::mailbox::open::NO_END;
use crate::people;
use crate::team::team_policy;

/// A request for a seat, kept until the endpoint sits there.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) endpoint: PublicKey,
    /// For which mailbox the package was sealed.
    pub(crate) at: MailboxId,
    pub(crate) package: Bytes,
    pub(crate) secret: Secret,
}

/// How long a conversation is waited for before another one is begun, milliseconds.
const SEAT_WAIT_MS: u64 = 60_000;

fn asked_name(mailbox: &MailboxId, endpoint: &PublicKey) -> Vec<u8> {
    [b"seat/", &mailbox.0[..], &endpoint.0[..]].concat()
}

fn muted_name(mailbox: &MailboxId) -> Vec<u8> {
    [b"muted/", &mailbox.0[..]].concat()
}

impl Ctx<'_, '_> {
    /// Asks the other endpoints for a seat in a group.
    pub(crate) fn ask_seat(&mut self, mailbox: MailboxId, with: Option<IdentityId>) -> Result<()> {
        let here = self.keys.endpoint.public();
        let name = asked_name(&mailbox, &here);
        if self.tx.contains(Table::Groups, &name)? {
            return Ok(());
        }
        let step = make_packages(
            &Rows(self.tx),
            &self.keys.member,
            Suite::default(),
            1,
            false,
            self.now,
        )?;
        let packages = step.commit(|diff, _| apply(self.tx, diff))?;
        let package = packages.first().ok_or(Error::fault("package"))?;
        let to = PackageAddress {
            mailbox,
            contact: here,
        };
        let secret = Secret::random();
        let package = seal_package(package, &self.keys.member, &self.keys.endpoint, &to, &secret)?;
        let asked = Asked {
            endpoint: here,
            at: mailbox,
            package: package.clone(),
            secret: secret.clone(),
        };
        self.put(Table::Groups, &name, &asked)?;
        if let Some(with) = with
            && let Some(mut known) = self.get::<Known>(Table::Contacts, &with.0)?
        {
            known.retry_at = known.retry_at.max(self.now + SEAT_WAIT_MS);
            self.put(Table::Contacts, &with.0, &known)?;
        }
        self.own(SelfEntry::Seat(SeatRequest {
            mailbox,
            endpoint: here,
            package,
            secret,
        }))
    }

    /// Another endpoint asks for a seat.
    pub(crate) fn seat_asked(&mut self, request: SeatRequest) -> Result<()> {
        self.keep_asked(
            &request.mailbox,
            &Asked {
                endpoint: request.endpoint,
                at: request.mailbox,
                package: request.package,
                secret: request.secret,
            },
        )?;
        self.reconcile(&request.mailbox)
    }

    pub(crate) fn drop_asked(&mut self, mailbox: &MailboxId, endpoint: &PublicKey) -> Result<()> {
        self.tx.delete(Table::Groups, &asked_name(mailbox, endpoint))?;
        Ok(())
    }

    pub(crate) fn keep_asked(&mut self, mailbox: &MailboxId, asked: &Asked) -> Result<()> {
        self.put(Table::Groups, &asked_name(mailbox, &asked.endpoint), asked)
    }

    /// Brings every group in line.
    pub(crate) fn reconcile_all(&mut self) -> Result<()> {
        let mut all = Vec::new();
        for (_, bytes) in self.tx.scan(Table::Mailboxes)? {
            if let Ok(held) = canonical::decode::<Held>(&bytes) {
                all.push(held.id);
            }
        }
        for mailbox in all {
            self.reconcile(&mailbox)?;
        }
        Ok(())
    }

    /// Brings one group in line: endpoints that have ended go, endpoints that asked come.
    pub(crate) fn reconcile(&mut self, mailbox: &MailboxId) -> Result<()> {
        let Some(held) = self.get::<Held>(Table::Mailboxes, &mailbox.0)? else {
            return Ok(());
        };
        if held.used == MailboxUse::Team {
            return self.team_line(mailbox);
        }
        let group = held.kind == MailboxKind::Shared
            && !matches!(held.used, MailboxUse::OneTime | MailboxUse::Shared);
        if !group || held.state != MailboxState::Open {
            return Ok(());
        }
        let look = |session: &GroupSession| {
            let pending = session.pending().is_some();
            (
                session.members(),
                session.binding().owner,
                session.standing(),
                pending,
            )
        };
        let Some((seats, owner, standing, pending)) = self.look_group(mailbox, look)? else {
            return Ok(());
        };
        let seats = seats?;
        let me = self.me();
        let mut remove = Vec::new();
        let mut muted = false;
        for seat in &seats {
            if seat.member.endpoint == self.keys.endpoint.public() || !self.has_ended(&seat.member)? {
                continue;
            }
            muted = true;
            if seat.member.identity == me || owner == me {
                remove.push(seat.index);
            }
        }
        self.mute(mailbox, muted)?;
        if standing != Standing::Member || pending {
            return Ok(());
        }
        let add = self.next_to_seat(mailbox, &seats)?;
        if add.is_none() && remove.is_empty() {
            return Ok(());
        }
        let mut change = Staging {
            remove,
            ..Staging::default()
        };
        let mut endpoint = None;
        if let Some(package) = add {
            // Every member must know the newcomer before it judges the commit.
            let history = GroupMessage::History(Bytes(self.my_history()?));
            change.after = Some(self.say(*mailbox, &history, Padding::Message, Job::Nothing(true))?);
            endpoint = Some(package.member().endpoint);
            change.add.push(package);
        }
        if let Some(letter) = self.commit(mailbox, change)? {
            self.keep_letter_for(letter, me, endpoint)?;
        }
        Ok(())
    }

    /// The next endpoint that asked for a seat and has none.
    pub(crate) fn next_to_seat(
        &mut self,
        mailbox: &MailboxId,
        seats: &[Seat],
    ) -> Result<Option<VerifiedPackage>> {
        let prefix = [b"seat/", &mailbox.0[..]].concat();
        let mut waiting: Vec<Asked> = Vec::new();
        for (name, bytes) in self.tx.scan(Table::Groups)? {
            if name.starts_with(&prefix) {
                waiting.extend(canonical::decode::<Asked>(&bytes).ok());
            }
        }
        let members = match self.history(&self.me())? {
            Some(history) => people::members(&history),
            None => return Ok(None),
        };
        for asked in waiting {
            let mine = asked.endpoint == self.keys.endpoint.public();
            let live = members.iter().any(|m| m.endpoint == asked.endpoint);
            let seated = seats.iter().any(|s| s.member.endpoint == asked.endpoint);
            let to = PackageAddress {
                mailbox: asked.at,
                contact: asked.endpoint,
            };
            let rules = PackageRules {
                endpoints: &members,
                min_suite: self.min_suite(),
                now: self.now,
            };
            if !mine
                && live
                && !seated
                && let Ok(package) = open_package(&asked.package, &to, &asked.secret, &rules)
                && package.member().endpoint == asked.endpoint
            {
                return Ok(Some(package));
            }
            self.tx
                .delete(Table::Groups, &asked_name(mailbox, &asked.endpoint))?;
        }
        Ok(None)
    }

    /// Whether an endpoint has ended, as far as is known.
    fn has_ended(&self, member: &Member) -> Result<bool> {
        let history = self.history(&member.identity)?;
        Ok(history.is_some_and(|h| {
            h.now()
                .endpoint(&member.endpoint)
                .is_some_and(|e| e.ended.is_some())
        }))
    }

    fn mute(&mut self, mailbox: &MailboxId, muted: bool) -> Result<()> {
        let name = muted_name(mailbox);
        if muted {
            self.put(Table::Groups, &name, &true)
        } else {
            self.tx.delete(Table::Groups, &name)?;
            Ok(())
        }
    }

    /// Whether an endpoint sits there that has ended: nothing is said before it is gone.
    pub(crate) fn is_muted(&self, mailbox: &MailboxId) -> Result<bool> {
        Ok(self.tx.contains(Table::Groups, &muted_name(mailbox))?)
    }

    /// The commit that gives another endpoint its seat has won.
    pub(crate) fn welcome_sibling(
        &mut self,
        held: &Held,
        letter: &WelcomeLetter,
        endpoint: PublicKey,
        from: Cursor,
    ) -> Result<()> {
        let owner = self.look_group(&held.id, |session| session.binding().owner)?;
        let owner = owner.ok_or(Error::of(ErrorCode::NotFound))?;
        let welcome = self.welcome_of(held, owner, letter, from);
        if held.used == MailboxUse::Own {
            return self.hand_over(endpoint, welcome);
        }
        self.own(SelfEntry::SeatGiven(Box::new(SeatGiven {
            endpoint,
            with: held.with,
            welcome,
        })))
    }

    /// Another endpoint gave this one its seat.
    pub(crate) fn seat_given(&mut self, given: SeatGiven) -> Result<()> {
        if given.endpoint != self.keys.endpoint.public() {
            return Ok(());
        }
        let held: Option<Held> = self.get(Table::Mailboxes, &given.welcome.mailbox.0)?;
        if held.is_some_and(|h| h.state == MailboxState::Open) {
            return Ok(());
        }
        self.take_seat(&given.welcome, given.with)?;
        if given.welcome.used == MailboxUse::Conversation
            && let Some(with) = given.with
            && let Some(mut known) = self.get::<Known>(Table::Contacts, &with.0)?
        {
            if !known.conversations.contains(&given.welcome.mailbox) {
                known.conversations.push(given.welcome.mailbox);
            }
            self.put(Table::Contacts, &with.0, &known)?;
        }
        Ok(())
    }

    /// Enters a group by a Welcome of one's own identity. Every member must stand, or have
    /// stood, in the history of an identity that belongs there.
    pub(crate) fn take_seat(&mut self, welcome: &Welcome, with: Option<IdentityId>) -> Result<()> {
        let refused = Error::of(ErrorCode::CannotOpen);
        let letter: WelcomeLetter = canonical::decode(&welcome.mls).map_err(|_| refused.clone())?;
        let same = (letter.branch, letter.epoch) == (welcome.branch, welcome.epoch);
        if !same || letter.domain != welcome.domain {
            return Err(refused);
        }
        let team = self.team(&welcome.mailbox)?;
        let policy = match (welcome.used, &team) {
            (MailboxUse::Team, Some(known)) => team_policy(&known.team.grant),
            (MailboxUse::Team, None) => return Err(refused),
            (used, _) => policy_hash(used),
        };
        let expect = Expectation {
            mailbox: Some(welcome.mailbox),
            min_suite: self.min_suite(),
            owner: Some(welcome.owner),
            policy: Some(policy),
            replace: true,
        };
        let step = GroupSession::join(&Rows(self.tx), &self.keys.member, &letter, &expect)
            .map_err(|_| refused.clone())?;
        step.commit(|diff, (_, joined)| {
            let by_us = joined.by.identity == self.me();
            for seat in &joined.members {
                let known = match self.history(&seat.member.identity)? {
                    Some(history) => history.now().endpoint(&seat.member.endpoint).is_some(),
                    None => welcome.used == MailboxUse::Vitals,
                };
                if !known {
                    return Err(Error::of(ErrorCode::BadDocument));
                }
            }
            if !by_us {
                return Err(Error::of(ErrorCode::BadDocument));
            }
            apply(self.tx, diff)
        })?;
        let owner_key: PublicKey = welcome
            .ext
            .get(OWNER_KEY_EXTENSION)
            .and_then(|e| canonical::decode(&e.body).ok())
            .ok_or(refused)?;
        let owner = self.owner_keys_told(&welcome.mailbox)?;
        let held = Held {
            id: welcome.mailbox,
            domain: welcome.domain.clone(),
            kind: MailboxKind::Shared,
            used: welcome.used,
            state: MailboxState::Open,
            owner_key: owner.as_ref().map_or(owner_key, |o| o.key().public()),
            owner,
            entered: welcome.from.seq,
            genesis: Digest([0; 32]),
            branch: welcome.branch,
            epoch: welcome.epoch,
            with,
            deposit_keys: Vec::new(),
            lease: NO_END,
            name: String::new(),
        };
        self.put_cursor(&held.id, &welcome.from)?;
        self.put_held(&held)?;
        self.note_link(&held.id, welcome.from.seq, &welcome.from.hash)?;
        self.tx
            .delete(Table::Groups, &asked_name(&held.id, &self.keys.endpoint.public()))?;
        if held.used == MailboxUse::Team {
            self.own_seat_taken(&held.id)?;
        }
        self.announce(&held.id, held.branch, held.epoch)?;
        self.reconcile(&held.id)
    }
}
