//! Crashes: at every read, before every write, in every operation.

use std::cell::Cell;
use std::collections::BTreeMap;

use telesphor_wire::padding::Bucket;

use super::world::*;
use crate::*;

/// A store that fails at its n-th read.
struct Failing<'a> {
    rows: &'a BTreeMap<Vec<u8>, Vec<u8>>,
    left: Cell<usize>,
}

impl MlsStateRead for Failing<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateUnreadable> {
        let Some(left) = self.left.get().checked_sub(1) else {
            return Err(StateUnreadable);
        };
        self.left.set(left);
        Ok(self.rows.get(key).cloned())
    }
}

/// Runs an operation on a store that fails at the first, second, ... read until it succeeds. Each
/// failure must say what it is: never a verdict about somebody else.
fn at_every_read<T>(
    device: &Device,
    operate: impl Fn(&dyn MlsStateRead) -> Result<T, SessionError>,
) -> usize {
    for reads in 0..10_000 {
        let failing = Failing {
            rows: &device.rows,
            left: Cell::new(reads),
        };
        match operate(&failing) {
            Err(e) => assert_eq!(e, SessionError::State(StateError::Unreadable), "at read {reads}"),
            Ok(_) => return reads,
        }
    }
    panic!("never succeeds");
}

fn load(state: &dyn MlsStateRead) -> Result<GroupSession, SessionError> {
    GroupSession::load(state, MAILBOX)?.ok_or(SessionError::NoGroup)
}

#[test]
fn a_failing_disk_taken_for_somebody_elses_fault() {
    let (mut relay, mut a, mut b, c) = three();
    let leaf = c.index();
    at_every_read(&a, |s| load(s)?.seal(s, &a.keys, b"x", Bucket::Message));
    at_every_read(&a, |s| load(s)?.propose_remove(s, &a.keys, leaf));
    let plan = CommitPlan {
        remove: vec![leaf],
        ..update()
    };
    at_every_read(&a, |s| load(s)?.stage_commit(s, &a.keys, &plan, &anyone));
    let rewind = RewindPlan {
        add: Vec::new(),
        remove: Vec::new(),
        why: WHY,
        lease: 0,
    };
    at_every_read(&a, |s| load(s)?.stage_rewind(s, &a.keys, &rewind, &anyone));

    let event = a.seal(b"hello");
    relay.deposit(&event);
    let owner = relay.owner.public();
    let first = relay.log[0].clone();
    at_every_read(&b, |s| {
        load(s)?.receive(s, &b.keys, first.incoming(), &owner, &anyone)
    });
    a.read(&relay);
    b.read(&relay);
    let out = a.stage(&plan);
    relay.commit(&out.commit);
    let second = relay.log[1].clone();
    for d in [&a, &b, &c] {
        let reads = at_every_read(d, |s| {
            load(s)?.receive(s, &d.keys, second.incoming(), &owner, &anyone)
        });
        assert!(reads > 5);
    }
    at_every_read(&a, |s| load(s)?.give_up_commit(s));
    at_every_read(&a, |s| load(s)?.forget(s));

    let mut d = Device::new(4, MAILBOX);
    let package = d.package(Suite::Classical);
    a.read(&relay);
    let out = a.stage(&CommitPlan {
        add: vec![package],
        ..update()
    });
    let letter = out.welcome.unwrap();
    at_every_read(&d, |s| {
        GroupSession::join(s, &d.keys, &letter, &expectation()).map_err(|e| match e {
            JoinError::Session(e) => e,
            other => panic!("{other:?}"),
        })
    });
}

#[test]
fn a_failing_disk_under_a_group_in_memory_taken_for_somebody_elses_fault() {
    let (mut relay, mut a, mut b, c) = three();
    let in_memory = |device: &Device, state: &dyn MlsStateRead| {
        let mut held = HeldGroups::default();
        held.give_back(GroupSession::load(&device.rows, MAILBOX).unwrap().unwrap());
        held.written();
        held.lend(state, MAILBOX)?.ok_or(SessionError::NoGroup)
    };
    let plan = remove(c.index());
    let owner = relay.owner.public();
    at_every_read(&a, |s| in_memory(&a, s)?.seal(s, &a.keys, b"x", Bucket::Message));
    at_every_read(&a, |s| in_memory(&a, s)?.stage_commit(s, &a.keys, &plan, &anyone));
    let said = a.seal(b"hello");
    relay.deposit(&said);
    let first = relay.log[0].clone();
    let receive = |d: &Device, s: &dyn MlsStateRead, event: &Posted| {
        in_memory(d, s)?.receive(s, &d.keys, event.incoming(), &owner, &anyone)
    };
    at_every_read(&b, |s| receive(&b, s, &first));
    a.read(&relay);
    b.read(&relay);
    let out = a.stage(&plan);
    relay.commit(&out.commit);
    let second = relay.log[1].clone();
    for d in [&a, &b, &c] {
        at_every_read(d, |s| receive(d, s, &second));
    }
    at_every_read(&a, |s| in_memory(&a, s)?.give_up_commit(s));
    at_every_read(&a, |s| in_memory(&a, s)?.forget(s));
}

