//! Who this endpoint is: the profile in clear terms, and the keys behind it.

use serde::{Deserialize, Serialize};
use telesphor_sealing::member::MemberKeys;
use telesphor_vault::{Records, Snapshot, Table};
use telesphor_wire::domain::{DomainRecord, SignedDomainRecord};
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{IdentityId, Incarnation, MailboxId};
use telesphor_wire::sign::{PublicKey, SigningKey};
use telesphor_wire::text::Domain;

use super::names;
use super::records::Refused;
use crate::error::{Error, Result};
use crate::link::Pin;

/// What is known about oneself and one's home domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) identity: IdentityId,
    pub(crate) name: String,
    pub(crate) endpoint: String,
    pub(crate) home: SignedDomainRecord,
    pub(crate) partitions: u16,
    /// The life of the relay's store that the cursors belong to.
    pub(crate) incarnation: Option<Incarnation>,
    pub(crate) inbox: Option<MailboxId>,
    pub(crate) own: Option<MailboxId>,
    pub(crate) backup: Option<MailboxId>,
    pub(crate) kit_tested: Option<u64>,
    /// Why enrolment failed for good.
    pub(crate) refused: Option<Refused>,
}

impl Profile {
    pub(crate) const fn record(&self) -> &DomainRecord {
        &self.home.record
    }

    pub(crate) const fn domain(&self) -> &Domain {
        &self.home.record.domain
    }

    /// The relays of the home domain, in the order of its record.
    pub(crate) fn pins(&self) -> Vec<Pin> {
        let record = self.record();
        record
            .relays
            .iter()
            .map(|entry| Pin::of_entry(record, entry))
            .collect()
    }

    pub(crate) fn relays(&self) -> Vec<PublicKey> {
        self.record().relays.iter().map(|r| r.relay).collect()
    }

    /// How many relays must attest.
    pub(crate) fn quorum(&self) -> usize {
        self.record().relays.len() / 2 + 1
    }
}

/// The private keys, as stored.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredKeys {
    pub(crate) identity: IdentityId,
    pub(crate) identity_seed: Secret,
    pub(crate) endpoint_seed: Secret,
    pub(crate) leaf_seed: Secret,
    pub(crate) root: Secret,
    /// Seals the backup; the recovery kit gives the same.
    pub(crate) backup: Secret,
}

/// The private keys, ready for use.
pub(crate) struct Keys {
    pub(crate) stored: StoredKeys,
    pub(crate) endpoint: SigningKey,
    pub(crate) member: MemberKeys,
}

impl Keys {
    pub(crate) fn of(stored: StoredKeys) -> Self {
        let endpoint = SigningKey::from_seed(&stored.endpoint_seed);
        let member = MemberKeys::new(stored.identity, endpoint.public(), &stored.leaf_seed);
        Self {
            stored,
            endpoint,
            member,
        }
    }

    pub(crate) fn load(snapshot: &Snapshot) -> Result<Self> {
        let stored = snapshot
            .get_value::<StoredKeys>(Table::IdentityKeys, names::KEYS)?
            .ok_or(Error::fault("keys"))?;
        Ok(Self::of(stored))
    }
}
