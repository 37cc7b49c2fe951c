//! Somebody who was put out, with everything that he ever had and every byte that the relay has
//! since. What he builds himself an honest library has nothing against; it opens nothing.

use std::collections::BTreeMap;

use openmls::group::MlsGroup;
use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _};
use openmls::prelude::{
    CommitBuilder, ExternalCommitBuilder, Initial, LeafNodeParameters, MlsMessageBodyIn, MlsMessageIn,
    OpenMlsProvider, PreSharedKeyProposal, Proposal,
};
use openmls::schedule::psk::{PreSharedKeyId, Psk, ResumptionPsk, ResumptionPskUsage};
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::padding::Bucket;

use super::world::*;
use crate::overlay::Provider;
use crate::session::group_id;
use crate::*;

/// What is said after he is out.
const LATER: usize = 10_000;

type RowMap = BTreeMap<Vec<u8>, Vec<u8>>;

/// A group that he holds or has made himself, with the rows under it.
struct Attempt {
    what: &'static str,
    rows: RowMap,
    group: MlsGroup,
}

impl Attempt {
    /// Whether it opens a message: as it was sent, or passed off as one of the group's own epoch.
    fn opens(&mut self, payload: &[u8]) -> bool {
        // version, wire format, length of the group's name, its name: then the epoch.
        const EPOCH_AT: usize = 2 + 2 + 1 + 32;
        let mut renamed = payload.to_vec();
        renamed[EPOCH_AT..EPOCH_AT + 8].copy_from_slice(&self.group.epoch().as_u64().to_be_bytes());
        [payload, &renamed].into_iter().any(|bytes| {
            let message = MlsMessageIn::tls_deserialize_exact_bytes(bytes).unwrap();
            let message = message.try_into_protocol_message().unwrap();
            assert_eq!(message.group_id(), self.group.group_id());
            self.group
                .process_message(&Provider::new(&self.rows), message)
                .is_ok()
        })
    }
}

fn load(rows: &RowMap) -> GroupSession {
    GroupSession::load(rows, MAILBOX).unwrap().unwrap()
}

/// A state of his that hears of nothing that comes after it.
fn state(what: &'static str, rows: &RowMap) -> Attempt {
    Attempt {
        what,
        rows: rows.clone(),
        group: load(rows).group,
    }
}

/// He lets himself in by an external commit on group information of the last epoch that he saw.
fn external(old: &RowMap, keys: &MemberKeys) -> Attempt {
    let provider = Provider::new(old);
    let info = load(old).group.export_group_info(provider.crypto(), keys, true);
    let MlsMessageBodyIn::GroupInfo(info) = MlsMessageIn::from(info.unwrap()).extract() else {
        panic!()
    };
    let mut rows = RowMap::new();
    let own = Provider::new(&rows);
    let (group, _) = ExternalCommitBuilder::new()
        .with_config(crate::config::join_config(0))
        .build_group(&own, info, keys.credential())
        .unwrap()
        .leaf_node_parameters(
            LeafNodeParameters::builder()
                .with_capabilities(crate::binding::capabilities())
                .build(),
        )
        .load_psks(own.storage())
        .unwrap()
        .build(own.rand(), own.crypto(), keys, |_| true)
        .unwrap()
        .finalize(&own)
        .unwrap();
    own.into_diff().apply_to(&mut rows);
    Attempt {
        what: "external commit on old group information",
        rows,
        group,
    }
}

type Building<'a> = CommitBuilder<'a, Initial>;

/// He goes on by himself from his old state: with the resumption secret of the epoch, or letting a
/// new leaf of his own in.
fn by_himself(
    what: &'static str,
    (old, keys): (&RowMap, &MemberKeys),
    edit: impl for<'a> FnOnce(&Provider<'_>, Building<'a>) -> Building<'a>,
) -> Attempt {
    let mut rows = old.clone();
    let mut group = load(old).group;
    let provider = Provider::new(old);
    let builder = group.commit_builder().force_self_update(true);
    edit(&provider, builder)
        .load_psks(provider.storage())
        .unwrap()
        .build(provider.rand(), provider.crypto(), keys, |_| true)
        .unwrap()
        .stage_commit(&provider)
        .unwrap();
    group.merge_pending_commit(&provider).unwrap();
    provider.into_diff().apply_to(&mut rows);
    Attempt { what, rows, group }
}

fn resumption(old: &RowMap, keys: &MemberKeys) -> Attempt {
    by_himself("resumption of the old epoch", (old, keys), |provider, commit| {
        let epoch = load(old).group.epoch();
        let psk = ResumptionPsk::new(ResumptionPskUsage::Application, group_id(&MAILBOX), epoch);
        let psk = Psk::Resumption(psk);
        let id = PreSharedKeyId::new(Suite::Classical.mls(), provider.rand(), psk).unwrap();
        let proposal = PreSharedKeyProposal::new(id);
        commit.add_proposal(Proposal::PreSharedKey(Box::new(proposal)))
    })
}

