//! What a member with a changed agent commits: MLS has nothing against it, and all others void it.

use openmls::prelude::tls_codec::Serialize as _;
use openmls::prelude::{CommitBuilder, Initial, NewSignerBundle, OpenMlsProvider};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::{Commit, commit_bytes_hash};
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::sign::SigningKey;

use super::world::*;
use crate::overlay::Provider;
use crate::*;

type Building<'a> = CommitBuilder<'a, Initial>;

/// What a member with a changed agent could put into a commit beside additions and removals: what
/// `edit` adds to the library's builder, with everything around it as an honest agent would sign it.
fn hostile(a: &mut Device, edit: impl for<'a> FnOnce(Building<'a>) -> Building<'a>) -> Commit {
    hostile_with(a, b"", None, edit)
}

/// The same with words in the authenticated data, or with the leaf going over to a `thief`.
fn hostile_with(
    a: &mut Device,
    aad: &[u8],
    thief: Option<&Device>,
    edit: impl for<'a> FnOnce(Building<'a>) -> Building<'a>,
) -> Commit {
    let genuine = a.stage(&update()).commit;
    let step = a.session().give_up_commit(&a.rows).unwrap();
    a.write(step);
    let mut session = a.session();
    let provider = Provider::new(&a.rows);
    session.group.set_aad(aad.to_vec());
    let builder = edit(session.group.commit_builder());
    let ready = builder.load_psks(provider.storage()).unwrap();
    let (rand, crypto) = (provider.rand(), provider.crypto());
    let built = match thief {
        None => ready.build(rand, crypto, &a.keys, |_| true),
        Some(thief) => {
            let new = NewSignerBundle {
                signer: &thief.keys,
                credential_with_key: thief.keys.credential(),
            };
            ready.build_with_new_signer(rand, crypto, &a.keys, new, |_| true)
        }
    };
    let bundle = built.unwrap().stage_commit(&provider).unwrap();
    let mls = bundle.into_commit().tls_serialize_detached().unwrap();
    let staged = session.group.pending_commit().unwrap();
    let crypto = provider.crypto();
    let label = telesphor_wire::labels::ExporterLabel::Access;
    let seed = crate::access::export(staged, crypto, label, &MAILBOX, 0).unwrap();
    let mut body = genuine.body;
    body.mls = commit_bytes_hash(&mls);
    body.next_access = SigningKey::from_seed(&seed).public();
    body.attribution = Bytes::default();
    let what = crate::attribution::Attributed::commit(&body);
    body.attribution = session.attribute(&provider, &a.keys, 0, WHY, &what).unwrap();
    let access_signature = a.epoch_keys().access().sign(&body);
    Commit {
        body,
        mls: Bytes(mls),
        access_signature,
        second: None,
    }
}

/// b voids what a commits, and for this reason.
fn voided(relay: &mut Relay, bad: &Commit, b: &mut Device, reason: VoidReason) {
    relay.commit_unchecked(bad);
    assert_eq!(void(&b.read_one(relay)).reason, reason);
}

#[test]
fn a_commit_that_loosens_the_binding() {
    let (mut relay, mut a, mut b, _) = three();
    let looser = Binding {
        min_suite: 0x0001,
        owner: telesphor_wire::ids::IdentityId([9; 32]),
        ..binding(Suite::Classical)
    };
    let extensions = looser.extensions().unwrap();
    let bad = hostile(&mut a, |commit| {
        let commit = commit.force_self_update(true);
        commit.propose_group_context_extensions(extensions).unwrap()
    });
    voided(&mut relay, &bad, &mut b, VoidReason::BindingChanged);
}

#[test]
fn a_commit_that_opens_a_second_door() {
    use openmls::prelude::{Extension, ExternalSender};
    let (mut relay, mut a, mut b, _) = three();
    let with_key = a.keys.credential();
    let sender = ExternalSender::new(with_key.signature_key, with_key.credential);
    let mut extensions = a.session().group.extensions().clone();
    extensions.add(Extension::ExternalSenders(vec![sender])).unwrap();
    let bad = hostile(&mut a, |commit| {
        let commit = commit.force_self_update(true);
        commit.propose_group_context_extensions(extensions).unwrap()
    });
    voided(&mut relay, &bad, &mut b, VoidReason::BindingChanged);
}

