//! Making an identity: keys, history, recovery kit, vault, enrolment, first mailboxes.

use std::path::Path;
use std::time::Duration;

use telesphor_clinical::text::Text;
use telesphor_identity::endpoint::{EndpointKind, EndpointRecord, SignedEndpoint};
use telesphor_identity::event::Change;
use telesphor_identity::evidence::Domains;
use telesphor_identity::history::History;
use telesphor_identity::inception::{Inception, Kind};
use telesphor_identity::keys::{KeySet, NextKeys};
use telesphor_identity::kit::{Home, KitSeed, RecoveryKit};
use telesphor_sealing::Suite;
use telesphor_vault::{PassphraseCost, Table, Vault, VaultPaths};
use telesphor_wire::domain::{AdmissionLink, SignedDomainRecord};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::SigningKey;

use super::agent::{Agent, Passphrase};
use crate::core::profile::StoredKeys;
use crate::core::shared::clock;
use crate::core::verified::Verified;
use crate::core::{Core, Profile, names};
use crate::endpoints::guard::guard_key;
use crate::error::{Error, Result};
use crate::link::{Pin, domain};
use crate::mailbox::intake::fresh_intake;

/// Vouchers asked for with an admission token, and how many if that is more than its class gives.
pub(crate) const VOUCHERS: usize = 64;

/// What a device is called whose owner gave it no name.
pub(crate) const UNNAMED_DEVICE: &str = "this device";

/// What a new profile is to be.
#[derive(Clone, Debug)]
pub struct NewProfile {
    /// The name contacts see.
    pub name: String,
    /// This device's label.
    pub endpoint: String,
    /// What the identity stands for.
    pub kind: Kind,
    /// What sort of device this is.
    pub device: EndpointKind,
    /// The work a guess at the passphrase must cost.
    pub cost: PassphraseCost,
}

impl NewProfile {
    /// A person at a workstation.
    pub fn person(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            endpoint: UNNAMED_DEVICE.to_owned(),
            kind: Kind::Person,
            device: EndpointKind::Workstation,
            cost: PassphraseCost::default(),
        }
    }
}

/// A new identity: the open agent, and the kit that must be printed now.
#[derive(Debug)]
pub struct Created {
    /// The agent, online.
    pub agent: Agent,
    /// Shown once and kept nowhere.
    pub kit: RecoveryKit,
    /// Whether the first mailboxes are open. If not, the profile goes on by itself; the kit must
    /// be printed all the same, because nothing else holds it.
    pub ready: Result<()>,
}

/// Keys and history of a fresh identity.
pub(crate) struct Fresh {
    stored: StoredKeys,
    history: History,
    kit: RecoveryKit,
}

impl Agent {
    /// Makes an identity in a new vault in `folder` (which must exist), enrols it with the
    /// admission link and opens its personal and its self mailbox. `identity_passphrase` opens
    /// the identity key, which is needed to let devices in and to end them; without one it is
    /// the vault's passphrase.
    ///
    /// # Errors
    /// [`ErrorCode::ProfileExists`]; [`ErrorCode::Unreachable`] or [`ErrorCode::WrongRelay`]
    /// before anything was written. What goes wrong after that stands in [`Created::ready`].
    pub async fn create(
        folder: &Path,
        passphrase: &Passphrase,
        new: NewProfile,
        admission: &AdmissionLink,
        wait: Duration,
    ) -> Result<Created> {
        Self::create_guarded(folder, passphrase, passphrase, new, admission, wait).await
    }

    /// The same with another passphrase for the identity key.
    ///
    /// # Errors
    /// As [`Agent::create`].
    pub async fn create_guarded(
        folder: &Path,
        passphrase: &Passphrase,
        identity_passphrase: &Passphrase,
        new: NewProfile,
        admission: &AdmissionLink,
        wait: Duration,
    ) -> Result<Created> {
        let pin = Pin::of_link(admission);
        let paths = VaultPaths::in_folder(folder);
        if paths.exists() {
            return Err(ErrorCode::ProfileExists.into());
        }
        let home = domain::fetch(&pin).await?;
        let token = admission.token;
        let passphrase = passphrase.clone();
        let guard = identity_passphrase.clone();
        let made = tokio::task::spawn_blocking(move || {
            let fresh = fresh_identity(&new, &pin, &guard)?;
            let vault = Vault::create(&paths, &passphrase, new.cost)?;
            first_records(&vault, &fresh, &new, home)?;
            let mut core = Core::load(vault)?;
            core.write(|ctx| ctx.enrol(token, VOUCHERS))?;
            Ok::<_, Error>((core, fresh.kit))
        })
        .await
        .map_err(|_| Error::fault("create"))??;
        let agent = Self::start(made.0, true);
        let ready = agent.ready(wait).await;
        Ok(Created {
            agent,
            kit: made.1,
            ready,
        })
    }

