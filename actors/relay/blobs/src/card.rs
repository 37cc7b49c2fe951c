//! Who keeps a blob and where it is shown: a small file beside it, replaced whole.
//!
//! Relays of a cluster each hold a card of the same blob, and take over from each other's whatever was
//! said last of a mailbox. So that "no more" is not forgotten over an older "keep", it stays on the
//! card for a while as an ended use ([`Use::gone`]).

use serde::{Deserialize, Serialize};
use telesphor_wire::canonical;
use telesphor_wire::ids::MailboxId;

use crate::error::BlobsError;
use crate::limits::MAX_USES;

const VERSION: u16 = 2;
/// More than twice [`MAX_USES`] entries take.
pub(crate) const MAX_CARD_BYTES: u64 = 1 << 20;

/// One mailbox's use of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// It keeps the blob; otherwise the blob is only shown in it.
    pub kept: bool,
    /// Since when, Unix milliseconds.
    pub since: u64,
    /// When this was said, Unix milliseconds, and later than what was said before it: of two relays' words
    /// the later one counts.
    pub at: u64,
    /// The use has ended.
    pub gone: bool,
}

impl Use {
    /// Of two words of the same moment the one that ends counts, then the one that keeps.
    fn rank(&self) -> (u64, bool, bool, u64) {
        (self.at, self.gone, self.kept, self.since)
    }
}

/// All uses of one blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    version: u16,
    /// By mailbox.
    uses: Vec<Use>,
}

/// As it was written before relays told each other of blobs.
#[derive(Deserialize, Serialize)]
struct First {
    version: u16,
    uses: Vec<FirstUse>,
}

#[derive(Deserialize, Serialize)]
struct FirstUse {
    mailbox: MailboxId,
    kept: bool,
    since: u64,
}

impl From<First> for Card {
    fn from(first: First) -> Self {
        let of = |u: FirstUse| Use {
            mailbox: u.mailbox,
            kept: u.kept,
            since: u.since,
            at: u.since,
            gone: false,
        };
        let mut uses: Vec<_> = first.uses.into_iter().map(of).collect();
        uses.sort_unstable_by_key(|u| u.mailbox);
        Self {
            version: VERSION,
            uses,
        }
    }
}

impl Default for Card {
    fn default() -> Self {
        Self {
            version: VERSION,
            uses: Vec::new(),
        }
    }
}

