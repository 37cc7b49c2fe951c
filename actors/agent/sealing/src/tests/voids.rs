//! The void rule: whatever a relay, an outsider or a member forges, all others void it alike and
//! lose nothing.

use openmls::prelude::tls_codec::Serialize as _;
use openmls::prelude::{ExternalCommitBuilder, MlsMessageBodyIn, MlsMessageIn, OpenMlsProvider};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::{Commit, commit_bytes_hash};
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::sign::SigningKey;

use super::world::*;
use crate::overlay::Provider;
use crate::*;

/// Puts `commit` first in its epoch and checks that all void it for `reason`, keep their epoch and
/// could take in the genuine one in its place.
fn all_void(
    commit: &Commit,
    genuine: &Commit,
    relay: &mut Relay,
    others: &mut [&mut Device],
    reason: VoidReason,
) {
    let honest = relay.log.len();
    let (epoch, access) = (relay.epoch, relay.access);
    relay.commit_unchecked(commit);
    for d in others.iter_mut() {
        let mut other_world = d.rows.clone();
        let authenticator = d.session().authenticator().to_vec();
        let void = void(&d.read_one(relay)).clone();
        assert_eq!(void.reason, reason);
        assert_eq!(void.commit, commit_bytes_hash(&commit.mls));
        assert_eq!((void.branch, void.from_epoch), (0, epoch));
        assert_eq!(d.session().authenticator(), authenticator);
        assert_eq!(d.session().standing(), Standing::Wedged);
        // Had the genuine commit come instead, it would have been good: the reason is the reason.
        std::mem::swap(&mut d.rows, &mut other_world);
        let mut good = relay.log[honest].clone();
        good.payload = Bytes(telesphor_wire::canonical::encode(genuine));
        moved(&d.receive(&good, &relay.owner.public(), &anyone));
        std::mem::swap(&mut d.rows, &mut other_world);
    }
    relay.access = access;
}

fn signed_by(keys: &EpochKeys, mut commit: Commit, change: impl FnOnce(&mut Commit)) -> Commit {
    change(&mut commit);
    commit.access_signature = keys.access().sign(&commit.body);
    commit
}

#[test]
fn a_commit_that_registers_a_key_of_its_own_making() {
    let (mut relay, mut a, mut b, mut c) = three();
    let genuine = a.stage(&update()).commit;
    let false_key = SigningKey::generate().public();
    let bad = signed_by(&a.epoch_keys(), genuine.clone(), |c| {
        c.body.next_access = false_key
    });
    all_void(
        &bad,
        &genuine,
        &mut relay,
        &mut [&mut b, &mut c],
        VoidReason::WrongNextAccess,
    );
    // The author's own agent is no more lenient.
    let void = void(&a.read_one(&relay)).clone();
    assert_eq!(void.reason, VoidReason::WrongNextAccess);
    assert_eq!(void.superseded, Some(commit_bytes_hash(&genuine.mls)));
    assert_eq!(a.session().pending(), None);
}

#[test]
fn a_commit_that_nobody_answers_for() {
    let (mut relay, mut a, mut b, mut c) = three();
    let genuine = a.stage(&update()).commit;
    let bad = signed_by(&a.epoch_keys(), genuine.clone(), |c| {
        c.body.attribution = Bytes(vec![0; telesphor_wire::limits::ATTRIBUTION_BYTES]);
    });
    all_void(
        &bad,
        &genuine,
        &mut relay,
        &mut [&mut b, &mut c],
        VoidReason::AttributionClosed,
    );
}

#[test]
fn a_commit_in_somebody_elses_name() {
    let (mut relay, mut a, mut b, mut c) = three();
    let genuine = a.stage(&update()).commit;
    let innocent = c.stage(&update()).commit;
    let bad = signed_by(&a.epoch_keys(), genuine.clone(), |g| {
        g.body.attribution = innocent.body.attribution.clone();
    });
    all_void(
        &bad,
        &genuine,
        &mut relay,
        &mut [&mut b],
        VoidReason::AttributionMismatch,
    );
}

