//! Sealed end to end: sealed with MLS, stored, deposited, ordered, made durable, pushed,
//! opened, stored. One message after another, through two vaults and a relay.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use telesphor_agent::link::{Credential, Push, Session};
use telesphor_chaos::relay::Relay;
use telesphor_sealing::binding::Binding;
use telesphor_sealing::found::Founding;
use telesphor_sealing::join::Expectation;
use telesphor_sealing::member::MemberKeys;
use telesphor_sealing::package::{PackageAddress, PackageRules, make_packages, open_package, seal_package};
use telesphor_sealing::policy::{Change, Forbidden};
use telesphor_sealing::receive::Incoming;
use telesphor_sealing::session::GroupSession;
use telesphor_sealing::state::{MlsStateRead, StateDiff, StateUnreadable};
use telesphor_sealing::suite::Suite;
use telesphor_sealing::verdict::Received;
use telesphor_vault::{KeyFile, Records, Snapshot, Table, Vault, VaultError, VaultPaths};
use telesphor_wire::answer::Answer;
use telesphor_wire::command::{
    Command, Deposit, DepositKeys, FirstAccess, Open, OwnerAct, OwnerCommand, SignedOwnerCommand,
};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{CommandId, IdentityId, MailboxId};
use telesphor_wire::mailbox::{EventKind, Genesis, MailboxKind, Policy, next_key};
use telesphor_wire::padding::Bucket;
use telesphor_wire::sign::SigningKey;
use tokio::runtime::Builder;
use tokio::sync::mpsc;

use crate::error::{Result, odd};
use crate::measure::{Window, cpu_us, us};
use crate::parts::{self, Row};
use crate::population::Ground;
use crate::raw;
use crate::report::Report;

/// Bytes of content: with MLS framing exactly in the bucket of 1 KiB.
const CONTENT: usize = 900;
const HOUR_MS: u64 = 3_600_000;
const CREDIT: u32 = 1 << 20;
const PART_ROUNDS: u32 = 1_000;

/// Rows of openmls' state, out of a vault.
struct Rows(Snapshot);

impl MlsStateRead for Rows {
    fn get(&self, key: &[u8]) -> std::result::Result<Option<Vec<u8>>, StateUnreadable> {
        self.0
            .get(Table::Mls, key)
            .map(|v| v.map(|v| v.to_vec()))
            .map_err(|_| StateUnreadable)
    }
}

/// One side: keys, vault, group.
struct Side {
    vault: Vault,
    keys: MemberKeys,
    endpoint: SigningKey,
    group: Option<GroupSession>,
}

impl Side {
    fn new(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let endpoint = SigningKey::generate();
        let keys = MemberKeys::new(
            IdentityId(*Secret::random().expose()),
            endpoint.public(),
            &Secret::random(),
        );
        let vault =
            Vault::create_with_key_file(&VaultPaths::in_folder(folder), &KeyFile::generate()).map_err(odd)?;
        Ok(Self {
            vault,
            keys,
            endpoint,
            group: None,
        })
    }

    fn rows(&self) -> Result<Rows> {
        Ok(Rows(self.vault.read().map_err(odd)?))
    }

    /// One transaction: the group's state and what goes with it.
    fn store(&self, diff: &StateDiff, with: &[Row]) -> std::result::Result<(), VaultError> {
        self.vault.write(|tx| {
            for (key, value) in diff.iter() {
                match value {
                    Some(value) => tx.put(Table::Mls, key, value)?,
                    None => _ = tx.delete(Table::Mls, key)?,
                }
            }
            for (table, name, value) in with {
                match value {
                    Some(value) => tx.put(*table, name, value)?,
                    None => _ = tx.delete(*table, name)?,
                }
            }
            Ok(())
        })
    }

    fn group(&mut self) -> Result<GroupSession> {
        self.group.take().ok_or_else(|| odd("no group"))
    }
}

/// Nobody's changes are judged here: nobody makes any.
fn anybody(_: &Change) -> std::result::Result<(), Forbidden> {
    Ok(())
}

/// What one message wrote, for measuring the parts with the same rows.
#[derive(Default)]
struct Wrote {
    sender: Vec<Row>,
    receiver: Vec<Row>,
}

fn rows_of(diff: &StateDiff, with: &[Row]) -> Vec<Row> {
    let state = diff
        .iter()
        .map(|(k, v)| (Table::Mls, k.to_vec(), v.map(<[u8]>::to_vec)));
    state.chain(with.iter().cloned()).collect()
}

