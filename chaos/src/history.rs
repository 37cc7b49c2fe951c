//! What was sent, promised and read, and whether it fits together.

use std::collections::{BTreeMap, BTreeSet};
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::{Cursor, Event, EventKind};
use telesphor_wire::receipt::Receipt;

/// One sender's record of one mailbox, in the order in which it first sent.
#[derive(Debug, Default)]
pub struct Sent {
    /// Payloads, by the sender's own running number.
    pub payloads: BTreeMap<u64, Vec<u8>>,
    /// Receipts that were given, by the same number.
    pub receipts: BTreeMap<u64, Receipt>,
}

impl Sent {
    /// The last place that a receipt names.
    pub fn last(&self) -> u64 {
        self.receipts.values().map(|r| r.leaf.seq).max().unwrap_or(0)
    }
}

/// What a run found. Anything but zeros in the first four is a broken promise.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Acknowledged events that cannot be read at the place their receipt names.
    pub lost: u64,
    /// Events that stand more than once.
    pub doubled: u64,
    /// Events whose place changed between two readings.
    pub reordered: u64,
    /// Mailboxes whose chain does not hold, or events that nobody sent.
    pub broken: u64,
    /// Receipts that were given.
    pub receipts: u64,
    /// Deposits that were read at the end.
    pub read: u64,
}

impl Verdict {
    /// Whether every promise was kept.
    pub const fn holds(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.reordered == 0 && self.broken == 0
    }

    /// Adds another mailbox's verdict.
    pub const fn add(&mut self, other: &Self) {
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.reordered += other.reordered;
        self.broken += other.broken;
        self.receipts += other.receipts;
        self.read += other.read;
    }
}

/// Judges one mailbox: what was sent, what a reader had seen on the way, and what stands there now.
pub fn judge(mailbox: MailboxId, genesis: Cursor, sent: &Sent, seen: &[Event], now: &[Event]) -> Verdict {
    let mut verdict = Verdict {
        receipts: sent.receipts.len() as u64,
        ..Verdict::default()
    };
    let mut cursor = genesis;
    let mut links = Vec::with_capacity(now.len());
    for event in now {
        if cursor.advance(event).is_err() {
            verdict.broken += 1;
            return verdict;
        }
        links.push(cursor.hash);
    }
    for (before, after) in seen.iter().zip(now) {
        verdict.reordered += u64::from(before != after);
    }
    // A reader was shown something that is not there any more.
    verdict.lost += seen.len().saturating_sub(now.len()) as u64;

    let mut places: BTreeMap<&[u8], Vec<u64>> = BTreeMap::new();
    // The owner's own acts (the opening itself) are events too; nobody deposited them.
    let deposits = now.iter().filter(|e| e.header.kind == EventKind::MESSAGE);
    for event in deposits.clone() {
        if let Some(payload) = &event.payload {
            places.entry(payload).or_default().push(event.header.seq);
        }
    }
    verdict.doubled += places.values().filter(|p| p.len() > 1).count() as u64;
    verdict.read = deposits.count() as u64;
    let ours: BTreeSet<&[u8]> = sent.payloads.values().map(Vec::as_slice).collect();
    verdict.broken += places.keys().filter(|p| !ours.contains(*p)).count() as u64;
    for (number, receipt) in &sent.receipts {
        let at = receipt.leaf.seq as usize;
        let link = at.checked_sub(1).and_then(|i| links.get(i));
        let payload = at
            .checked_sub(1)
            .and_then(|i| now.get(i))
            .and_then(|e| e.payload.as_ref());
        let kept = receipt.leaf.mailbox == mailbox
            && link == Some(&receipt.leaf.hash)
            && payload.map(|p| &p.0) == sent.payloads.get(number);
        verdict.lost += u64::from(!kept);
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use telesphor_wire::bytes::Bytes;
    use telesphor_wire::ext::Extensions;
    use telesphor_wire::hash::Digest;
    use telesphor_wire::ids::{Incarnation, PartitionId};
    use telesphor_wire::mailbox::{EventHeader, link, payload_hash};
    use telesphor_wire::receipt::{BatchHead, BatchLeaf};

    const GENESIS: Cursor = Cursor {
        seq: 0,
        hash: Digest([7; 32]),
    };

    fn log(payloads: &[&[u8]]) -> Vec<Event> {
        payloads
            .iter()
            .zip(1u64..)
            .map(|(p, seq)| Event {
                header: EventHeader {
                    seq,
                    kind: EventKind::MESSAGE,
                    branch: 0,
                    epoch: 0,
                    stamp: seq,
                    size: p.len() as u32,
                    ext: Extensions::none(),
                },
                payload_hash: payload_hash(p),
                payload: Some(Bytes(p.to_vec())),
            })
            .collect()
    }

    fn receipt(mailbox: MailboxId, events: &[Event], seq: u64) -> Receipt {
        let hash = events[..seq as usize]
            .iter()
            .fold(GENESIS.hash, |h, e| link(&h, &e.header, &e.payload_hash));
        Receipt {
            leaf: BatchLeaf { mailbox, seq, hash },
            index: 0,
            count: 1,
            path: vec![],
            head: BatchHead {
                previous: hash,
                root: hash,
                incarnation: Incarnation([0; 32]),
                partition: PartitionId(0),
                position: 1,
                stamp: 0,
                ext: Extensions::none(),
            },
            attests: vec![],
        }
    }

    fn story() -> (MailboxId, Sent, Vec<Event>) {
        let mailbox = MailboxId([1; 32]);
        let events = log(&[b"one", b"two", b"three"]);
        let mut sent = Sent::default();
        for (i, p) in [&b"one"[..], b"two", b"three"].iter().enumerate() {
            sent.payloads.insert(i as u64, p.to_vec());
            sent.receipts
                .insert(i as u64, receipt(mailbox, &events, i as u64 + 1));
        }
        (mailbox, sent, events)
    }

    #[test]
    fn an_honest_history_is_not_accused() {
        let (mailbox, sent, events) = story();
        assert!(judge(mailbox, GENESIS, &sent, &events[..2], &events).holds());
    }

    #[test]
    fn a_lost_acknowledged_event_is_found() {
        let (mailbox, sent, events) = story();
        assert_eq!(judge(mailbox, GENESIS, &sent, &[], &events[..2]).lost, 1);
    }

    #[test]
    fn a_doubled_event_is_found() {
        let (mailbox, sent, _) = story();
        let events = log(&[b"one", b"two", b"three", b"two"]);
        assert_eq!(judge(mailbox, GENESIS, &sent, &[], &events).doubled, 1);
    }

    #[test]
    fn a_reordered_event_is_found() {
        let (mailbox, sent, events) = story();
        let swapped = log(&[b"two", b"one", b"three"]);
        let verdict = judge(mailbox, GENESIS, &sent, &events, &swapped);
        assert!(verdict.reordered > 0 && verdict.lost > 0);
    }

    #[test]
    fn an_event_nobody_sent_is_found() {
        let (mailbox, sent, _) = story();
        let events = log(&[b"one", b"two", b"three", b"four"]);
        assert_eq!(judge(mailbox, GENESIS, &sent, &[], &events).broken, 1);
    }
}