#[test]
fn a_commit_whose_outer_words_somebody_else_changed() {
    let (mut relay, mut a, mut b, mut c) = three();
    let genuine = a.stage(&update()).commit;
    // c holds the access key like everybody and prolongs the lease in a's name.
    let bad = signed_by(&c.epoch_keys(), genuine.clone(), |g| g.body.lease += 1);
    all_void(
        &bad,
        &genuine,
        &mut relay,
        &mut [&mut b, &mut c],
        VoidReason::AttributionForged,
    );
    assert_eq!(void(&a.read_one(&relay)).reason, VoidReason::AttributionForged);
}

#[test]
fn an_own_commit_that_was_given_up_and_comes_back_altered() {
    let (mut relay, mut a, mut b, c) = three();
    let genuine = a.stage(&update()).commit;
    let step = a.session().give_up_commit(&a.rows).unwrap();
    a.write(step);
    let bad = signed_by(&c.epoch_keys(), genuine, |g| g.body.lease += 1);
    relay.commit_unchecked(&bad);
    assert_eq!(void(&a.read_one(&relay)).reason, VoidReason::AttributionForged);
    assert_eq!(void(&b.read_one(&relay)).reason, VoidReason::AttributionForged);
}

#[test]
fn a_commit_that_a_lying_relay_let_through() {
    let (mut relay, mut a, mut b, mut c) = three();
    let genuine = a.stage(&update()).commit;
    let mut bad = genuine.clone();
    bad.access_signature = SigningKey::generate().sign(&bad.body);
    all_void(
        &bad,
        &genuine,
        &mut relay,
        &mut [&mut b, &mut c],
        VoidReason::RelayLied,
    );
    assert!(VoidReason::RelayLied.blames_relay());

    let (mut relay, mut a, mut b, mut c) = three();
    let genuine = a.stage(&update()).commit;
    let mut bad = genuine.clone();
    bad.mls = c.stage(&update()).commit.mls;
    all_void(&bad, &genuine, &mut relay, &mut [&mut b], VoidReason::RelayLied);
}

#[test]
fn a_commit_that_mls_cannot_open() {
    let (mut relay, mut a, mut b, mut c) = three();
    let genuine = a.stage(&update()).commit;
    let bad = signed_by(&a.epoch_keys(), genuine.clone(), |g| {
        let last = g.mls.0.len() - 1;
        g.mls.0[last] ^= 1;
        g.body.mls = commit_bytes_hash(&g.mls);
    });
    all_void(
        &bad,
        &genuine,
        &mut relay,
        &mut [&mut b, &mut c],
        VoidReason::Unprocessable,
    );
}

#[test]
fn a_message_in_the_place_of_a_commit() {
    let (mut relay, mut a, mut b, mut c) = three();
    let message = a.seal(b"not a commit");
    let genuine = a.stage(&update()).commit;
    let bad = signed_by(&a.epoch_keys(), genuine.clone(), |g| {
        g.mls = message.payload.clone();
        g.body.mls = commit_bytes_hash(&g.mls);
    });
    all_void(
        &bad,
        &genuine,
        &mut relay,
        &mut [&mut b, &mut c],
        VoidReason::NotACommit,
    );
}

#[test]
fn a_commit_smuggled_in_as_a_message() {
    let (mut relay, mut a, mut b, _) = three();
    let out = a.stage(&update());
    for kind in [EventKind::MESSAGE, EventKind::PROPOSAL] {
        relay.post(kind, out.commit.mls.clone());
        assert_eq!(b.read_one(&relay), Received::Junk);
    }
    assert!(relay.commit(&out.commit));
    moved(&b.read_one(&relay));
}

