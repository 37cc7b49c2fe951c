//! A cluster in one process: real members, a bus and disks in memory.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by several tests; one that cannot go on ends"
)]

pub(crate) mod bus;
pub(crate) mod disk;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use telesphor_order::cluster::{Clocks, Cluster, ClusterConfig, Founding, Lost, Memory, Patience, Wanted};
use telesphor_order::member::Seats;
use telesphor_order::{Group, GroupId, GroupLimits, Order, Step};
use telesphor_wire::batch::Submission;
use telesphor_wire::command::{Command, Enrol};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{CommandId, Incarnation, PartitionId, Voucher};
use telesphor_wire::receipt::{Attest, AttestStatement};
use telesphor_wire::sign::SigningKey;
use tokio::sync::watch;

use bus::TestBus;
use disk::Disk;

pub(crate) const ZERO: PartitionId = PartitionId(0);

/// What is acknowledged, over all members and all their lives.
#[derive(Default)]
pub(crate) struct Ledger {
    acked: Mutex<BTreeSet<u64>>,
    told: Condvar,
}

impl Ledger {
    fn ack(&self, numbers: impl IntoIterator<Item = u64>) {
        self.acked.lock().unwrap().extend(numbers);
        self.told.notify_all();
    }

    pub(crate) fn acked(&self) -> BTreeSet<u64> {
        self.acked.lock().unwrap().clone()
    }

    /// Waits until all of these are acknowledged; says what is missing after a minute.
    pub(crate) fn wait(&self, numbers: impl IntoIterator<Item = u64>) {
        let wanted: BTreeSet<u64> = numbers.into_iter().collect();
        let acked = self.acked.lock().unwrap();
        let (acked, out) = self
            .told
            .wait_timeout_while(acked, Duration::from_secs(60), |acked| !wanted.is_subset(acked))
            .unwrap();
        assert!(
            !out.timed_out(),
            "never acknowledged: {:?}",
            wanted.difference(&acked).take(10).collect::<Vec<_>>()
        );
    }

    pub(crate) fn none_of(&self, numbers: impl IntoIterator<Item = u64>) {
        let acked = self.acked.lock().unwrap();
        for number in numbers {
            assert!(!acked.contains(&number), "{number} was acknowledged");
        }
    }
}

pub(crate) struct Yard {
    pub(crate) bus: TestBus,
    pub(crate) founding: Founding,
    pub(crate) wanted: watch::Sender<Wanted>,
    pub(crate) keys: Vec<SigningKey>,
    pub(crate) disks: Vec<Arc<Disk>>,
    /// Each member's clock, and what it has heard of the others' in all its lives.
    pub(crate) clocks: Vec<Arc<Clocks>>,
    /// How far each member's own clock is ahead, milliseconds.
    pub(crate) ahead: Vec<Arc<AtomicU64>>,
    /// The versions of the rules that each one's program knows when it is started next.
    pub(crate) rules: Vec<RangeInclusive<u16>>,
    pub(crate) members: Vec<Option<Member>>,
    pub(crate) ledger: Arc<Ledger>,
    runtime: tokio::runtime::Runtime,
    groups: AtomicU64,
}

pub(crate) struct Member {
    pub(crate) cluster: Arc<Cluster<TestBus>>,
    thread: Option<JoinHandle<()>>,
    /// Makes the rules give another result from now on.
    pub(crate) astray: Arc<AtomicBool>,
    pub(crate) fenced: Arc<AtomicBool>,
    /// Its disk was its death.
    fell: Arc<AtomicBool>,
    /// Nothing is decided as long as this is set.
    pub(crate) holds: Arc<AtomicBool>,
    pub(crate) late: Arc<AtomicU64>,
    killed: Arc<AtomicBool>,
}

/// The time in a yard, where nobody's clock is ahead, milliseconds.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis() as u64
}

fn clocks(ahead: &Arc<AtomicU64>) -> Arc<Clocks> {
    let ahead = ahead.clone();
    Arc::new(Clocks::of(Arc::new(move || now() + ahead.load(Ordering::SeqCst))))
}

pub(crate) fn patience() -> Patience {
    Patience {
        tick: Duration::from_millis(10),
        gather: Duration::from_millis(40),
        rank: Duration::from_millis(60),
        promised: Duration::from_millis(500),
        late: Duration::from_millis(800),
        publish: Duration::from_millis(500),
    }
}

