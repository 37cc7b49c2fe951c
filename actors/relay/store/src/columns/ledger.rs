//! The dispense ledger: entries, what is known of each key in them, and their steps.
//!
//! Every value begins with the instant after which it may go and the partition whose clock says so;
//! a compaction filter asks nothing else. Steps and keys go with their entry's life, the entry
//! itself a life later: so it is not opened again meanwhile.
//!
//! ```text
//! key    entry 32
//! value  until 8 | partition 2 | opened 8 | seq 8 | hash 32 | confirmed 8 | over 8 | fills 4
//!        | cancelled 8 | cancelled by 8 | hold: 0 or 1, key 32, until 8
//!        | reservation (key 32, parts 8, until 8) each
//! key    entry 32 | 1 | key 32
//! value  until 8 | partition 2 | parts 8 | began 8 | ended 8 | state 1 | held 8 | lifted 8
//! key    entry 32 | 2 | seq 8
//! value  until 8 | partition 2 | position 8 | leaf 4 | canonical step
//! ```

use telesphor_rules::effects::Place;
use telesphor_rules::facts::StepRecord;
use telesphor_rules::ledger::entry::{Entry, Fill, FillState, Hold, Reservation};
use telesphor_wire::canonical;
use telesphor_wire::ids::{EntryId, PartitionId};
use telesphor_wire::sign::PublicKey;

use super::codec::{Put, Take};

pub(crate) const NAME: &str = "ledger";

const FILL: u8 = 1;
const STEP: u8 = 2;

/// What a key of this family names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    Entry(EntryId),
    Fill(EntryId, PublicKey),
    Step(EntryId, u64),
}

pub(crate) fn fill_key(entry: &EntryId, key: &PublicKey) -> [u8; 65] {
    let mut k = [0; 65];
    k[..32].copy_from_slice(&entry.0);
    k[32] = FILL;
    k[33..].copy_from_slice(&key.0);
    k
}

pub(crate) fn step_key(entry: &EntryId, seq: u64) -> [u8; 41] {
    let mut k = [0; 41];
    k[..32].copy_from_slice(&entry.0);
    k[32] = STEP;
    k[33..].copy_from_slice(&seq.to_be_bytes());
    k
}

pub(crate) fn parse_key(key: &[u8]) -> Option<Row> {
    let mut t = Take(key);
    let entry = EntryId(t.bytes32()?);
    if t.is_empty() {
        return Some(Row::Entry(entry));
    }
    let row = match t.u8()? {
        FILL => Row::Fill(entry, t.key()?),
        STEP => Row::Step(entry, t.u64()?),
        _ => return None,
    };
    t.end(row)
}

/// Until when the steps and keys of an entry are kept, and in which partition it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) until: u64,
    pub(crate) partition: u16,
}

impl Life {
    fn put(self, out: &mut Vec<u8>) {
        out.u64(self.until);
        out.u16(self.partition);
    }
    fn take(t: &mut Take<'_>) -> Option<Self> {
        Some(Self {
            until: t.u64()?,
            partition: t.u16()?,
        })
    }
}

/// When and by whose clock a row may go.
pub(crate) fn expiry(value: &[u8]) -> Option<(u64, u16)> {
    let life = Life::take(&mut Take(value))?;
    Some((life.until, life.partition))
}

pub(crate) fn encode_entry(e: &Entry, partition: u16, out: &mut Vec<u8>) {
    let until = e.kept_until();
    Life { until, partition }.put(out);
    out.u64(e.opened);
    out.u64(e.seq);
    out.raw(&e.hash.0);
    out.u64(e.confirmed);
    out.u64(e.over);
    out.u32(e.fills);
    out.u64(e.cancelled);
    out.u64(e.cancelled_by);
    match &e.hold {
        None => out.u8(0),
        Some(hold) => {
            out.u8(1);
            out.raw(&hold.key.0);
            out.u64(hold.until);
        }
    }
    for r in &e.open {
        out.raw(&r.key.0);
        out.u64(r.parts);
        out.u64(r.until);
    }
}

pub(crate) fn decode_entry(value: &[u8]) -> Option<Entry> {
    let mut t = Take(value);
    Life::take(&mut t)?;
    let mut entry = Entry {
        opened: t.u64()?,
        seq: t.u64()?,
        hash: t.digest()?,
        confirmed: t.u64()?,
        over: t.u64()?,
        fills: t.u32()?,
        cancelled: t.u64()?,
        cancelled_by: t.u64()?,
        hold: None,
        open: Vec::new(),
    };
    if t.flag()? {
        entry.hold = Some(Hold {
            key: t.key()?,
            until: t.u64()?,
        });
    }
    while !t.is_empty() {
        entry.open.push(Reservation {
            key: t.key()?,
            parts: t.u64()?,
            until: t.u64()?,
        });
    }
    Some(entry)
}

