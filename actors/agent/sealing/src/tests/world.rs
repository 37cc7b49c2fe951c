//! Devices, and a mailbox that orders what they put into it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::SystemTime;

use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{Commit, OwnerAct, OwnerCommand, Rewind, SignedOwnerCommand};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{CommandId, IdentityId, MailboxId};
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::padding::Bucket;
use telesphor_wire::sign::{PublicKey, SigningKey};
use telesphor_wire::text::Domain;

use crate::*;

pub(crate) const WHY: Digest = Digest([7; 32]);

pub(crate) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64
}

pub(crate) fn anyone(_: &Change) -> Result<(), Forbidden> {
    Ok(())
}

/// One endpoint with its store.
pub(crate) struct Device {
    pub(crate) keys: MemberKeys,
    pub(crate) endpoint: SigningKey,
    pub(crate) rows: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) mailbox: MailboxId,
    pub(crate) cursor: usize,
    /// Every other device keeps its group in memory between operations, the rest read it anew:
    /// whatever a test says of one must be so for the other.
    pub(crate) held: Option<RefCell<HeldGroups>>,
}

impl Device {
    pub(crate) fn new(n: u8, mailbox: MailboxId) -> Self {
        let endpoint = SigningKey::generate();
        let keys = MemberKeys::new(IdentityId([n; 32]), endpoint.public(), &Secret::random());
        Self {
            keys,
            endpoint,
            rows: BTreeMap::new(),
            mailbox,
            cursor: 0,
            held: (n % 2 == 1).then(RefCell::default),
        }
    }

    pub(crate) fn session(&self) -> GroupSession {
        match &self.held {
            Some(held) => held.borrow_mut().lend(&self.rows, self.mailbox),
            None => GroupSession::load(&self.rows, self.mailbox),
        }
        .unwrap()
        .unwrap()
    }

    /// Writes a step of the group, which may stay in memory.
    pub(crate) fn keep<T>(&mut self, step: Step<(GroupSession, T)>) -> T {
        let (session, output) = self.write(step);
        if let Some(held) = &mut self.held {
            held.get_mut().give_back(session);
            held.get_mut().written();
        }
        output
    }

    pub(crate) fn write<T>(&mut self, step: Step<T>) -> T {
        step.commit(|diff, _| {
            diff.apply_to(&mut self.rows);
            Ok::<(), ()>(())
        })
        .unwrap()
    }

    pub(crate) fn index(&self) -> u32 {
        self.session().me().unwrap().index
    }

    pub(crate) fn epoch_keys(&self) -> EpochKeys {
        self.session().keys(&self.rows).unwrap()
    }

    /// Leaves a package with a contact and lets the contact open it.
    pub(crate) fn package(&mut self, suite: Suite) -> VerifiedPackage {
        self.packages(suite, false).1
    }

    pub(crate) fn packages(&mut self, suite: Suite, last_resort: bool) -> (Bytes, VerifiedPackage) {
        let step = package::make_packages(&self.rows, &self.keys, suite, 1, last_resort, now_ms()).unwrap();
        let made = self.write(step);
        let (to, secret) = address();
        let sealed = package::seal_package(&made[0], &self.keys, &self.endpoint, &to, &secret).unwrap();
        let endpoints = [self.keys.member().clone()];
        let rules = PackageRules {
            endpoints: &endpoints,
            min_suite: 0x0001,
            now: now_ms(),
        };
        let open = package::open_package(&sealed, &to, &secret, &rules).unwrap();
        (sealed, open)
    }

    pub(crate) fn join(&mut self, letter: &WelcomeLetter) -> Joined {
        let step = GroupSession::join(&self.rows, &self.keys, letter, &expectation()).unwrap();
        self.keep(step)
    }

    pub(crate) fn seal(&mut self, content: &[u8]) -> SealedEvent {
        let step = self
            .session()
            .seal(&self.rows, &self.keys, content, Bucket::Message)
            .unwrap();
        self.keep(step)
    }

