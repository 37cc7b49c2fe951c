//! Commands that were carried out, under their ids, until they can no longer be sent again.
//! A compaction filter drops what is past its time; lookups treat it as absent before that.
//!
//! ```text
//! key    mailbox (or ledger entry, or token hash) 32 | scope 32 | command id 32
//! value  keep until 8 | partition 2 | position 8 | leaf 4 (all ones: none) | body hash 32 | gave
//! gave   0
//!      | 1 | last resort 1 | left 4 | package
//!      | 2 | class 2 | until 8 | voucher 32 each
//!      | 3 | standing 8 x 8 | canonical step, or nothing
//! ```

use telesphor_rules::effects::{Gave, GivenPackage, GivenStep, GivenVouchers, Place, Remembered};
use telesphor_rules::facts::MemoryKey;
use telesphor_wire::canonical;
use telesphor_wire::ids::{PartitionId, Voucher};
use telesphor_wire::ledger::EntryStanding;

use super::codec::{Put, Take};

pub(crate) const NAME: &str = "memory";

const NO_LEAF: u32 = u32::MAX;

pub(crate) fn key(k: &MemoryKey) -> [u8; 96] {
    let mut key = [0; 96];
    key[..32].copy_from_slice(&k.mailbox.0);
    key[32..64].copy_from_slice(&k.scope);
    key[64..].copy_from_slice(&k.command.0);
    key
}

pub(crate) fn encode(r: &Remembered, out: &mut Vec<u8>) {
    out.u64(r.keep_until);
    out.u16(r.place.partition.0);
    out.u64(r.place.position);
    out.u32(r.place.leaf.unwrap_or(NO_LEAF));
    out.raw(&r.body.0);
    match &r.gave {
        Gave::Nothing => out.u8(0),
        Gave::Package(p) => {
            out.u8(1);
            out.u8(u8::from(p.last_resort));
            out.u32(p.left);
            out.raw(&p.package);
        }
        Gave::Vouchers(v) => {
            out.u8(2);
            out.u16(v.class);
            out.u64(v.until);
            for voucher in &v.vouchers {
                out.raw(&voucher.0);
            }
        }
        Gave::Step(given) => {
            out.u8(3);
            let s = &given.standing;
            for n in [
                s.now,
                s.free,
                s.confirmed,
                s.reserved,
                s.next_free,
                s.over,
                s.held_until,
                s.cancelled,
            ] {
                out.u64(n);
            }
            if let Some(step) = &given.step {
                out.raw(&canonical::encode(step));
            }
        }
    }
}

pub(crate) fn decode(value: &[u8]) -> Option<Remembered> {
    let mut t = Take(value);
    let (keep_until, partition, position) = (t.u64()?, PartitionId(t.u16()?), t.u64()?);
    let leaf = Some(t.u32()?).filter(|n| *n != NO_LEAF);
    let body = t.digest()?;
    let gave = match t.u8()? {
        0 => t.end(Gave::Nothing)?,
        1 => {
            let (last_resort, left) = (t.flag()?, t.u32()?);
            Gave::Package(GivenPackage {
                package: t.0.into(),
                last_resort,
                left,
            })
        }
        2 => {
            let (class, until) = (t.u16()?, t.u64()?);
            let mut vouchers = Vec::new();
            while !t.is_empty() {
                vouchers.push(Voucher(t.bytes32()?));
            }
            Gave::Vouchers(GivenVouchers {
                vouchers,
                class,
                until,
            })
        }
        3 => {
            let standing = EntryStanding {
                now: t.u64()?,
                free: t.u64()?,
                confirmed: t.u64()?,
                reserved: t.u64()?,
                next_free: t.u64()?,
                over: t.u64()?,
                held_until: t.u64()?,
                cancelled: t.u64()?,
            };
            let step = match t.0 {
                [] => None,
                bytes => Some(canonical::decode(bytes).ok()?),
            };
            Gave::Step(Box::new(GivenStep { standing, step }))
        }
        _ => return None,
    };
    Some(Remembered {
        body,
        keep_until,
        place: Place {
            partition,
            position,
            leaf,
        },
        gave,
    })
}

/// When and by whose clock an entry may go; the compaction filter asks nothing else.
pub(crate) fn expiry(value: &[u8]) -> Option<(u64, u16)> {
    let mut t = Take(value);
    Some((t.u64()?, t.u16()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use telesphor_wire::ext::Extensions;
    use telesphor_wire::hash::Digest;
    use telesphor_wire::ids::EntryId;
    use telesphor_wire::ledger::{Step, StepKind};
    use telesphor_wire::sign::PublicKey;

    fn gave() -> impl Strategy<Value = Gave> {
        prop_oneof![
            Just(Gave::Nothing),
            (
                prop::collection::vec(any::<u8>(), 0..50),
                any::<bool>(),
                any::<u32>()
            )
                .prop_map(|(package, last_resort, left)| Gave::Package(GivenPackage {
                    package: package.into(),
                    last_resort,
                    left
                })),
            (
                prop::collection::vec(any::<[u8; 32]>(), 0..5),
                any::<u16>(),
                any::<u64>()
            )
                .prop_map(|(v, class, until)| Gave::Vouchers(GivenVouchers {
                    vouchers: v.into_iter().map(Voucher).collect(),
                    class,
                    until
                })),
            (any::<[u64; 8]>(), any::<bool>()).prop_map(|(n, looked)| Gave::Step(Box::new(GivenStep {
                standing: EntryStanding {
                    now: n[0],
                    free: n[1],
                    confirmed: n[2],
                    reserved: n[3],
                    next_free: n[4],
                    over: n[5],
                    held_until: n[6],
                    cancelled: n[7],
                },
                step: (!looked).then(|| Step {
                    entry: EntryId([7; 32]),
                    seq: n[0],
                    previous: Digest([1; 32]),
                    kind: StepKind::Confirmed,
                    key: PublicKey([2; 32]),
                    parts: n[1],
                    over: 0,
                    until: n[2],
                    stamp: n[3],
                    ext: Extensions::none(),
                }),
            }))),
        ]
    }

    proptest! {
        #[test]
        fn a_memory_comes_back_as_it_was(
            body: [u8; 32], keep_until: u64, partition: u16, position: u64, leaf in prop::option::of(0..u32::MAX),
            gave in gave(),
        ) {
            let place = Place { partition: PartitionId(partition), position, leaf };
            let record = Remembered { body: Digest(body), keep_until, place, gave };
            let mut out = Vec::new();
            encode(&record, &mut out);
            prop_assert_eq!(decode(&out), Some(record));
            prop_assert_eq!(expiry(&out), Some((keep_until, partition)));
            prop_assert_eq!(decode(&out[..54]), None);
        }
    }
}