pub(crate) fn encode_fill(f: &Fill, life: Life, out: &mut Vec<u8>) {
    life.put(out);
    out.u64(f.parts);
    out.u64(f.began);
    out.u64(f.ended);
    out.u8(match f.state {
        FillState::Reserved => 1,
        FillState::Confirmed => 2,
        FillState::Released => 3,
        FillState::Settled => 4,
    });
    out.u64(f.held);
    out.u64(f.lifted);
}

pub(crate) fn decode_fill(value: &[u8]) -> Option<Fill> {
    let mut t = Take(value);
    Life::take(&mut t)?;
    let fill = Fill {
        parts: t.u64()?,
        began: t.u64()?,
        ended: t.u64()?,
        state: match t.u8()? {
            1 => FillState::Reserved,
            2 => FillState::Confirmed,
            3 => FillState::Released,
            4 => FillState::Settled,
            _ => return None,
        },
        held: t.u64()?,
        lifted: t.u64()?,
    };
    t.end(fill)
}

pub(crate) fn encode_step(s: &StepRecord, until: u64, out: &mut Vec<u8>) {
    let partition = s.place.partition.0;
    Life { until, partition }.put(out);
    out.u64(s.place.position);
    // A step always has its leaf.
    out.u32(s.place.leaf.unwrap_or(0));
    out.raw(&canonical::encode(&s.step));
}

pub(crate) fn decode_step(value: &[u8]) -> Option<StepRecord> {
    let mut t = Take(value);
    let life = Life::take(&mut t)?;
    let place = Place {
        partition: PartitionId(life.partition),
        position: t.u64()?,
        leaf: Some(t.u32()?),
    };
    let step = canonical::decode(t.0).ok()?;
    Some(StepRecord { step, place })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use telesphor_wire::ext::Extensions;
    use telesphor_wire::hash::Digest;
    use telesphor_wire::ledger::{Step, StepKind};

    proptest! {
        #[test]
        fn a_ledger_row_comes_back_as_it_was(
            n in any::<[u32; 4]>(), seq: u64, id: [u8; 32], key: [u8; 32], held: bool, state in 0usize..4,
            open in prop::collection::vec(any::<([u8; 32], u64, u64)>(), 0..5),
        ) {
            let [a, b, c, partition] = n;
            let (id, key, partition) = (EntryId(id), PublicKey(key), partition as u16);
            let entry = Entry {
                opened: a.into(), seq, hash: Digest(key.0), confirmed: b.into(), over: c.into(), fills: a,
                cancelled: b.into(), cancelled_by: c.into(),
                hold: held.then_some(Hold { key, until: a.into() }),
                open: open.into_iter().map(|(k, parts, until)| Reservation { key: PublicKey(k), parts, until }).collect(),
            };
            let mut out = Vec::new();
            encode_entry(&entry, partition, &mut out);
            prop_assert_eq!(expiry(&out), Some((entry.kept_until(), partition)));
            prop_assert_eq!(decode_entry(&out), Some(entry));
            prop_assert_eq!(parse_key(&id.0), Some(Row::Entry(id)));

            let state = [FillState::Reserved, FillState::Confirmed, FillState::Released, FillState::Settled][state];
            let fill = Fill { parts: a.into(), began: seq, ended: b.into(), state, held: c.into(), lifted: a.into() };
            let mut out = Vec::new();
            encode_fill(&fill, Life { until: seq, partition }, &mut out);
            prop_assert_eq!(expiry(&out), Some((seq, partition)));
            prop_assert_eq!(decode_fill(&out), Some(fill));
            out.push(0);
            prop_assert_eq!(decode_fill(&out), None);
            prop_assert_eq!(parse_key(&fill_key(&id, &key)), Some(Row::Fill(id, key)));

            let step = Step {
                entry: id, seq, previous: Digest(key.0), kind: StepKind::Settled, key, parts: a.into(),
                over: b.into(), until: c.into(), stamp: a.into(), ext: Extensions::none(),
            };
            let place = Place { partition: PartitionId(partition), position: seq, leaf: Some(b) };
            let record = StepRecord { step, place };
            let mut out = Vec::new();
            encode_step(&record, seq, &mut out);
            prop_assert_eq!(expiry(&out), Some((seq, partition)));
            prop_assert_eq!(decode_step(&out), Some(record));
            prop_assert_eq!(parse_key(&step_key(&id, seq)), Some(Row::Step(id, seq)));
        }
    }
}
