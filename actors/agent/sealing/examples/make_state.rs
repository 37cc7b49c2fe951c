//! Writes the stored state that every later version must be able to open, `fixtures/state-1.bin`.
//! Only for a new format number: what lies there stands for what lies on people's disks.
#![allow(clippy::unwrap_used, clippy::panic, dead_code)]

#[path = "../src/tests/world.rs"]
mod world;

use telesphor_sealing::*;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::sign::PublicKey;
use world::*;

/// Rows, the leaf's seed, its endpoint key, and two events: a message and a commit.
type Stored = (Vec<(Bytes, Bytes)>, Secret, PublicKey, Vec<(EventKind, Bytes)>);

fn main() {
    let (mut relay, mut devices) = team(2, Suite::Hybrid);
    let seed = Secret::random();
    let mut b = Device::new(9, MAILBOX);
    b.keys = MemberKeys::new(IdentityId([9; 32]), b.endpoint.public(), &seed);
    let package = b.package(Suite::Hybrid);
    let out = devices[0].stage(&CommitPlan {
        add: vec![package],
        ..update()
    });
    assert!(relay.commit(&out.commit));
    devices[0].read(&relay);
    b.join(&out.welcome.unwrap());
    let rows = b
        .rows
        .iter()
        .map(|(k, v)| (Bytes(k.clone()), Bytes(v.clone())))
        .collect();
    let message = devices[0].seal(b"from long ago").payload;
    let commit = Bytes(canonical::encode(&devices[0].stage(&update()).commit));
    let events = vec![(EventKind::MESSAGE, message), (EventKind::COMMIT, commit)];
    let stored: Stored = (rows, seed, b.endpoint.public(), events);
    let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/state-1.bin");
    std::fs::write(fixture, canonical::encode(&stored)).unwrap();
}
