//! Who this endpoint is: the profile in clear terms, and the keys behind it.

use serde::{Deserialize, Serialize};
use telesphor_identity::endpoint::EndpointKind;
use telesphor_identity::inception::Kind;
use telesphor_sealing::member::MemberKeys;
use telesphor_vault::{Guarded, Records, Snapshot, Table};
use telesphor_wire::domain::{DomainRecord, SignedDomainRecord};
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{IdentityId, Incarnation, MailboxId};
use telesphor_wire::sign::{PublicKey, SigningKey};
use telesphor_wire::text::Domain;

use super::names;
use super::records::Refused;
use super::verified::Verified;
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
    /// Why nothing more can be done with this profile: enrolment failed for good, or this
    /// endpoint was removed.
    pub(crate) refused: Option<Refused>,
    /// Somebody else may know where backups go and how they open: none is made before there is
    /// a new kit.
    pub(crate) kit_due: bool,
    /// Key histories that were verified in this run, for whoever acts under this profile.
    #[serde(skip)]
    pub(crate) verified: Verified,
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
        self.record().quorum()
    }
}

/// The private keys, as stored.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredKeys {
    pub(crate) identity: IdentityId,
    /// The identity key, under a passphrase of its own: an open vault does not give it. `None`
    /// on a new endpoint until another one has passed it on.
    pub(crate) guarded: Option<Guarded>,
    pub(crate) endpoint_seed: Secret,
    pub(crate) leaf_seed: Secret,
    /// The root secret; a new endpoint learns it from another one.
    pub(crate) root: Option<Secret>,
    /// Seals the backup; the recovery kit gives the same.
    pub(crate) backup: Option<Secret>,
}

/// The private keys, ready for use.
pub(crate) struct Keys {
    pub(crate) stored: StoredKeys,
    pub(crate) endpoint: SigningKey,
    pub(crate) member: MemberKeys,
    /// Whether the identity has other endpoints that must learn what is done here.
    pub(crate) siblings: bool,
    /// Whether this device is a place's that several people use in turn.
    pub(crate) shared: bool,
}

impl Keys {
    pub(crate) fn of(stored: StoredKeys, siblings: bool) -> Self {
        Self::with(stored, siblings, false)
    }

    fn with(stored: StoredKeys, siblings: bool, shared: bool) -> Self {
        let endpoint = SigningKey::from_seed(&stored.endpoint_seed);
        let member = MemberKeys::new(stored.identity, endpoint.public(), &stored.leaf_seed);
        Self {
            stored,
            endpoint,
            member,
            siblings,
            shared,
        }
    }

    pub(crate) fn load(snapshot: &Snapshot) -> Result<Self> {
        let stored = snapshot
            .get_value::<StoredKeys>(Table::IdentityKeys, names::KEYS)?
            .ok_or(Error::fault("keys"))?;
        let profile: Profile = snapshot
            .get_value(Table::Settings, names::PROFILE)?
            .ok_or(Error::fault("profile"))?;
        let history = crate::people::history(snapshot, &profile, &stored.identity)?;
        let Some((_, history)) = history else {
            return Ok(Self::of(stored, false));
        };
        let now = history.now();
        let here = SigningKey::from_seed(&stored.endpoint_seed).public();
        // Whoever has a device for himself alone needs to say nothing of who he is.
        let shared = now.kind != Kind::Person
            && now
                .endpoint(&here)
                .is_some_and(|e| e.record.kind == EndpointKind::SharedWorkstation);
        Ok(Self::with(stored, now.live_endpoints().count() > 1, shared))
    }
}
