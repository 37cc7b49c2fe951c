//! Status lists: which attestations an issuer has withdrawn.
//!
//! A list is fetched whole and has at least 2^17 places, because asking for one place would tell
//! who is being checked. The holder of an attestation staples the list to it.

use serde::{Deserialize, Serialize};
use telesphor_clinical::text::bounded;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::labels::SignLabel;
use telesphor_wire::sign::{PublicKey, Signature, Signed};

use crate::attestation::Issuer;
use crate::limits::{self, MAX_REVOKED, MIN_LIST_ENTRIES};

telesphor_clinical::open_coded! {
    /// Why an attestation was withdrawn.
    pub enum RevocationReason {
        /// The issuer ended it: licence withdrawn, employment over.
        1 => Withdrawn "withdrawn",
        /// Another attestation takes its place.
        2 => Replaced "replaced",
        /// The subject's keys may be in other hands: what was signed without evidence of time
        /// counts no more.
        3 => KeyStolen "key-stolen",
        /// Made by mistake; it never held.
        4 => Mistake "mistake",
        /// The subject died or the device was scrapped.
        5 => Ended "ended",
    }
}

/// One withdrawn attestation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Its place in the list.
    pub index: u32,
    /// From when, Unix milliseconds.
    pub since: u64,
    /// Why.
    pub reason: RevocationReason,
}

/// A status list, as signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusList {
    /// [`limits::VERSION`].
    pub version: u16,
    /// Whose list.
    pub issuer: IdentityId,
    /// The issuer's history as it stood.
    pub issuer_head: Digest,
    /// The endpoint whose key signs.
    pub endpoint: PublicKey,
    /// The list's random name, as attestations carry it.
    pub list: Digest,
    /// Rises with every new version of the list.
    pub sequence: u64,
    /// When it was signed, Unix milliseconds.
    pub issued: u64,
    /// When the next one is due, Unix milliseconds.
    pub next_update: u64,
    /// One bit for each place, lowest bit first; 1 = withdrawn.
    pub bitmap: Bytes,
    /// The withdrawn ones, by rising place; exactly those whose bit is set.
    #[serde(deserialize_with = "bounded::<MAX_REVOKED, _, _>")]
    pub revoked: Vec<Revoked>,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for StatusList {
    const LABEL: SignLabel = SignLabel::StatusList;
}

/// A status list with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedStatusList {
    /// What is signed.
    pub list: StatusList,
    /// By `list.endpoint`.
    pub signature: Signature,
}

/// A status list cannot be used or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadStatusList {
    /// Too small, or bitmap and entries disagree.
    #[error("the status list is not well-formed")]
    Form,
    /// The place is outside the list.
    #[error("the attestation's place is not in the status list")]
    NoSuchPlace,
    /// More are withdrawn than a list may hold.
    #[error("the status list is full; begin another one")]
    Full,
}

impl StatusList {
    /// Whether it is large enough and bitmap and entries agree.
    ///
    /// # Errors
    /// [`BadStatusList::Form`].
    pub fn check(&self) -> Result<(), BadStatusList> {
        let places = self.bitmap.len().saturating_mul(8);
        let sorted = self.revoked.windows(2).all(|w| w[0].index < w[1].index);
        let set: usize = self.bitmap.iter().map(|b| b.count_ones() as usize).sum();
        let agree = set == self.revoked.len() && self.revoked.iter().all(|r| self.bit(r.index));
        let sized = (MIN_LIST_ENTRIES..=limits::MAX_LIST_ENTRIES).contains(&places);
        if sized && sorted && agree && self.version == limits::VERSION {
            Ok(())
        } else {
            Err(BadStatusList::Form)
        }
    }

    fn bit(&self, index: u32) -> bool {
        self.bitmap
            .get(index as usize / 8)
            .is_some_and(|b| b >> (index % 8) & 1 == 1)
    }

    /// What the list says of a place.
    ///
    /// # Errors
    /// [`BadStatusList::NoSuchPlace`].
    pub fn status(&self, index: u32) -> Result<Option<Revoked>, BadStatusList> {
        if index as usize / 8 >= self.bitmap.len() {
            return Err(BadStatusList::NoSuchPlace);
        }
        Ok(self
            .revoked
            .binary_search_by_key(&index, |r| r.index)
            .ok()
            .map(|i| self.revoked[i]))
    }
}

/// The issuer's own book of withdrawn attestations, from which lists are signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusBook {
    /// The list's random name.
    pub list: Digest,
    /// Places in the list.
    pub places: u32,
    /// The next free place.
    pub next: u32,
    /// The sequence of the last list signed.
    pub sequence: u64,
    /// The withdrawn ones, by rising place.
    #[serde(deserialize_with = "bounded::<MAX_REVOKED, _, _>")]
    pub revoked: Vec<Revoked>,
}

impl StatusBook {
    /// An empty book of 2^17 places.
    pub fn new() -> Self {
        Self {
            list: Digest(telesphor_wire::ids::Nonce::random().0),
            places: MIN_LIST_ENTRIES as u32,
            next: 0,
            sequence: 0,
            revoked: Vec::new(),
        }
    }

    /// A place for a new attestation.
    ///
    /// # Errors
    /// [`BadStatusList::Full`].
    pub fn take_place(&mut self) -> Result<u32, BadStatusList> {
        if self.next >= self.places {
            return Err(BadStatusList::Full);
        }
        self.next += 1;
        Ok(self.next - 1)
    }

    /// Withdraws an attestation. Withdrawing again keeps the earlier instant.
    ///
    /// # Errors
    /// [`BadStatusList`].
    pub fn withdraw(&mut self, revoked: Revoked) -> Result<(), BadStatusList> {
        if revoked.index >= self.next {
            return Err(BadStatusList::NoSuchPlace);
        }
        match self.revoked.binary_search_by_key(&revoked.index, |r| r.index) {
            Ok(at) => {
                let since = self.revoked[at].since.min(revoked.since);
                self.revoked[at] = Revoked { since, ..revoked };
            }
            Err(_) if self.revoked.len() >= MAX_REVOKED => return Err(BadStatusList::Full),
            Err(at) => self.revoked.insert(at, revoked),
        }
        Ok(())
    }

    /// Signs the list as it stands; `issued` and `next_update` are Unix milliseconds.
    pub fn sign(&mut self, issuer: &Issuer<'_>, issued: u64, next_update: u64) -> SignedStatusList {
        self.sequence += 1;
        let mut bitmap = vec![0u8; self.places as usize / 8];
        for r in &self.revoked {
            if let Some(byte) = bitmap.get_mut(r.index as usize / 8) {
                *byte |= 1 << (r.index % 8);
            }
        }
        let list = StatusList {
            version: limits::VERSION,
            issuer: issuer.identity,
            issuer_head: issuer.head,
            endpoint: issuer.key.public(),
            list: self.list,
            sequence: self.sequence,
            issued,
            next_update,
            bitmap: bitmap.into(),
            revoked: self.revoked.clone(),
            ext: Extensions::none(),
        };
        let signature = issuer.key.sign(&list);
        SignedStatusList { list, signature }
    }
}

impl Default for StatusBook {
    fn default() -> Self {
        Self::new()
    }
}