#[test]
fn a_commit_without_fresh_keys() {
    let (mut relay, mut a, mut b, _) = three();
    let mut d = Device::new(4, MAILBOX);
    let package = d.package(Suite::Classical).package;
    let bad = hostile(&mut a, |commit| commit.propose_adds([package]));
    voided(&mut relay, &bad, &mut b, VoidReason::NoPath);
}

#[test]
fn a_leaf_that_changes_hands() {
    let (mut relay, mut a, mut b, _) = three();
    let thief = Device::new(99, MAILBOX);
    let bad = hostile_with(&mut a, b"", Some(&thief), |commit| commit.force_self_update(true));
    voided(&mut relay, &bad, &mut b, VoidReason::LeafChanged);
}

#[test]
fn a_member_with_a_key_package_for_400_days_or_a_strange_credential() {
    use openmls::prelude::{BasicCredential, CredentialWithKey, KeyPackage};
    for strange in [false, true] {
        let (mut relay, mut a, mut b, _) = three();
        let d = Device::new(4, MAILBOX);
        let own = Provider::new(&d.rows);
        let days = if strange { 80 } else { 400 };
        let credential = if strange {
            CredentialWithKey {
                credential: BasicCredential::new(b"Dr. Who".to_vec()).into(),
                signature_key: d.keys.member().leaf.0.to_vec().into(),
            }
        } else {
            d.keys.credential()
        };
        let package = KeyPackage::builder()
            .key_package_lifetime(crate::config::lifetime(now_ms(), days * 86_400_000))
            .leaf_node_capabilities(crate::binding::capabilities())
            .build(Suite::Classical.mls(), &own, &d.keys, credential)
            .unwrap()
            .into_key_package();
        let bad = hostile(&mut a, |commit| {
            commit.force_self_update(true).propose_adds([package])
        });
        voided(&mut relay, &bad, &mut b, VoidReason::BadPackage);
    }
}

#[test]
fn a_commit_with_a_proposal_of_a_kind_that_is_off() {
    use openmls::prelude::{PreSharedKeyProposal, Proposal};
    use openmls::schedule::{ExternalPsk, PreSharedKeyId, Psk};
    let (mut relay, mut a, mut b, _) = three();
    let id = |provider: &Provider<'_>| {
        let psk = Psk::External(ExternalPsk::new(vec![1, 2, 3]));
        PreSharedKeyId::new(Suite::Classical.mls(), provider.rand(), psk).unwrap()
    };
    // Both hold the key, so MLS itself has nothing against it.
    let provider = Provider::new(&b.rows);
    let psk = id(&provider);
    psk.store(&provider, &[5; 32]).unwrap();
    provider.into_diff().apply_to(&mut b.rows);
    let provider = Provider::new(&a.rows);
    psk.store(&provider, &[5; 32]).unwrap();
    provider.into_diff().apply_to(&mut a.rows);
    let proposal = Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(psk)));
    let bad = hostile(&mut a, |commit| {
        commit.force_self_update(true).add_proposal(proposal)
    });
    voided(&mut relay, &bad, &mut b, VoidReason::ForbiddenProposal);
}

#[test]
fn words_in_the_authenticated_data_that_a_relay_can_read() {
    let (mut relay, mut a, mut b, _) = three();
    let mut session = a.session();
    let provider = Provider::new(&a.rows);
    session.group.set_aad(b"for the relay".to_vec());
    let message = session
        .group
        .create_message(&provider, &a.keys, b"hello")
        .unwrap();
    relay.post(
        EventKind::MESSAGE,
        Bytes(message.tls_serialize_detached().unwrap()),
    );
    assert_eq!(b.read_one(&relay), Received::Junk);
    let bad = hostile_with(&mut a, b"for the relay", None, |commit| {
        commit.force_self_update(true)
    });
    voided(&mut relay, &bad, &mut b, VoidReason::Unprocessable);
}

#[test]
fn a_hostile_helper_that_makes_every_commit_void() {
    // The control for the tests above: built the same way, an honest commit is good.
    let (mut relay, mut a, mut b, mut c) = three();
    let good = hostile(&mut a, |commit| commit.force_self_update(true));
    assert!(relay.commit(&good));
    assert_eq!(moved(&b.read_one(&relay)).change.why, Some(WHY));
    moved(&c.read_one(&relay));
}
