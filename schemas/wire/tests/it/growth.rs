//! A newer peer's extensions at a version-1 reader.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::ext::{Extension, Extensions, UnknownCritical};
use telesphor_wire::hash::Digest;
use telesphor_wire::mailbox::{Cursor, Event, EventHeader, EventKind, Genesis, link, payload_hash};

use crate::support::samples::{event, genesis, header};

fn extension(id: u32, critical: bool) -> Extension {
    Extension {
        id,
        critical,
        body: Bytes(canonical::encode(&("something newer", id))),
    }
}

#[test]
fn an_unknown_extension_is_lost_or_left_out_of_the_hash() {
    let newer = EventHeader {
        ext: Extensions::none().with(extension(500, false)),
        ..header()
    };
    let read: EventHeader = canonical::decode(&canonical::encode(&newer)).unwrap();
    assert_eq!(read, newer, "kept");
    assert_eq!(read.ext.check(&[]), Ok(()), "not critical");
    let h0 = Digest([0; 32]);
    let hash = payload_hash(b"hello");
    assert_ne!(link(&h0, &read, &hash), link(&h0, &header(), &hash), "hashed");
    assert_eq!(link(&h0, &read, &hash), link(&h0, &newer, &hash));
    assert_eq!(canonical::encode(&read), canonical::encode(&newer), "passed on");
}

#[test]
fn an_unknown_critical_extension_is_ignored() {
    let ext = Extensions::none()
        .with(extension(3, false))
        .with(extension(500, true))
        .with(extension(501, true));
    let genesis: Genesis = canonical::decode(&canonical::encode(&Genesis { ext, ..genesis() })).unwrap();
    assert_eq!(
        genesis.ext.check(&[]),
        Err(UnknownCritical(500)),
        "named by its number"
    );
    assert_eq!(genesis.ext.check(&[500]), Err(UnknownCritical(501)));
    assert_eq!(genesis.ext.check(&[500, 501]), Ok(()));
    assert!(UnknownCritical(500).to_string().contains("500"));
}

#[test]
fn an_event_of_a_kind_not_known_here_breaks_the_chain() {
    let mut cursor = Cursor {
        seq: 0,
        hash: genesis().link(),
    };
    let foreign = Event {
        header: EventHeader {
            kind: EventKind(EventKind::FIRST_FOREIGN + 7),
            ..header()
        },
        ..event()
    };
    let read: Event = canonical::decode(&canonical::encode(&foreign)).unwrap();
    cursor.advance(&read).unwrap();
    assert_eq!(cursor.seq, 1);
    assert!(read.header.kind.may_be_deposited());
    for reserved in [0, 3, 4, 5, 8, 63] {
        assert!(!EventKind(reserved).may_be_deposited());
    }
}

#[test]
fn a_changed_event_passes_the_chain() {
    let start = Cursor {
        seq: 0,
        hash: genesis().link(),
    };
    let good = event();
    let changed = [
        Event {
            payload: Some(b"hallo"[..].into()),
            ..good.clone()
        },
        Event {
            payload_hash: payload_hash(b"hallo"),
            ..good.clone()
        },
        Event {
            header: EventHeader { size: 6, ..header() },
            ..good.clone()
        },
        Event {
            header: EventHeader { seq: 2, ..header() },
            ..good.clone()
        },
        Event {
            header: EventHeader { seq: 0, ..header() },
            ..good.clone()
        },
    ];
    for event in changed {
        let mut cursor = start;
        assert!(cursor.advance(&event).is_err());
        assert_eq!(cursor, start, "a refused event moves nothing");
    }
    let mut kept = start;
    kept.advance(&good).unwrap();
    let mut erased = start;
    erased
        .advance(&Event {
            payload: None,
            ..good
        })
        .unwrap();
    assert_eq!(kept, erased, "erasing a payload leaves the chain whole");
}

#[test]
fn the_last_number_of_all_overflows() {
    let mut cursor = Cursor {
        seq: u64::MAX,
        hash: Digest([0; 32]),
    };
    let wrapped = Event {
        header: EventHeader { seq: 0, ..header() },
        ..event()
    };
    assert_eq!(cursor.advance(&wrapped).unwrap_err().seq, u64::MAX);
}

/// What a version 2 that put a field in front of the extensions would look like here.
#[test]
fn a_structure_with_another_shape_is_taken_for_this_version() {
    #[derive(Serialize, Deserialize)]
    struct CursorTwo(u64, Digest, u8);
    let bytes = canonical::encode(&CursorTwo(1, Digest([1; 32]), 2));
    assert!(canonical::decode::<Cursor>(&bytes).is_err());
}