#[test]
fn a_crash_before_the_write_that_leaves_something_behind() {
    let (mut relay, mut a, mut b, mut c) = three();
    // Whatever happens, it first happens in vain: made, dropped, and made again from the store.
    for round in 0..4u8 {
        let vain = a
            .session()
            .seal(&a.rows, &a.keys, b"never sent", Bucket::Message)
            .unwrap();
        drop(vain);
        let failed = a
            .session()
            .seal(&a.rows, &a.keys, b"never sent", Bucket::Message)
            .unwrap();
        assert_eq!(
            failed.commit(|_, _| Err::<(), _>("disk full")).unwrap_err(),
            "disk full"
        );
        let event = a.seal(&[round; 9]);
        relay.deposit(&event);
        let out = if round % 2 == 0 {
            drop(
                a.session()
                    .stage_commit(&a.rows, &a.keys, &update(), &anyone)
                    .unwrap(),
            );
            a.stage(&update())
        } else {
            b.stage(&update())
        };
        assert!(relay.commit(&out.commit));
        let owner = relay.owner.public();
        for d in [&mut a, &mut b, &mut c] {
            while let Some(event) = relay.log.get(d.cursor) {
                for _ in 0..2 {
                    let session = d.session();
                    drop(
                        session
                            .receive(&d.rows, &d.keys, event.incoming(), &owner, &anyone)
                            .unwrap(),
                    );
                }
                let outcome = d.receive(event, &owner, &anyone);
                assert!(matches!(
                    outcome,
                    Received::Message(_) | Received::Echo | Received::Moved(_)
                ));
                d.cursor += 1;
            }
        }
    }
    talk(&mut relay, &mut [&mut a, &mut b, &mut c]);
}

#[test]
fn a_crash_between_process_and_merge_that_locks_a_member_out() {
    let (mut relay, mut a, mut b, _) = three();
    let out = a.stage(&update());
    relay.commit(&out.commit);
    // Processing alone consumes the ratchet; dropped with its policy's refusal it must not.
    let strict = |_: &Change| Err(Forbidden(1));
    let event = relay.log[0].clone();
    let owner = relay.owner.public();
    let vain = b
        .session()
        .receive(&b.rows, &b.keys, event.incoming(), &owner, &strict)
        .unwrap();
    drop(vain);
    moved(&b.read_one(&relay));
    // And our own, which the crash met after the relay had accepted it.
    drop(
        a.session()
            .receive(&a.rows, &a.keys, event.incoming(), &owner, &anyone)
            .unwrap(),
    );
    assert_eq!(a.session().pending().unwrap().commit, out.hash);
    assert!(moved(&a.read_one(&relay)).own);
    talk(&mut relay, &mut [&mut a, &mut b]);
}

#[test]
fn a_store_that_wrote_only_a_part_and_goes_unnoticed() {
    let (mut relay, mut a, b, _) = three();
    let out = a.stage(&update());
    relay.commit(&out.commit);
    let event = relay.log[0].clone();
    let owner = relay.owner.public();
    let step = b
        .session()
        .receive(&b.rows, &b.keys, event.incoming(), &owner, &anyone)
        .unwrap();
    let rows: Vec<_> = step
        .diff()
        .iter()
        .map(|(k, v)| (k.to_vec(), v.map(<[u8]>::to_vec)))
        .collect();
    // Each row alone missing: those that carry epoch or standing are noticed.
    let mut noticed = 0;
    for missing in 0..rows.len() {
        let mut torn = b.rows.clone();
        for (i, (k, v)) in rows.iter().enumerate() {
            match v {
                _ if i == missing => {}
                Some(v) => drop(torn.insert(k.clone(), v.clone())),
                None => drop(torn.remove(k)),
            }
        }
        match GroupSession::load(&torn, MAILBOX) {
            Err(e) => {
                assert_eq!(e, SessionError::State(StateError::Torn));
                noticed += 1;
            }
            Ok(s) => drop(s),
        }
    }
    assert!(noticed >= 3, "{noticed}");
}

#[test]
fn an_old_copy_of_the_record_that_passes_for_the_present() {
    let (mut relay, mut a, mut b, _) = three();
    let old = b.rows.clone();
    let out = a.stage(&update());
    relay.commit(&out.commit);
    b.read(&relay);
    let mut mixed = b.rows.clone();
    for (k, v) in &old {
        if k[0] == b'r' {
            mixed.insert(k.clone(), v.clone());
        }
    }
    assert_eq!(
        GroupSession::load(&mixed, MAILBOX).unwrap_err(),
        SessionError::State(StateError::Torn)
    );
}

#[test]
fn a_row_of_another_version_that_is_guessed_at() {
    let (_, a, _, _) = three();
    for (key, value) in &a.rows {
        if key[0] != b'm' {
            continue;
        }
        assert_eq!(value[..3], [1, 0, 9]);
        let mut rows = a.rows.clone();
        rows.get_mut(key).unwrap()[0] = 2;
        if let Err(e) = GroupSession::load(&rows, MAILBOX) {
            assert_eq!(e, SessionError::State(StateError::OtherFormat));
        }
        rows.get_mut(key).unwrap().truncate(5);
        rows.get_mut(key).unwrap()[0] = 1;
        if let Err(e) = GroupSession::load(&rows, MAILBOX) {
            assert!(
                matches!(e, SessionError::State(StateError::Damaged | StateError::Torn)),
                "{e:?}"
            );
        }
    }
}

#[test]
fn secrets_that_show_in_debug_output() {
    let (mut relay, mut a, mut b, _) = three();
    let event = a.seal(b"a secret word");
    relay.deposit(&event);
    let shown = format!("{event:?} {:?} {:?}", a.session(), b.read(&relay));
    assert!(!shown.contains("secret"), "{shown}");
    let step = a
        .session()
        .seal(&a.rows, &a.keys, b"a secret word", Bucket::Message)
        .unwrap();
    assert!(!format!("{step:?} {:?} {:?}", a.keys, a.epoch_keys()).contains("secret"));
}