#[test]
fn a_change_that_the_policy_forbids() {
    let (mut relay, mut a, mut b, c) = three();
    let chief = c.keys.member().identity;
    let policy = move |change: &Change| {
        let touched = change.removed.iter().any(|s| s.member.identity == chief);
        if touched && change.by.member.identity != chief {
            Err(Forbidden(12))
        } else {
            Ok(())
        }
    };
    let out = a.stage(&CommitPlan {
        remove: vec![c.index()],
        ..update()
    });
    assert!(relay.commit(&out.commit));
    let outcome = b.read_by(&relay, &policy).remove(0);
    assert_eq!(void(&outcome).reason, VoidReason::Policy(Forbidden(12)));
    assert_eq!(void(&outcome).by.as_ref().unwrap().member, *a.keys.member());
    // Everybody who judges alike is still there; nothing can be sent into the dead branch.
    let refused = b
        .session()
        .seal(&b.rows, &b.keys, b"x", telesphor_wire::padding::Bucket::Message);
    assert_eq!(refused.unwrap_err(), SessionError::Wedged);
    let later = a.seal_after(&mut relay);
    assert!(relay.deposit(&later));
    assert_eq!(b.read_by(&relay, &policy), [Received::Past]);
}

impl Device {
    fn seal_after(&mut self, relay: &mut Relay) -> SealedEvent {
        self.read(relay);
        self.seal(b"on the dead branch")
    }
}

#[test]
fn a_proposal_that_the_policy_forbids_but_a_commit_takes_up() {
    let (mut relay, mut a, mut b, c) = three();
    let nobody_goes = |change: &Change| {
        if change.removed.is_empty() {
            Ok(())
        } else {
            Err(Forbidden(1))
        }
    };
    let step = a.session().propose_remove(&a.rows, &a.keys, c.index()).unwrap();
    relay.deposit(&a.write(step).1);
    a.read(&relay);
    assert_eq!(
        b.read_by(&relay, &nobody_goes),
        [Received::ProposalRefused(VoidReason::Policy(Forbidden(1)))]
    );
    assert_eq!(b.session().standing(), Standing::Member);
    let out = a.stage(&update());
    assert!(relay.commit(&out.commit));
    assert_eq!(
        void(&b.read_by(&relay, &nobody_goes)[0]).reason,
        VoidReason::Unprocessable
    );
}

/// Somebody who kept an old leaf key and got hold of a GroupInfo comes in from outside.
#[test]
fn an_outsider_who_joins_by_external_commit() {
    let (mut relay, mut a, mut b, mut c) = three();
    let genuine = a.stage(&update()).commit;
    let session = b.session();
    let provider = Provider::new(&b.rows);
    let info = session
        .group
        .export_group_info(provider.crypto(), &b.keys, true)
        .unwrap();
    let info = MlsMessageIn::from(info);
    let MlsMessageBodyIn::GroupInfo(info) = info.extract() else {
        panic!()
    };

    let outsider = Device::new(66, MAILBOX);
    let own = Provider::new(&outsider.rows);
    let (_, bundle) = ExternalCommitBuilder::new()
        .with_config(crate::config::join_config(0))
        .build_group(&own, info, outsider.keys.credential())
        .unwrap()
        .leaf_node_parameters(
            openmls::prelude::LeafNodeParameters::builder()
                .with_capabilities(crate::binding::capabilities())
                .build(),
        )
        .load_psks(own.storage())
        .unwrap()
        .build(own.rand(), own.crypto(), &outsider.keys, |_| true)
        .unwrap()
        .finalize(&own)
        .unwrap();
    let mls = bundle.into_commit().tls_serialize_detached().unwrap();

    // With a stolen access key even the relay lets it through.
    let bad = signed_by(&a.epoch_keys(), genuine.clone(), |g| {
        g.mls = Bytes(mls.clone());
        g.body.mls = commit_bytes_hash(&g.mls);
    });
    all_void(
        &bad,
        &genuine,
        &mut relay,
        &mut [&mut b, &mut c],
        VoidReason::External,
    );

    // As a message or proposal it is junk.
    let (mut relay, _, mut b, _) = (three().0, (), b, ());
    b.cursor = 0;
    for kind in [EventKind::MESSAGE, EventKind::PROPOSAL] {
        relay.post(kind, Bytes(mls.clone()));
    }
    for outcome in b.read(&relay) {
        assert!(matches!(outcome, Received::Junk | Received::Past));
    }
}