    pub(crate) fn stage(&mut self, plan: &CommitPlan) -> StagedOut {
        let step = self
            .session()
            .stage_commit(&self.rows, &self.keys, plan, &anyone)
            .unwrap();
        self.keep(step)
    }

    pub(crate) fn receive(&mut self, event: &Posted, owner: &PublicKey, policy: &dyn TeamPolicy) -> Received {
        let step = self
            .session()
            .receive(&self.rows, &self.keys, event.incoming(), owner, policy)
            .unwrap();
        self.keep(step)
    }

    /// Reads everything that is new.
    pub(crate) fn read(&mut self, relay: &Relay) -> Vec<Received> {
        self.read_by(relay, &anyone)
    }

    pub(crate) fn read_by(&mut self, relay: &Relay, policy: &dyn TeamPolicy) -> Vec<Received> {
        let mut all = Vec::new();
        while let Some(event) = relay.log.get(self.cursor) {
            all.push(self.receive(event, &relay.owner.public(), policy));
            self.cursor += 1;
        }
        all
    }

    pub(crate) fn read_one(&mut self, relay: &Relay) -> Received {
        let mut all = self.read(relay);
        assert_eq!(all.len(), 1, "exactly one new event");
        all.remove(0)
    }
}

pub(crate) fn address() -> (PackageAddress, Secret) {
    let contact = SigningKey::from_seed(&Secret::new([4; 32])).public();
    (
        PackageAddress {
            mailbox: MailboxId([9; 32]),
            contact,
        },
        Secret::new([5; 32]),
    )
}

pub(crate) fn expectation() -> Expectation {
    Expectation {
        mailbox: None,
        min_suite: 0x0001,
        owner: None,
        policy: None,
        replace: false,
    }
}

pub(crate) fn update() -> CommitPlan {
    CommitPlan::update(WHY, now_ms() + 1_000_000, CommandId::random(), now_ms() + 60_000)
}

pub(crate) fn add(packages: Vec<VerifiedPackage>) -> CommitPlan {
    CommitPlan {
        add: packages,
        ..update()
    }
}

pub(crate) fn remove(leaf: u32) -> CommitPlan {
    CommitPlan {
        remove: vec![leaf],
        ..update()
    }
}

/// An ordered event.
#[derive(Clone)]
pub(crate) struct Posted {
    pub(crate) kind: EventKind,
    pub(crate) branch: u32,
    pub(crate) epoch: u64,
    pub(crate) stamp: u64,
    pub(crate) payload: Bytes,
}

impl Posted {
    pub(crate) fn incoming(&self) -> Incoming<'_> {
        Incoming {
            kind: self.kind,
            branch: self.branch,
            epoch: self.epoch,
            stamp: self.stamp,
            payload: &self.payload,
        }
    }
}

/// The mailbox as a relay keeps it: accepts what the rules accept, in one order.
pub(crate) struct Relay {
    pub(crate) owner: SigningKey,
    pub(crate) branch: u32,
    pub(crate) epoch: u64,
    pub(crate) access: PublicKey,
    pub(crate) counter: u64,
    pub(crate) log: Vec<Posted>,
}

impl Relay {
    pub(crate) fn deposit(&mut self, event: &SealedEvent) -> bool {
        let fits = event.branch == self.branch && event.epoch == self.epoch;
        if fits {
            self.post(event.kind, event.payload.clone());
        }
        fits
    }

    pub(crate) fn post(&mut self, kind: EventKind, payload: Bytes) {
        let posted = Posted {
            kind,
            branch: self.branch,
            epoch: self.epoch,
            stamp: now_ms(),
            payload,
        };
        self.log.push(posted);
    }

    pub(crate) fn commit(&mut self, commit: &Commit) -> bool {
        let first = commit.body.branch == self.branch && commit.body.from_epoch == self.epoch;
        if !first
            || self
                .access
                .verify(&commit.body, &commit.access_signature)
                .is_err()
        {
            return false;
        }
        self.commit_unchecked(commit);
        true
    }