impl Card {
    /// Reads a card.
    ///
    /// # Errors
    /// [`BlobsError::Card`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlobsError> {
        let read = canonical::decode::<Self>(bytes);
        let card = read.or_else(|_| match canonical::decode::<First>(bytes) {
            Ok(first) if first.version == 1 => Ok(first.into()),
            _ => Err(BlobsError::Card),
        })?;
        match card.is_whole() {
            true => Ok(card),
            false => Err(BlobsError::Card),
        }
    }

    /// Whether it is of this version, within its bounds, and names each mailbox once.
    pub fn is_whole(&self) -> bool {
        let sorted = self
            .uses
            .windows(2)
            .all(|pair| matches!(pair, [a, b] if a.mailbox < b.mailbox));
        self.version == VERSION && sorted && self.uses.len() <= 2 * MAX_USES
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Every use that has not ended.
    pub fn uses(&self) -> impl Iterator<Item = &Use> {
        self.uses.iter().filter(|u| !u.gone)
    }

    /// One mailbox's use, if it has not ended.
    pub fn of(&self, mailbox: &MailboxId) -> Option<Use> {
        self.uses().copied().find(|u| u.mailbox == *mailbox)
    }

    /// Whether any mailbox keeps it.
    pub fn is_kept(&self) -> bool {
        self.uses().any(|u| u.kept)
    }

    /// Whether nothing is said on it.
    pub fn is_empty(&self) -> bool {
        self.uses.is_empty()
    }

    /// Adds a use, or turns one that shows into one that keeps; gives whether anything changed.
    /// What is shown once more is shown from now on: whoever came meanwhile is meant too.
    ///
    /// # Errors
    /// [`BlobsError::Quota`] if it stands in too many mailboxes.
    pub fn add(&mut self, mailbox: MailboxId, kept: bool, now: u64) -> Result<bool, BlobsError> {
        let live = self.uses().count();
        let place = self.uses.binary_search_by_key(&mailbox, |u| u.mailbox);
        let before = place.ok().and_then(|place| self.uses.get(place)).copied();
        match before {
            Some(there) if there.kept && !there.gone => return Ok(false),
            Some(there) if !there.gone => {}
            _ if live >= MAX_USES => return Err(BlobsError::Quota),
            _ => {}
        }
        self.say(Use {
            mailbox,
            kept,
            since: now,
            at: now.max(before.map_or(0, |u| u.at + 1)),
            gone: false,
        });
        Ok(true)
    }

    fn say(&mut self, said: Use) {
        match self.uses.binary_search_by_key(&said.mailbox, |u| u.mailbox) {
            Ok(place) => self.uses.splice(place..=place, [said]),
            Err(place) => self.uses.splice(place..place, [said]),
        };
    }

    /// Ends uses; gives those. If others have to hear of it, it stays on the card that they ended.
    pub fn end(&mut self, gone: impl Fn(&Use) -> bool, now: u64, told: bool) -> Vec<Use> {
        let ended: Vec<Use> = self.uses().filter(|u| gone(u)).copied().collect();
        for used in &ended {
            self.say(Use {
                at: now.max(used.at + 1),
                gone: true,
                ..*used
            });
        }
        if !told {
            self.uses.retain(|u| !u.gone);
        }
        ended
    }

    /// Takes over what another card says later; gives whether anything changed.
    pub fn merge(&mut self, other: &Self) -> bool {
        let mut changed = false;
        for said in &other.uses {
            let mine = self.uses.iter().find(|u| u.mailbox == said.mailbox);
            if mine.is_none_or(|mine| mine.rank() < said.rank()) {
                self.say(*said);
                changed = true;
            }
        }
        if self.uses.len() > 2 * MAX_USES {
            self.uses.retain(|u| !u.gone);
        }
        changed
    }

    /// Forgets uses that ended before a moment; gives whether any did.
    pub fn forget(&mut self, before: u64) -> bool {
        let count = self.uses.len();
        self.uses.retain(|u| !u.gone || u.at >= before);
        self.uses.len() < count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: MailboxId = MailboxId([1; 32]);

    fn card() -> impl Strategy<Value = Card> {
        let used = (0..4u8, any::<bool>(), 0..4u64, 0..4u64, any::<bool>());
        prop::collection::vec(used, 0..4).prop_map(|uses| {
            let mut card = Card::default();
            for (mailbox, kept, since, at, gone) in uses {
                card.say(Use {
                    mailbox: MailboxId([mailbox; 32]),
                    kept,
                    since,
                    at,
                    gone,
                });
            }
            card
        })
    }

    proptest! {
        #[test]
        fn relays_that_have_heard_the_same_say_the_same(a in card(), b in card(), c in card()) {
            let together = |order: [&Card; 3]| {
                let mut all = Card::default();
                for card in order {
                    all.merge(card);
                }
                all
            };
            let all = together([&a, &b, &c]);
            prop_assert_eq!(&all, &together([&c, &a, &b]));
            prop_assert_eq!(&all, &together([&all, &b, &a]));
            prop_assert_eq!(Card::from_bytes(&all.to_bytes()).unwrap(), all);
        }
    }

    #[test]
    fn what_a_mailbox_keeps_no_more_does_not_come_back_from_an_older_card() {
        let mut here = Card::default();
        here.add(A, true, 10).unwrap();
        let older = here.clone();
        // The clock was set back meanwhile.
        assert_eq!(here.end(|u| u.mailbox == A, 5, true).len(), 1);
        assert!(!here.merge(&older));
        assert!(!here.is_kept());
        // Kept anew, it is kept, whatever the other relay says of before.
        here.add(A, true, 5).unwrap();
        let (mut other, newer) = (older, here.clone());
        other.end(|_| true, 10, true);
        here.merge(&other);
        assert_eq!(here, newer);
    }

    #[test]
    fn a_card_of_the_first_version_is_read() {
        let first = First {
            version: 1,
            uses: vec![
                FirstUse {
                    mailbox: MailboxId([9; 32]),
                    kept: false,
                    since: 3,
                },
                FirstUse {
                    mailbox: A,
                    kept: true,
                    since: 7,
                },
            ],
        };
        let card = Card::from_bytes(&canonical::encode(&first)).unwrap();
        assert_eq!(card.of(&A).map(|u| (u.kept, u.since)), Some((true, 7)));
        assert!(card.is_kept());
        assert!(Card::from_bytes(&canonical::encode(&First { version: 3, ..first })).is_err());
    }
}
