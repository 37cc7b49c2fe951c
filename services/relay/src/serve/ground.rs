//! What serving stands on: settings, lock, keys, certificate, record, store.

use std::fs::{File, TryLockError};
use std::path::Path;

use telesphor_rules::facts::DomainFacts;
use telesphor_store::{Store, StoreConfig, StoreError};
use telesphor_wire::domain::SignedDomainRecord;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::text::Domain;

use crate::clock;
use crate::cluster;
use crate::cluster::record::SignedClusterRecord;
use crate::config::{ConfigFault, Settings};
use crate::fault::{Exit, Fault};
use crate::files;
use crate::keys::Keys;
use crate::layout::Layout;
use crate::peers::PinnedDomains;
use crate::process;
use crate::record;
use crate::sealing::{self, Sealing};
use crate::tls::{self, Certificate};

/// Everything that must be there before anything is listened on.
pub struct Ground {
    /// The settings in force.
    pub settings: Settings,
    /// The data directory.
    pub layout: Layout,
    /// The domain.
    pub domain: Domain,
    /// The relay's own keys.
    pub keys: Keys,
    /// Its certificate.
    pub certificate: Certificate,
    /// The domain record in force.
    pub record: SignedDomainRecord,
    /// The cluster that the relay belongs to, if it is one of several.
    pub cluster: Option<SignedClusterRecord>,
    /// What is sealed to the domain is opened with it.
    pub sealing: Sealing,
    /// The other domains that are pinned here.
    pub peers: PinnedDomains,
    /// The store, open.
    pub store: Store,
    /// Held as long as the process works on the directory.
    pub lock: File,
}

impl Ground {
    /// Takes possession of the data directory.
    ///
    /// # Errors
    /// The first thing that is missing, damaged or in use.
    pub fn take(settings: Settings) -> Result<Self, Fault> {
        let layout = Layout::new(&settings.data);
        let domain = domain_of(&settings)?;
        let lock = lock(&layout)?;
        let mut keys =
            Keys::read(&layout).map_err(|e| Fault::new(Exit::Machine, ErrorCode::RelayIo, e.to_string()))?;
        let certificate = certificate_of(&settings)?;
        let facts = record::Facts {
            domain: &domain,
            address: &settings.edge.address,
            tls_key: certificate.tls_key,
            now: clock::now_ms(),
        };
        let cluster = cluster::record::read(&layout, &keys.domain.public())?;
        let founded = cluster.as_ref().map(|c| c.record.founded);
        let sealing = sealing::tend(&layout, &mut keys, &domain, founded, facts.now)?;
        let record = record::refresh(&layout, &keys, record::read(&layout)?, &facts)?;
        let peers = PinnedDomains::read(&layout)?;
        let store =
            Store::open(&layout.store(), store_config(&settings, &keys)?).map_err(|e| store_fault(&e))?;
        if let Some(cluster) = &cluster {
            cluster.check(
                &keys.attesting.public(),
                store.incarnation(),
                settings.store.partitions,
            )?;
        }
        Ok(Self {
            settings,
            layout,
            domain,
            keys,
            certificate,
            record,
            cluster,
            sealing,
            peers,
            store,
            lock,
        })
    }
}

fn domain_of(settings: &Settings) -> Result<Domain, Fault> {
    settings
        .domain
        .parse()
        .map_err(|_| Fault::new(Exit::Usage, ErrorCode::BadConfig, "domain: must be a domain name"))
}

/// Reads the certificate that the settings name.
///
/// # Errors
/// Exit 8.
pub fn certificate_of(settings: &Settings) -> Result<Certificate, Fault> {
    Certificate::read(
        &settings.data.join(&settings.tls.certificate),
        &settings.data.join(&settings.tls.key),
    )
    .map_err(|e| Fault::new(Exit::Machine, ErrorCode::RelayIo, e.to_string()))
}

