//! A team of the sealing layer, as far as some of its members know it. Rows lie in a map.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use telesphor_sealing::package::{make_packages, open_package, seal_package};
use telesphor_sealing::{
    Binding, Change, CommitPlan, EpochKeys, Expectation, Forbidden, Founding, GroupSession, Incoming,
    MemberKeys, PackageAddress, PackageRules, Received, StagedOut, Step, Suite, VerifiedPackage,
    WelcomeLetter,
};
use telesphor_wire::canonical;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{CommandId, IdentityId, MailboxId};
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::sign::{PublicKey, SigningKey};
use telesphor_wire::text::Domain;

use crate::error::{Result, odd};

const HOUR_MS: u64 = 3_600_000;

/// Where a team lives.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) mailbox: MailboxId,
    pub(crate) domain: Domain,
    pub(crate) suite: Suite,
    pub(crate) owner: PublicKey,
}

/// Somebody who sits in the group, or could.
pub(crate) struct Ours {
    place: Place,
    pub(crate) keys: MemberKeys,
    endpoint: SigningKey,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    session: Option<GroupSession>,
}

pub(crate) fn now() -> Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(odd)?;
    u64::try_from(now.as_millis()).map_err(odd)
}

/// A commit as the relay has ordered it.
pub(crate) struct Ordered {
    from_epoch: u64,
    payload: Vec<u8>,
}

impl Ordered {
    pub(crate) fn of(staged: &StagedOut) -> Self {
        Self {
            from_epoch: staged.commit.body.from_epoch,
            payload: canonical::encode(&staged.commit),
        }
    }

    /// Bytes on the wire.
    pub(crate) const fn len(&self) -> usize {
        self.payload.len()
    }
}

/// Who may is not measured here.
fn anybody(_: &Change) -> std::result::Result<(), Forbidden> {
    Ok(())
}

impl Ours {
    pub(crate) fn new(place: &Place) -> Self {
        let endpoint = SigningKey::generate();
        let identity = IdentityId(*Secret::random().expose());
        Self {
            place: place.clone(),
            keys: MemberKeys::new(identity, endpoint.public(), &Secret::random()),
            endpoint,
            rows: BTreeMap::new(),
            session: None,
        }
    }

    fn write<T>(&mut self, step: Step<(GroupSession, T)>) -> Result<T> {
        let rows = &mut self.rows;
        let written = step.commit(|diff, _| {
            diff.apply_to(rows);
            Ok::<_, crate::error::Error>(())
        });
        let (session, output) = written?;
        self.session = Some(session);
        Ok(output)
    }

    fn take(&mut self) -> Result<GroupSession> {
        self.session.take().ok_or_else(|| odd("no group"))
    }

    pub(crate) fn session(&self) -> Result<&GroupSession> {
        self.session.as_ref().ok_or_else(|| odd("no group"))
    }

    /// The keys for the relay in the present epoch.
    pub(crate) fn access(&self) -> Result<EpochKeys> {
        self.session()?.keys(&self.rows).map_err(odd)
    }

    pub(crate) fn package(&mut self) -> Result<VerifiedPackage> {
        let (suite, now) = (self.place.suite, now()?);
        let step = make_packages(&self.rows, &self.keys, suite, 1, false, now).map_err(odd)?;
        let rows = &mut self.rows;
        let made = step.commit(|diff, _| {
            diff.apply_to(rows);
            Ok::<_, crate::error::Error>(())
        })?;
        let to = PackageAddress {
            mailbox: self.place.mailbox,
            contact: self.endpoint.public(),
        };
        let secret = Secret::random();
        let first = made.first().ok_or_else(|| odd("no package"))?;
        let sealed = seal_package(first, &self.keys, &self.endpoint, &to, &secret).map_err(odd)?;
        let endpoints = [self.keys.member().clone()];
        let rules = PackageRules {
            endpoints: &endpoints,
            min_suite: suite.code(),
            now,
        };
        open_package(&sealed, &to, &secret, &rules).map_err(odd)
    }

