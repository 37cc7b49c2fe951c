//! What relays of a cluster tell each other: the cards of their blobs.

use telesphor_wire::hash::Digest;

use crate::card::Card;
use crate::error::BlobsError;
use crate::limits::CARDS_BYTES;
use crate::state::{Blobs, Wanted};

/// What became of another relay's card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// What it says stands on this disk: the blob whole, or that nobody keeps it.
    Stands,
    /// The blob itself is to come ([`Blobs::pull`]).
    Wanted,
}

impl Blobs {
    /// What is said of a blob here, whether it lies here or is gone.
    ///
    /// # Errors
    /// As the disk says, or [`BlobsError::Card`].
    pub fn card(&self, address: &Digest) -> Result<Option<Card>, BlobsError> {
        match self.disk.card(address)? {
            Some(card) => Ok(Some(card)),
            None => self.disk.ended_card(address),
        }
    }

    /// Cards of the blobs after an address, in the order of addresses; none after the last one. A
    /// card that is damaged is passed over: others tell it.
    ///
    /// # Errors
    /// As the disk says.
    pub fn cards(&self, after: Option<Digest>) -> Result<Vec<(Digest, Card)>, BlobsError> {
        let mut all = self.disk.all()?;
        all.extend(self.disk.all_ended()?);
        all.retain(|address| after.is_none_or(|after| *address > after));
        all.sort_unstable();
        all.dedup();
        let (mut cards, mut bytes) = (Vec::new(), 0);
        for address in all {
            let Ok(Some(card)) = self.card(&address) else {
                continue;
            };
            bytes += card.to_bytes().len() + 64;
            cards.push((address, card));
            if bytes >= CARDS_BYTES {
                break;
            }
        }
        Ok(cards)
    }

    /// Takes over what another relay says of a blob.
    ///
    /// # Errors
    /// [`BlobsError::Card`] if it is no card; as the disk says.
    pub fn told(&self, address: Digest, card: &Card) -> Result<Told, BlobsError> {
        if !card.is_whole() {
            return Err(BlobsError::Card);
        }
        let mut state = self.state();
        if let Some(before) = self.disk.card(&address)? {
            let mut now = before.clone();
            if now.merge(card) {
                self.stands_now(&mut state, &address, &before, now.clone())?;
            }
            if state.damaged.contains(&address) {
                return Ok(want(&mut state.wanted, address, now));
            }
            state.wanted.remove(&address);
            return Ok(Told::Stands);
        }
        let mut now = self.disk.ended_card(&address)?.unwrap_or_default();
        let changed = now.merge(card);
        if let Some(wanted) = state.wanted.get(&address) {
            now.merge(&wanted.card);
        }
        if now.is_kept() {
            return Ok(want(&mut state.wanted, address, now));
        }
        if changed {
            self.disk.put_ended(&address, &now)?;
        }
        // Nobody keeps it any more: what is being pulled is thrown away when it has come.
        if let Some(wanted) = state.wanted.get_mut(&address) {
            wanted.card = now;
        }
        Ok(Told::Stands)
    }

    /// Blobs that lie here and were found damaged.
    pub fn damaged(&self) -> Vec<Digest> {
        self.state().damaged.iter().copied().collect()
    }
}

fn want(wanted: &mut std::collections::HashMap<Digest, Wanted>, address: Digest, card: Card) -> Told {
    wanted.entry(address).or_default().card = card;
    Told::Wanted
}
