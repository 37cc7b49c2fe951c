//! A seat that changes hands, or a relay that is reached otherwise, as it passes from the relay where
//! that was decided to the others: both records of the cluster, signed by its domain.

use std::path::Path;

use serde::{Deserialize, Serialize};
use telesphor_wire::canonical;
use telesphor_wire::domain::{RelayEntry, SignedDomainRecord};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::sign::PublicKey;

use super::record::{self, ClusterRecord, SignedClusterRecord};
use crate::fault::{Exit, Fault};
use crate::files;
use crate::keys::Keys;
use crate::layout::Layout;
use crate::record as domain;

/// Longest file taken, bytes: seven relays are far less.
const MAX_BYTES: u64 = 256 * 1024;

/// What a cluster publishes, and who is to vote in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// For agents.
    pub domain: SignedDomainRecord,
    /// For the relays themselves.
    pub cluster: SignedClusterRecord,
}

impl Change {
    /// What a data directory says now.
    ///
    /// # Errors
    /// As its two files are read; exit 5 if the relay is alone.
    pub fn now(layout: &Layout, key: &PublicKey) -> Result<Self, Fault> {
        let cluster = record::read(layout, key)?.ok_or_else(|| {
            let words = "this relay is alone: its data directory has no cluster record";
            Fault::new(Exit::NotFound, ErrorCode::NotFound, words)
        })?;
        Ok(Self {
            domain: domain::read(layout)?,
            cluster,
        })
    }

    /// One more relay, where not every one keeps everything.
    pub fn add(&self, keys: &Keys, comes: RelayEntry, now: u64) -> Self {
        let mut cluster = self.cluster.record.clone();
        cluster.edition += 1;
        cluster.seats.push(comes.relay);
        let mut relays = self.domain.record.relays.clone();
        relays.push(comes);
        self.with(keys, cluster, relays, now)
    }

    /// One relay less.
    pub fn drain(&self, keys: &Keys, leaves: &PublicKey, now: u64) -> Self {
        let mut cluster = self.cluster.record.clone();
        cluster.edition += 1;
        cluster.seats.retain(|seat| seat != leaves);
        let mut relays = self.domain.record.relays.clone();
        relays.retain(|entry| entry.relay != *leaves);
        self.with(keys, cluster, relays, now)
    }

    fn with(&self, keys: &Keys, cluster: ClusterRecord, relays: Vec<RelayEntry>, now: u64) -> Self {
        let before = &self.domain.record;
        let (sequence, ext) = (before.sequence + 1, before.ext.clone());
        Self {
            domain: domain::sign_all(keys, &before.domain, relays, now, sequence, ext),
            cluster: SignedClusterRecord::by(&keys.domain, cluster),
        }
    }

    /// The seat of one relay is another's.
    pub fn replace(&self, keys: &Keys, leaves: &PublicKey, comes: RelayEntry, now: u64) -> Self {
        let mut cluster = self.cluster.record.clone();
        cluster.edition += 1;
        cluster.seats.retain(|seat| seat != leaves);
        cluster.seats.push(comes.relay);
        let mut relays = self.domain.record.relays.clone();
        relays.retain(|entry| entry.relay != *leaves);
        relays.push(comes);
        self.with(keys, cluster, relays, now)
    }

    /// One relay is reached otherwise.
    pub fn renewed(&self, keys: &Keys, entry: RelayEntry, now: u64) -> Self {
        let before = &self.domain.record;
        let relays = before.relays.iter().map(|known| {
            if known.relay == entry.relay {
                entry.clone()
            } else {
                known.clone()
            }
        });
        Self {
            domain: domain::sign_all(
                keys,
                &before.domain,
                relays.collect(),
                now,
                before.sequence + 1,
                before.ext.clone(),
            ),
            cluster: self.cluster.clone(),
        }
    }

    /// Reads the file of a change.
    ///
    /// # Errors
    /// Exit 8 if it cannot be read, 4 if it is damaged or was not made by this domain.
    pub fn read(path: &Path, key: &PublicKey) -> Result<Self, Fault> {
        let length = std::fs::metadata(path).map_err(|e| Fault::file("change", path, &e))?;
        let bad = || {
            let words = format!("{}: no change of this cluster, or damaged", path.display());
            Fault::new(Exit::NotGenuine, ErrorCode::StoreDamaged, words)
        };
        if length.len() > MAX_BYTES {
            return Err(bad());
        }
        let bytes = std::fs::read(path).map_err(|e| Fault::file("change", path, &e))?;
        let change: Self = canonical::decode(&bytes).map_err(|_| bad())?;
        let genuine = change.domain.record.key == *key
            && change.domain.verify().is_ok()
            && key
                .verify(&change.cluster.record, &change.cluster.signature)
                .is_ok();
        let named = |seat: &PublicKey| change.domain.record.relays.iter().any(|r| r.relay == *seat);
        if genuine && change.cluster.record.seats.iter().all(named) {
            Ok(change)
        } else {
            Err(bad())
        }
    }

    /// Whether this may follow what a relay has now: `false` if it has it already.
    ///
    /// # Errors
    /// Exit 4 if it is another cluster's, 9 if it is older, or was made beside another one.
    pub fn follows(&self, now: &Self) -> Result<bool, Fault> {
        let (next, have) = (&self.cluster.record, &now.cluster.record);
        if (&next.domain, next.cluster, next.partitions, &next.relays)
            != (&have.domain, have.cluster, have.partitions, &have.relays)
        {
            let words = "this is a change of another cluster";
            return Err(Fault::new(Exit::NotGenuine, ErrorCode::NotFound, words));
        }
        if self == now {
            return Ok(false);
        }
        let older = self.domain.record.sequence < now.domain.record.sequence;
        // A crash between the two files leaves the record of the cluster of this very change.
        let later = next.edition > have.edition || self.cluster == now.cluster;
        if later && self.domain.record.sequence > now.domain.record.sequence {
            return Ok(true);
        }
        let words = if next.edition == have.edition && self.domain != now.domain && !older {
            "another change was made from the same state: it is in force here. Make this one again from here"
        } else {
            "this relay has a later change already"
        };
        Err(Fault::new(Exit::Conflict, ErrorCode::AlreadyThere, words))
    }

    /// Writes it as the records of a data directory, each in one step.
    ///
    /// # Errors
    /// Exit 8.
    pub fn write(&self, layout: &Layout) -> Result<(), Fault> {
        for (what, path, bytes) in [
            (
                "cluster record",
                layout.cluster(),
                canonical::encode(&self.cluster),
            ),
            ("domain record", layout.record(), canonical::encode(&self.domain)),
        ] {
            files::replace(&path, &bytes).map_err(|e| Fault::file(what, &path, &e))?;
        }
        Ok(())
    }
}
