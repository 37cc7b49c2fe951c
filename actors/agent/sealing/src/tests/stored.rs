//! State as it was stored once must open for ever, or everybody is locked out by an update. The
//! example `make_state` wrote it.

use std::collections::BTreeMap;

use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::sign::{PublicKey, SigningKey};

use super::world::*;
use crate::*;

/// Rows, the leaf's seed, its endpoint key, and two events: a message and a commit.
type Stored = (Vec<(Bytes, Bytes)>, Secret, PublicKey, Vec<(EventKind, Bytes)>);

fn fixture() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/state-1.bin")
}

#[test]
fn an_update_that_cannot_read_what_was_stored_before_it() {
    let (rows, seed, endpoint, events): Stored =
        canonical::decode(&std::fs::read(fixture()).unwrap()).unwrap();
    let mut b = Device::new(9, MAILBOX);
    b.keys = MemberKeys::new(IdentityId([9; 32]), endpoint, &seed);
    b.rows = rows
        .into_iter()
        .map(|(k, v)| (k.0, v.0))
        .collect::<BTreeMap<_, _>>();
    let owner = SigningKey::generate().public();
    let outcomes: Vec<_> = events
        .into_iter()
        .map(|(kind, payload)| {
            b.receive(
                &Posted {
                    kind,
                    branch: 0,
                    epoch: 2,
                    stamp: now_ms(),
                    payload,
                },
                &owner,
                &anyone,
            )
        })
        .collect();
    assert_eq!(content(&outcomes[0]), b"from long ago");
    assert_eq!(moved(&outcomes[1]).epoch, 3);
    b.seal(b"and on it goes");
}