/// He adds himself again: with the key package of another leaf, committed by his old self.
fn added_again(old: &RowMap, keys: &MemberKeys, package: &VerifiedPackage) -> Attempt {
    let package = package.package.clone();
    by_himself("adding himself again", (old, keys), |_, commit| {
        commit.propose_adds([package])
    })
}

/// Says so many things, and lets the other one hear them all.
fn say(a: &mut Device, b: &mut Device, relay: &Relay, n: usize) -> Vec<Posted> {
    let (mut said, mut sender, mut reader) = (Vec::new(), a.session(), b.session());
    for i in 0..n {
        let text = format!("after it {i}");
        let step = sender
            .seal(&a.rows, &a.keys, text.as_bytes(), Bucket::Message)
            .unwrap();
        let (session, event) = step
            .commit(|diff, _| {
                diff.apply_to(&mut a.rows);
                Ok::<(), ()>(())
            })
            .unwrap();
        sender = session;
        let posted = Posted {
            kind: EventKind::MESSAGE,
            branch: event.branch,
            epoch: event.epoch,
            stamp: now_ms(),
            payload: event.payload,
        };
        let owner = relay.owner.public();
        let step = reader
            .receive(&b.rows, &b.keys, posted.incoming(), &owner, &anyone)
            .unwrap();
        let (session, heard) = step
            .commit(|diff, _| {
                diff.apply_to(&mut b.rows);
                Ok::<(), ()>(())
            })
            .unwrap();
        reader = session;
        assert_eq!(content(&heard), text.as_bytes());
        said.push(posted);
    }
    said
}

#[test]
fn of_the_next_ten_thousand_messages_a_removed_member_opens_one_with_everything_he_ever_had() {
    // The founder is put out: nobody was in the group longer, or has kept more of it.
    let (mut relay, mut c, mut a, mut b) = three();
    let before = a.seal(b"while he is there");
    relay.deposit(&before);
    b.read(&relay);
    let mut another = Device::new(3, MAILBOX);
    let package = another.package(Suite::Classical);
    let old = c.rows.clone();
    let mut attempts = vec![
        state("his state from before", &old),
        external(&old, &c.keys),
        resumption(&old, &c.keys),
        added_again(&old, &c.keys, &package),
    ];
    // The control: his old state opens what was said while he was there, and what he has made
    // himself is a whole group.
    assert!(attempts[0].opens(&before.payload));
    for attempt in &mut attempts[1..] {
        let provider = Provider::new(&attempt.rows);
        let made = attempt.group.create_message(&provider, &c.keys, b"alone");
        assert!(made.unwrap().tls_serialize_detached().is_ok(), "{}", attempt.what);
    }

    let out = a.stage(&remove(c.index()));
    assert!(relay.commit(&out.commit));
    a.read(&relay);
    b.read(&relay);
    assert!(matches!(c.read(&relay).last(), Some(Received::Removed(_))));
    attempts.push(state("his state from after it", &c.rows));

    let mut later = say(&mut a, &mut b, &relay, LATER / 2);
    let next = b.stage(&update());
    assert!(relay.commit(&next.commit));
    a.read(&relay);
    b.read(&relay);
    later.extend(say(&mut b, &mut a, &relay, LATER / 2));
    assert_eq!(later.len(), LATER);
    for attempt in &mut attempts {
        let opened = later.iter().filter(|m| attempt.opens(&m.payload)).count();
        assert_eq!(opened, 0, "{}", attempt.what);
    }

    // His honest program, and a program that follows the whole log with his old state.
    for rows in [&c.rows, &old] {
        let mut rows = rows.clone();
        for event in relay.log.iter().chain(&later) {
            let session = GroupSession::load(&rows, MAILBOX).unwrap().unwrap();
            if session.standing() == Standing::Removed {
                assert_eq!(session.epoch(), 1, "he stands where he was put out");
                break;
            }
            let owner = relay.owner.public();
            let step = session
                .receive(&rows, &c.keys, event.incoming(), &owner, &anyone)
                .unwrap();
            step.commit(|diff, _| {
                diff.apply_to(&mut rows);
                Ok::<(), ()>(())
            })
            .unwrap();
        }
    }
    // Nor do the others take in what he makes.
    for attempt in &mut attempts[1..4] {
        let provider = Provider::new(&attempt.rows);
        let made = attempt
            .group
            .create_message(&provider, &c.keys, b"let me in")
            .unwrap();
        relay.post(EventKind::MESSAGE, made.tls_serialize_detached().unwrap().into());
        assert!(
            matches!(b.read_one(&relay), Received::Junk | Received::Past),
            "{}",
            attempt.what
        );
    }
}