impl Yard {
    /// A cluster in which every member votes: what a test does to it next, it does to all of them.
    pub(crate) fn new(members: usize, partitions: u16) -> Self {
        let yard = Self::starting(members, partitions);
        yard.until("all members vote", |yard| (0..members).all(|at| yard.votes(at)));
        yard
    }

    /// A cluster whose members have only just been started.
    pub(crate) fn starting(members: usize, partitions: u16) -> Self {
        let mut keys: Vec<_> = (0..members).map(|_| SigningKey::generate()).collect();
        keys.sort_by_key(SigningKey::public);
        let relays: BTreeSet<_> = keys.iter().map(SigningKey::public).collect();
        let founding = Founding {
            cluster: Incarnation::random(),
            seats: (0..partitions)
                .map(|_| Seats::new(relays.iter().copied()))
                .collect(),
            relays: relays.clone(),
        };
        let ahead: Vec<Arc<AtomicU64>> = keys.iter().map(|_| Arc::default()).collect();
        let mut yard = Self {
            clocks: ahead.iter().map(clocks).collect(),
            ahead,
            bus: TestBus::new(),
            wanted: watch::Sender::new(Wanted {
                edition: 0,
                relays,
                replicas: None,
            }),
            founding,
            disks: keys.iter().map(|_| Arc::default()).collect(),
            rules: keys.iter().map(|_| 1..=1).collect(),
            members: keys.iter().map(|_| None).collect(),
            keys,
            ledger: Arc::default(),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap(),
            groups: AtomicU64::new(1),
        };
        for at in 0..members {
            yard.start(at);
        }
        yard
    }

    pub(crate) fn start(&mut self, at: usize) {
        self.start_with(at, self.wanted.subscribe(), false);
    }

    /// Starts a member that decides nothing until it is let.
    pub(crate) fn start_held(&mut self, at: usize) {
        self.start_with(at, self.wanted.subscribe(), true);
    }

    /// Another relay with a copy of a member's disk, which has no seat yet.
    pub(crate) fn join(&mut self, from: usize) -> usize {
        self.keys.push(SigningKey::generate());
        self.disks.push(Arc::new(self.disks[from].copy()));
        self.members.push(None);
        self.rules.push(1..=1);
        self.ahead.push(Arc::default());
        self.clocks.push(clocks(&self.ahead[self.keys.len() - 1]));
        self.keys.len() - 1
    }

    /// The record of the cluster names another relay in the place of one.
    pub(crate) fn wish(&self, leaves: usize, comes: usize) {
        let (leaves, comes) = (self.keys[leaves].public(), self.keys[comes].public());
        self.wanted.send_modify(|wanted| {
            wanted.edition += 1;
            wanted.relays.remove(&leaves);
            wanted.relays.insert(comes);
        });
    }

    /// Starts a member that hears of no further record than this.
    pub(crate) fn start_with(&mut self, at: usize, wanted: watch::Receiver<Wanted>, holds: bool) {
        let _entered = self.runtime.enter();
        self.clocks[at] = clocks(&self.ahead[at]);
        let config = ClusterConfig {
            founding: self.founding.clone(),
            wanted,
            key: self.keys[at].clone(),
            clocks: self.clocks[at].clone(),
            rules: self.rules[at].clone(),
            patience: patience(),
            waiting_submissions: 10_000,
        };
        let cluster = Arc::new(Cluster::new(
            config,
            Arc::new(self.bus.of(at)),
            self.disks[at].clone(),
        ));
        self.members[at] = Some(Member::start(
            cluster,
            self.keys[at].clone(),
            self.founding.clone(),
            self.disks[at].clone(),
            self.ledger.clone(),
            holds,
        ));
    }

    /// As SIGKILL would: what is on the disk stays, nothing else is done.
    pub(crate) fn kill(&mut self, at: usize) {
        if let Some(mut member) = self.members[at].take() {
            member.killed.store(true, Ordering::SeqCst);
            member.cluster.wake();
            let thread = member.thread.take();
            drop(member);
            thread.map(JoinHandle::join);
        }
    }