    /// Founds the group, with first members.
    pub(crate) fn found(&mut self, members: Vec<VerifiedPackage>) -> Result<Option<WelcomeLetter>> {
        let (place, me) = (&self.place, self.keys.member().identity);
        let binding = Binding::new(
            place.mailbox,
            place.domain.clone(),
            me,
            place.suite,
            Digest([0; 32]),
        );
        let founding = Founding {
            binding,
            suite: place.suite,
            members,
            now: now()?,
        };
        let step = GroupSession::found(&self.rows, &self.keys, &founding).map_err(odd)?;
        Ok(self.write(step)?.welcome)
    }

    pub(crate) fn join(&mut self, letter: &WelcomeLetter) -> Result<()> {
        let expect = Expectation {
            mailbox: Some(self.place.mailbox),
            min_suite: self.place.suite.code(),
            owner: None,
            policy: None,
            replace: false,
        };
        let step = GroupSession::join(&self.rows, &self.keys, letter, &expect).map_err(odd)?;
        self.write(step).map(|_| ())
    }

    /// Stages a commit; with it comes the payload of its event.
    pub(crate) fn stage(&mut self, add: Vec<VerifiedPackage>, remove: Vec<u32>) -> Result<StagedOut> {
        let now = now()?;
        let update = CommitPlan::update(
            Digest([0; 32]),
            now + 24 * HOUR_MS,
            CommandId::random(),
            now + HOUR_MS,
        );
        let plan = CommitPlan {
            add,
            remove,
            ..update
        };
        let step = self
            .take()?
            .stage_commit(&self.rows, &self.keys, &plan, &anybody)
            .map_err(odd)?;
        self.write(step)
    }

    /// Takes a commit in, one's own or another's; whether it put this member out.
    pub(crate) fn follow(&mut self, staged: &StagedOut) -> Result<bool> {
        self.follow_ordered(&Ordered::of(staged))
    }

    /// The same with what came: writing it out is no part of following.
    pub(crate) fn follow_ordered(&mut self, commit: &Ordered) -> Result<bool> {
        let event = Incoming {
            kind: EventKind::COMMIT,
            branch: 0,
            epoch: commit.from_epoch,
            stamp: now()?,
            payload: &commit.payload,
        };
        match self.receive(event)? {
            Received::Moved(_) => Ok(false),
            Received::Removed(_) => Ok(true),
            other => Err(odd(format!("a commit was not followed: {other:?}"))),
        }
    }

    /// Takes an event in.
    pub(crate) fn receive(&mut self, event: Incoming<'_>) -> Result<Received> {
        let (session, owner) = (self.take()?, self.place.owner);
        let step = session
            .receive(&self.rows, &self.keys, event, &owner, &anybody)
            .map_err(odd)?;
        self.write(step)
    }

    /// Seals a message so large.
    pub(crate) fn seal(&mut self, content: &[u8]) -> Result<telesphor_sealing::SealedEvent> {
        let bucket = telesphor_wire::padding::Bucket::Message;
        let step = self
            .take()?
            .seal(&self.rows, &self.keys, content, bucket)
            .map_err(odd)?;
        self.write(step)
    }

    pub(crate) fn seat_of(&self, other: &Self) -> Result<u32> {
        let members = self.session()?.members().map_err(odd)?;
        let seat = members.into_iter().find(|s| s.member == *other.keys.member());
        seat.map(|s| s.index).ok_or_else(|| odd("no such member"))
    }

    /// Gives memory up and reads the group from its rows again, as the product does for each event.
    pub(crate) fn reload(&mut self) -> Result<()> {
        self.session = GroupSession::load(&self.rows, self.place.mailbox).map_err(odd)?;
        Ok(())
    }

    /// Bytes of stored state.
    pub(crate) fn stored(&self) -> usize {
        self.rows.values().map(Vec::len).sum()
    }
}