/// When the certificate for NATS ends, Unix seconds, where the settings name one that can be read.
pub(super) fn bus_certificate_until(settings: &Settings) -> Option<i64> {
    tls::ends(&settings.data.join(settings.cluster.certificate.as_ref()?))
}

/// How the store of these settings is opened.
///
/// # Errors
/// If the domain's name is none.
pub fn store_config(settings: &Settings, keys: &Keys) -> Result<StoreConfig, Fault> {
    let mut config = StoreConfig::new(DomainFacts {
        domain: domain_of(settings)?,
        admission: keys.admission.public(),
        partitions: settings.store.partitions,
    });
    config.direct_writes = process::takes_direct_writes(&settings.data);
    Ok(config)
}

/// Locks the data directory against a second process.
///
/// # Errors
/// Exit 9 if another one works on it.
pub fn lock(layout: &Layout) -> Result<File, Fault> {
    let path = layout.lock();
    let file = File::create(&path).map_err(|e| Fault::file("lock", &path, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Fault::of(Exit::Conflict, ErrorCode::InUse)),
        Err(TryLockError::Error(e)) => Err(Fault::file("lock", &path, &e)),
    }
}

/// What the store's trouble means to an operator.
pub fn store_fault(error: &StoreError) -> Fault {
    let (exit, code) = match error {
        StoreError::NotEmpty => (Exit::Conflict, ErrorCode::AlreadyThere),
        StoreError::NoStore => (Exit::NotFound, ErrorCode::StoreDamaged),
        StoreError::OtherDomain => (Exit::Usage, ErrorCode::BadConfig),
        StoreError::Behind { .. }
        | StoreError::Damaged { .. }
        | StoreError::BrokenChain { .. }
        | StoreError::BrokenOrder { .. }
        | StoreError::BrokenLedger { .. } => (Exit::NotGenuine, ErrorCode::StoreDamaged),
        StoreError::Disk(_) | StoreError::Io(_) | StoreError::Format { .. } | StoreError::Poisoned => {
            (Exit::Machine, ErrorCode::RelayIo)
        }
    };
    Fault::new(exit, code, error.to_string())
}

/// Faults of the files that settings name: for `config check`.
pub fn files_of(settings: &Settings) -> Vec<ConfigFault> {
    let mut faults = Vec::new();
    let layout = Layout::new(&settings.data);
    if let Err(fault) = certificate_of(settings) {
        faults.push(ConfigFault::at("tls.certificate", fault.words));
    }
    let open = |path: &Path| files::readable_by_others(path).unwrap_or(false);
    if open(&settings.data.join(&settings.tls.key)) {
        faults.push(ConfigFault::at(
            "tls.key",
            "may be read by others; its mode must be 0600",
        ));
    }
    let (bus, road) = (&settings.cluster, &settings.exchange);
    for (path, file) in [
        ("cluster.ca", &bus.ca),
        ("cluster.certificate", &bus.certificate),
        ("cluster.key", &bus.key),
        ("exchange.ca", &road.ca),
        ("exchange.certificate", &road.certificate),
        ("exchange.key", &road.key),
    ] {
        let Some(file) = file.as_ref().map(|f| settings.data.join(f)) else {
            continue;
        };
        if let Err(e) = File::open(&file) {
            faults.push(ConfigFault::at(path, format!("{}: {e}", file.display())));
        } else if path.ends_with(".key") && files::readable_by_anybody(&file).unwrap_or(false) {
            faults.push(ConfigFault::at(
                path,
                "may be read by everybody; its mode must be 0600, or 0440 for a group of its own",
            ));
        }
    }
    if let Err(fault) = Keys::read(&layout) {
        faults.push(ConfigFault::at("data", fault.to_string()));
    }
    if !layout.store().is_dir() {
        faults.push(ConfigFault::at(
            "data",
            format!("there is no store at {}", layout.store().display()),
        ));
    }
    faults
}