    pub(crate) fn send(&self, at: usize, partition: PartitionId, number: u64) {
        let id = self.groups.fetch_add(1, Ordering::SeqCst);
        let group = Group {
            id: GroupId(u128::from(id)),
            stamp: number,
            submissions: vec![submission(number)],
        };
        let member = self.members[at].as_ref().unwrap();
        member.cluster.append(partition, group).unwrap();
    }

    pub(crate) fn sends(&self, at: usize, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            self.send(at, ZERO, number);
        }
    }

    /// Waits for something that comes by itself; says what after a minute.
    pub(crate) fn until(&self, what: &str, mut there: impl FnMut(&Self) -> bool) {
        let since = Instant::now();
        while !there(self) {
            if since.elapsed() > Duration::from_secs(60) {
                let stand = |m: &Member| m.cluster.standing(ZERO);
                let all: Vec<_> = self.members.iter().flatten().map(stand).collect();
                let applied: Vec<_> = self.disks.iter().map(|disk| disk.applied(ZERO)).collect();
                let streams = self.bus.stands();
                panic!("never came: {what}; {all:#?}; applied {applied:?}; {streams:#?}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether a member has a seat in the first partition, and what it follows is active.
    pub(crate) fn votes(&self, at: usize) -> bool {
        let member = self.members[at].as_ref().unwrap();
        let standing = member.cluster.standing(ZERO);
        standing.is_some_and(|standing| standing.phase == "following" && standing.active && standing.votes)
    }

    /// What a member says of why it confirms nothing.
    pub(crate) fn fenced_for(&self, at: usize) -> Option<&'static str> {
        let member = self.members[at].as_ref().unwrap();
        member.cluster.standing(ZERO).unwrap().fenced
    }

    /// A member is ended, and started with a program that knows these versions of the rules.
    pub(crate) fn give_program(&mut self, at: usize, rules: RangeInclusive<u16>) {
        self.kill(at);
        self.rules[at] = rules;
        self.start(at);
    }

    /// By which version of the rules a member decides, and why it cannot go on, if so.
    pub(crate) fn decides_by(&self, at: usize) -> (u16, Option<Lost>) {
        let member = self.members[at].as_ref().unwrap();
        let standing = || member.cluster.standing(ZERO).unwrap();
        // It says nothing before its first look around.
        self.until("a member says how it stands", |_| standing().rules > 0);
        (standing().rules, standing().lost)
    }

    /// Whether a member has died of its disk.
    pub(crate) fn has_died(&self, at: usize) -> bool {
        self.members[at].as_ref().unwrap().fell.load(Ordering::SeqCst)
    }

    /// Whether a member says that it cannot go on.
    pub(crate) fn stopped(&self, at: usize) -> bool {
        self.members[at].as_ref().unwrap().fenced.load(Ordering::SeqCst)
    }

    /// What others attest to a member of the last position that it decided.
    pub(crate) fn attested(&self, at: usize) -> Vec<Attest> {
        let zero = PartitionId(0);
        let position = self.disks[at].applied(zero);
        let head = Memory::decided(&*self.disks[at], zero, position)
            .unwrap()
            .unwrap();
        let cluster = &self.members[at].as_ref().unwrap().cluster;
        self.runtime.block_on(cluster.attests(zero, position, head))
    }

    /// Everything acknowledged is in every living member, in one order, each once.
    pub(crate) fn agree(&self) {
        let acked = self.ledger.acked();
        self.until("all members hold what was acknowledged", |yard| {
            yard.living()
                .all(|at| acked.iter().all(|n| yard.disks[at].decided(ZERO).contains(n)))
        });
        let longest = self
            .living()
            .map(|at| self.disks[at].decided(ZERO))
            .max_by_key(Vec::len)
            .unwrap();
        for at in self.living() {
            let own = self.disks[at].decided(ZERO);
            assert_eq!(own[..], longest[..own.len()], "member {at} has another order");
        }
        let once: BTreeSet<_> = longest.iter().collect();
        assert_eq!(once.len(), longest.len(), "something was decided twice");
    }

    pub(crate) fn living(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.members.len()).filter(|at| self.members[*at].is_some())
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        for at in 0..self.members.len() {
            self.kill(at);
        }
    }
}

impl Member {
    fn start(
        cluster: Arc<Cluster<TestBus>>,
        key: SigningKey,
        founding: Founding,
        disk: Arc<Disk>,
        ledger: Arc<Ledger>,
        holds: bool,
    ) -> Self {
        let after: Vec<_> = (0..founding.seats.len() as u16)
            .map(|p| (PartitionId(p), disk.applied(PartitionId(p))))
            .collect();
        let mut feed = cluster.follow(&after).unwrap();
        let killed = Arc::new(AtomicBool::new(false));
        let astray = Arc::new(AtomicBool::new(false));
        let fenced = Arc::new(AtomicBool::new(false));
        let late = Arc::new(AtomicU64::new(0));
        let holds = Arc::new(AtomicBool::new(holds));
        let (dead, wrong, stopped, slow) = (killed.clone(), astray.clone(), fenced.clone(), late.clone());
        let waits = holds.clone();
        let died = Arc::new(AtomicBool::new(false));
        let fell = died.clone();
        let thread = std::thread::spawn(move || {
            let mut steps = Vec::new();
            let mut open: std::collections::BTreeMap<(PartitionId, u64), Vec<u64>> = Default::default();
            let limits = GroupLimits {
                record_submissions: 1_000,
                submissions: 1_000,
            };
            let mut held = Vec::new();
            while feed.next(limits, &mut steps) && !dead.load(Ordering::SeqCst) {
                if waits.load(Ordering::SeqCst) {
                    let record = |step: &mut Step| matches!(step, Step::Record(_));
                    held.extend(steps.extract_if(.., record));
                } else {
                    steps.splice(..0, held.drain(..));
                }
                for step in steps.drain(..) {
                    if dead.load(Ordering::SeqCst) {
                        return;
                    }
                    match step {
                        Step::Keep(keep) if disk.is_deadly(&keep) => {
                            fell.store(true, Ordering::SeqCst);
                            return;
                        }
                        Step::Keep(keep) => {
                            disk.keep(&keep);
                            feed.kept(keep.partition, keep.ticket);
                        }
                        Step::Record(record) => {
                            let mut numbers: Vec<_> = record.batch.submissions.iter().map(number).collect();
                            assert_eq!(record.position, disk.applied(record.partition) + 1);
                            open.insert((record.partition, record.position), numbers.clone());
                            if wrong.load(Ordering::SeqCst) {
                                numbers.push(u64::MAX);
                            }
                            let head = disk.decide(record.partition, &numbers);
                            let attest =
                                attest(&key, founding.cluster, record.partition, record.position, head);
                            feed.decided(record.partition, record.position, head, &attest);
                        }
                        Step::Durable(durable) => {
                            let seats = &founding.seats[usize::from(durable.partition.0)];
                            assert!(durable.attests.len() >= seats.majority());
                            if let Some(numbers) = open.remove(&(durable.partition, durable.position)) {
                                ledger.ack(numbers);
                            }
                        }
                        Step::Late(groups) => {
                            slow.fetch_add(groups.groups.len() as u64, Ordering::SeqCst);
                        }
                        Step::Fenced(_) => stopped.store(true, Ordering::SeqCst),
                        Step::Nothing => {}
                    }
                }
            }
        });
        Self {
            cluster,
            thread: Some(thread),
            astray,
            fenced,
            holds,
            late,
            killed,
            fell: died,
        }
    }
}

fn attest(
    key: &SigningKey,
    cluster: Incarnation,
    partition: PartitionId,
    position: u64,
    head: Digest,
) -> Attest {
    let statement = AttestStatement {
        partition,
        incarnation: cluster,
        position,
        head,
        ext: Extensions::none(),
    };
    Attest {
        relay: key.public(),
        ext: Extensions::none(),
        signature: key.sign(&statement),
    }
}

pub(crate) fn submission(n: u64) -> Submission {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&n.to_be_bytes());
    Submission {
        word: None,
        command: Command::Enrol(Enrol {
            token: Voucher([0; 32]),
            vouchers: Vec::new(),
            command_id: CommandId(id),
            not_after: 0,
            ext: Extensions::none(),
        }),
    }
}

pub(crate) fn number(submission: &Submission) -> u64 {
    u64::from_be_bytes(submission.command.id().0[..8].try_into().unwrap())
}