    /// Waits until the first mailboxes are open.
    ///
    /// # Errors
    /// [`ErrorCode::AdmissionInvalid`] if the relay does not take the token.
    pub async fn ready(&self, wait: Duration) -> Result<()> {
        self.wait_for(wait, |core| {
            if let Some(refused) = core.profile.refused {
                return Err(refused.into());
            }
            let open = |id: Option<telesphor_wire::ids::MailboxId>| {
                id.is_some_and(|id| core.index.followed.contains_key(&id))
            };
            let profile = &core.profile;
            let first = open(profile.inbox) && open(profile.own);
            // There is no place for a backup between two kits.
            let backup = profile.backup.is_none() || open(profile.backup);
            Ok((first && backup).then_some(()))
        })
        .await
    }
}

pub(crate) fn fresh_identity(new: &NewProfile, pin: &Pin, guard: &Passphrase) -> Result<Fresh> {
    let identity_key = SigningKey::generate();
    let seed = KitSeed::generate();
    let inception = Inception::simple(
        new.kind,
        KeySet::single(identity_key.public()),
        NextKeys::single(&seed.next_key(1).public()),
    );
    let id = inception.id();
    let (endpoint, leaf) = (SigningKey::generate(), SigningKey::generate());
    let record = endpoint_record(id, &endpoint, &leaf, new)?;
    let mut history = History::begin(inception);
    let change = Change::AddEndpoint(Box::new(SignedEndpoint::sign(record, &endpoint)));
    history
        .extend(change, clock(), &[&identity_key], &Domains::none())
        .map_err(|e| Error::of(e.code()))?;
    let home = Home {
        domain: pin.domain.clone(),
        address: pin.address.clone(),
        key: pin.domain_key,
        tls_key: pin.tls_key,
    };
    let root = seed.root();
    let kit = seed.kit(id, 0, None, home);
    let stored = StoredKeys {
        identity: id,
        guarded: Some(guard_key(&id, &identity_key, guard, new.cost)?),
        endpoint_seed: endpoint.seed(),
        leaf_seed: leaf.seed(),
        root: Some(root),
        backup: Some(kit.backup_key(b"")),
    };
    Ok(Fresh { stored, history, kit })
}

pub(crate) fn endpoint_record(
    identity: IdentityId,
    endpoint: &SigningKey,
    leaf: &SigningKey,
    new: &NewProfile,
) -> Result<EndpointRecord> {
    Ok(EndpointRecord {
        identity,
        key: endpoint.public(),
        mls_leaf: leaf.public(),
        min_suite: Suite::default().code(),
        kind: new.device,
        name: Text::new(new.endpoint.clone()).map_err(|_| Error::of(ErrorCode::Usage))?,
        ext: Extensions::none(),
    })
}

pub(crate) fn first_records(
    vault: &Vault,
    fresh: &Fresh,
    new: &NewProfile,
    home: SignedDomainRecord,
) -> Result<()> {
    let intake = fresh_intake(clock());
    let profile = Profile {
        identity: fresh.stored.identity,
        name: new.name.clone(),
        endpoint: new.endpoint.clone(),
        home,
        partitions: 1,
        incarnation: None,
        inbox: None,
        own: None,
        backup: None,
        kit_tested: None,
        refused: None,
        kit_due: false,
        verified: Verified::default(),
    };
    vault.write(|tx| {
        tx.put_value(Table::IdentityKeys, names::KEYS, &fresh.stored)?;
        tx.put_value(Table::IdentityKeys, names::INTAKE_KEYS, &vec![intake])?;
        tx.put(
            Table::Histories,
            &fresh.stored.identity.0,
            &fresh.history.to_bytes(),
        )?;
        tx.put_value(Table::Settings, names::PROFILE, &profile)?;
        Ok::<_, Error>(())
    })
}