/// The scenario.
///
/// Both sides are on one thread, each as the `telesphor` program is.
pub(crate) fn run(folder: &Path, lasts: Duration, report: &mut Report) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    report.section("Sealed end to end, 1 KiB on the wire, one message after another");
    let folder = folder.join("sealed");
    let mut relay = Relay::init(&folder, "load.example")?;
    let ground = Ground::read(relay.data())?;
    relay.start()?;
    let pid = relay.pid().ok_or_else(|| odd("the relay ended"))?;
    let (figures, own, wrote) = runtime.block_on(converse(&folder, &ground, pid, lasts))?;
    relay.kill()?;

    let openmls = parts::openmls(CONTENT, PART_ROUNDS)?;
    let first = parts::vault(&folder.join("part-sender"), &wrote.sender, PART_ROUNDS)?;
    let second = parts::vault(&folder.join("part-receiver"), &wrote.receiver, PART_ROUNDS)?;
    let sync = raw::measure(&folder.join("part-raw"), 1, lasts)?.cpu_us;
    let whole = own + figures.cpu_us;
    report.head();
    report.figures("relay, sealed messages", &figures);
    report.figure("end to end, agents", own, "us/message");
    report.figure("end to end, relay", figures.cpu_us, "us/message");
    report.figure("part: openmls seal and open", openmls, "us/message");
    report.figure("part: RocksDB, one synced write", sync, "us/message");
    report.figure("part: vault transaction, sender", first, "us/message");
    report.figure("part: vault transaction, receiver", second, "us/message");
    let parts = openmls + sync + first + second;
    report.at_most(
        "processor time, end to end / sum of parts",
        whole / parts,
        2.0,
        "x",
    );
    Ok(())
}

async fn converse(
    folder: &Path,
    ground: &Ground,
    pid: u32,
    lasts: Duration,
) -> Result<(crate::measure::Figures, f64, Wrote)> {
    let (mut alice, mut bob) = (Side::new(&folder.join("alice"))?, Side::new(&folder.join("bob"))?);
    let mailbox = MailboxId::random();
    let owner = SigningKey::generate();
    let pin = ground.pin()?;
    let relays = Arc::new(ground.relays());
    let (session, _no_pushes) = Session::open(&pin, &relays).await?;
    let clock = session.facts().clock;
    let epoch = found(&mut alice, &mut bob, mailbox, ground, clock)?;
    let access = alice
        .group
        .as_ref()
        .ok_or_else(|| odd("no group"))?
        .keys(&alice.rows()?)
        .map_err(odd)?;
    let first = FirstAccess {
        epoch,
        key: access.access_public(),
        lease: clock + 24 * HOUR_MS,
        ceiling: clock + 48 * HOUR_MS,
    };
    open(&session, ground, mailbox, &owner, first, clock).await?;
    let standing = session
        .prove(Credential::member(
            mailbox,
            0,
            epoch,
            access.access(),
            access.pseudonym().clone(),
        ))
        .await?;

    let (reading, mut pushes) = Session::open(&pin, &relays).await?;
    let theirs = bob
        .group
        .as_ref()
        .ok_or_else(|| odd("no group"))?
        .keys(&bob.rows()?)
        .map_err(odd)?;
    let place = reading
        .prove(Credential::member(
            mailbox,
            0,
            epoch,
            theirs.access(),
            theirs.pseudonym().clone(),
        ))
        .await?;
    reading
        .follow(place.handle, place.head.map_or(0, |h| h.seq), CREDIT)
        .await?;

    let mut wrote = Wrote::default();
    let mut latencies = Vec::new();
    let mut window = None;
    let began = Instant::now();
    let warm = Duration::from_secs(2);
    while began.elapsed() < warm + lasts {
        if window.is_none() && began.elapsed() >= warm {
            window = Some((Window::open(&[pid])?, cpu_us(std::process::id())?));
        }
        let sent = Instant::now();
        send(&mut alice, &session, standing.handle, mailbox, clock, &mut wrote).await?;
        receive(&mut bob, &reading, &mut pushes, &owner, &mut wrote).await?;
        if window.is_some() {
            latencies.push(us(sent.elapsed()));
        }
    }
    let (window, own) = window.ok_or_else(|| odd("too short"))?;
    let window = window.close()?;
    let own = (cpu_us(std::process::id())? - own) as f64 / latencies.len().max(1) as f64;
    Ok((window.figures(latencies, 1024)?, own, wrote))
}

/// A group of two, bound to the mailbox; the epoch it begins in.
fn found(alice: &mut Side, bob: &mut Side, mailbox: MailboxId, ground: &Ground, now: u64) -> Result<u64> {
    let to = PackageAddress {
        mailbox: MailboxId::random(),
        contact: SigningKey::generate().public(),
    };
    let secret = Secret::random();
    let made = make_packages(&bob.rows()?, &bob.keys, Suite::default(), 1, false, now).map_err(odd)?;
    let package = made
        .commit(|diff, _| bob.store(diff, &[]))
        .map_err(odd)?
        .pop()
        .ok_or_else(|| odd("no package"))?;
    let sealed = seal_package(&package, &bob.keys, &bob.endpoint, &to, &secret).map_err(odd)?;
    let endpoints = [bob.keys.member().clone()];
    let rules = PackageRules {
        endpoints: &endpoints,
        min_suite: Suite::default().code(),
        now,
    };
    let verified = open_package(&sealed, &to, &secret, &rules).map_err(odd)?;
    let identity = alice.keys.member().identity;
    let founding = Founding {
        binding: Binding::new(
            mailbox,
            ground.domain(),
            identity,
            Suite::default(),
            Digest([0; 32]),
        ),
        suite: Suite::default(),
        members: vec![verified],
        now,
    };
    let step = GroupSession::found(&alice.rows()?, &alice.keys, &founding).map_err(odd)?;
    let (group, founded) = step.commit(|diff, _| alice.store(diff, &[])).map_err(odd)?;
    alice.group = Some(group);
    let letter = founded.welcome.ok_or_else(|| odd("no welcome"))?;
    let expect = Expectation {
        mailbox: Some(mailbox),
        min_suite: Suite::default().code(),
        owner: Some(identity),
        policy: None,
        replace: false,
    };
    let step = GroupSession::join(&bob.rows()?, &bob.keys, &letter, &expect).map_err(odd)?;
    let (group, _) = step.commit(|diff, _| bob.store(diff, &[])).map_err(odd)?;
    bob.group = Some(group);
    Ok(founded.epoch)
}