    /// A relay that lies.
    pub(crate) fn commit_unchecked(&mut self, commit: &Commit) {
        self.post(EventKind::COMMIT, Bytes(canonical::encode(commit)));
        self.epoch += 1;
        self.access = commit.body.next_access;
    }

    pub(crate) fn rewind(&mut self, rewind: &Rewind) {
        let owner = self.owner.clone();
        self.rewind_by(rewind, &owner);
    }

    pub(crate) fn rewind_by(&mut self, rewind: &Rewind, by: &SigningKey) {
        self.counter += 1;
        let command = OwnerCommand {
            mailbox: MAILBOX,
            branch: self.branch,
            counter: self.counter,
            act: OwnerAct::Rewind(Box::new(rewind.clone())),
            command_id: CommandId::random(),
            not_after: now_ms() + 60_000,
            ext: Extensions::none(),
        };
        let signature = by.sign(&command);
        let command = SignedOwnerCommand { command, signature };
        self.post(EventKind::REWIND, Bytes(canonical::encode(&command)));
        self.branch += 1;
        self.epoch = rewind.base_epoch + 1;
        self.access = rewind.next_access;
    }
}

pub(crate) const MAILBOX: MailboxId = MailboxId([1; 32]);

pub(crate) fn binding(suite: Suite) -> Binding {
    let domain: Domain = "hospital.example".parse().unwrap();
    Binding::new(MAILBOX, domain, IdentityId([1; 32]), suite, Digest([3; 32]))
}

/// A team of `n`, all in epoch 1, the first one the founder.
pub(crate) fn team(n: u8, suite: Suite) -> (Relay, Vec<Device>) {
    let mut devices: Vec<Device> = (1..=n).map(|i| Device::new(i, MAILBOX)).collect();
    let members = devices[1..].iter_mut().map(|d| d.package(suite)).collect();
    let founding = Founding {
        binding: binding(suite),
        suite,
        members,
        now: now_ms(),
    };
    let founder = &mut devices[0];
    let step = GroupSession::found(&founder.rows, &founder.keys, &founding).unwrap();
    let founded = founder.write(step).1;
    if let Some(letter) = &founded.welcome {
        for device in &mut devices[1..] {
            device.join(letter);
        }
    }
    let relay = Relay {
        owner: SigningKey::generate(),
        branch: 0,
        epoch: founded.epoch,
        access: founded.access,
        counter: 0,
        log: Vec::new(),
    };
    (relay, devices)
}

pub(crate) fn three() -> (Relay, Device, Device, Device) {
    let (relay, devices) = team(3, Suite::Classical);
    let [a, b, c] = <[Device; 3]>::try_from(devices).ok().unwrap();
    (relay, a, b, c)
}

pub(crate) fn content(received: &Received) -> &[u8] {
    match received {
        Received::Message(m) => &m.content,
        other => panic!("not a message: {other:?}"),
    }
}

pub(crate) fn moved(received: &Received) -> &Moved {
    match received {
        Received::Moved(m) => m,
        other => panic!("the group did not move: {other:?}"),
    }
}

pub(crate) fn void(received: &Received) -> &Void {
    match received {
        Received::Void(v) => v,
        other => panic!("not void: {other:?}"),
    }
}

/// All say something, and all others hear it.
pub(crate) fn talk(relay: &mut Relay, devices: &mut [&mut Device]) {
    for speaker in 0..devices.len() {
        let said = [speaker as u8; 40];
        let event = devices[speaker].seal(&said);
        assert!(relay.deposit(&event));
        for (i, device) in devices.iter_mut().enumerate() {
            let heard = device.read_one(relay);
            if i == speaker {
                assert_eq!(heard, Received::Echo);
            } else {
                assert_eq!(content(&heard), said);
            }
        }
    }
}