async fn open(
    session: &Session,
    ground: &Ground,
    mailbox: MailboxId,
    owner: &SigningKey,
    access: FirstAccess,
    now: u64,
) -> Result<()> {
    let genesis = Genesis {
        mailbox,
        domain: ground.domain(),
        kind: MailboxKind::Shared,
        owner: owner.public(),
        next_owner: next_key(&SigningKey::generate().public()),
        min_suite: Suite::default().code(),
        policy: Policy::standard(),
        ext: Extensions::none(),
    };
    let open = Open {
        genesis,
        voucher: ground.voucher(mailbox, now),
        access: Some(access),
        deposit_keys: DepositKeys::default(),
    };
    let command = OwnerCommand {
        mailbox,
        branch: 0,
        counter: 0,
        act: OwnerAct::Open(Box::new(open)),
        command_id: CommandId::random(),
        not_after: now + HOUR_MS,
        ext: Extensions::none(),
    };
    let signature = owner.sign(&command);
    let command = Command::Owner(Box::new(SignedOwnerCommand { command, signature }));
    match session.call(0, command).await?.answer {
        Answer::Durable(_) => Ok(()),
        other => Err(odd(format!("opening was answered with kind {}", other.kind()))),
    }
}

async fn send(
    side: &mut Side,
    session: &Session,
    handle: u32,
    mailbox: MailboxId,
    now: u64,
    wrote: &mut Wrote,
) -> Result<()> {
    let content = vec![0x5a; CONTENT];
    let step = side
        .group()?
        .seal(&side.rows()?, &side.keys, &content, Bucket::Message)
        .map_err(odd)?;
    let (group, sealed) = step
        .commit(|diff, (_, sealed)| {
            let outbox = [(Table::Outbox, b"next".to_vec(), Some(sealed.payload.0.clone()))];
            if wrote.sender.is_empty() {
                wrote.sender = rows_of(diff, &outbox);
            }
            side.store(diff, &outbox)
        })
        .map_err(odd)?;
    side.group = Some(group);
    let deposit = Deposit {
        mailbox,
        branch: sealed.branch,
        epoch: sealed.epoch,
        kind: sealed.kind,
        command_id: CommandId::random(),
        not_after: now + HOUR_MS,
        payload: sealed.payload,
        ext: Extensions::none(),
        signature: None,
    };
    match session.call(handle, Command::Deposit(deposit)).await?.answer {
        Answer::Durable(_) => Ok(()),
        other => Err(odd(format!("a deposit was answered with kind {}", other.kind()))),
    }
}

async fn receive(
    side: &mut Side,
    session: &Session,
    pushes: &mut mpsc::Receiver<Push>,
    owner: &SigningKey,
    wrote: &mut Wrote,
) -> Result<()> {
    loop {
        let Some(Push::Events(events)) = pushes.recv().await else {
            return Err(odd("the follow ended"));
        };
        let mut read = false;
        for event in &events.events {
            let Some(payload) = event
                .payload
                .as_ref()
                .filter(|_| event.header.kind == EventKind::MESSAGE)
            else {
                continue;
            };
            let incoming = Incoming {
                kind: event.header.kind,
                branch: event.header.branch,
                epoch: event.header.epoch,
                stamp: event.header.stamp,
                payload,
            };
            let step = side
                .group()?
                .receive(&side.rows()?, &side.keys, incoming, &owner.public(), &anybody)
                .map_err(odd)?;
            let (group, received) = step
                .commit(|diff, (_, received)| {
                    let Received::Message(message) = received else {
                        return Ok(());
                    };
                    let with = [
                        (
                            Table::Cursors,
                            b"mailbox".to_vec(),
                            Some(event.header.seq.to_be_bytes().to_vec()),
                        ),
                        (Table::Documents, b"last".to_vec(), Some(message.content.clone())),
                    ];
                    if wrote.receiver.is_empty() {
                        wrote.receiver = rows_of(diff, &with);
                    }
                    side.store(diff, &with)
                })
                .map_err(odd)?;
            side.group = Some(group);
            if !matches!(received, Received::Message(_)) {
                return Err(odd("a message did not open"));
            }
            read = true;
            session.credit(events.handle, payload.len() as u32).await?;
        }
        if read {
            return Ok(());
        }
    }
}
