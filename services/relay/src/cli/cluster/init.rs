//! `cluster init`: a data directory for each relay of a new cluster.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;
use telesphor_store::Store;
use telesphor_wire::canonical;
use telesphor_wire::domain::{self, RelayEntry};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::Incarnation;
use telesphor_wire::limits::MAX_RELAYS;
use telesphor_wire::sign::{PublicKey, SigningKey};
use telesphor_wire::text::{Domain, TextError};

use crate::admin::office::hex;
use crate::backup;
use crate::clock;
use crate::cluster::record::{ClusterRecord, SignedClusterRecord};
use crate::config::{self, Settings};
use crate::fault::{Exit, Fault};
use crate::files;
use crate::keys::Keys;
use crate::layout::Layout;
use crate::record;
use crate::serve::{store_config, store_fault};
use crate::tls::Certificate;

use super::super::args::ClusterInit;
use super::super::context::{Context, bad_config};
use super::super::init::{nothing_set, self_made_certificate, write};

/// Relays that keep the same, at most.
const MOST: usize = 7;
/// Parts of the mailboxes where not every relay keeps all of them, unless somebody says otherwise: so many that
/// each relay gets its share.
const PARTS: u16 = 16;

/// One relay of a cluster that is being founded.
struct Place {
    layout: Layout,
    settings: Settings,
    keys: Keys,
    certificate: Certificate,
}

#[derive(Serialize)]
struct Made {
    domain: String,
    cluster: String,
    /// Relays that keep each mailbox.
    replicas: usize,
    relays: Vec<MadeRelay>,
    next: Vec<String>,
}

#[derive(Serialize)]
struct MadeRelay {
    address: String,
    folder: PathBuf,
}

pub(super) fn run(context: &Context<'_>, args: &ClusterInit) -> Result<(), Fault> {
    nothing_set(context)?;
    let domain: Domain = args
        .domain
        .parse()
        .map_err(|e: TextError| Fault::usage(e.to_string()))?;
    let keepers = args.replicas.map_or(args.relay.len(), usize::from);
    if !(3..=MOST).contains(&keepers) || keepers.is_multiple_of(2) {
        return Err(Fault::usage(match args.replicas {
            None => {
                "a cluster has 3, 5 or 7 relays: name each with --relay HOST:PORT. With --replicas 3 there may be more"
            }
            Some(_) => "each mailbox is kept by 3, 5 or 7 relays",
        }));
    }
    if args.relay.len() < keepers || args.relay.len() > MAX_RELAYS {
        return Err(Fault::usage(format!(
            "where {keepers} relays keep each mailbox, a cluster has {keepers} to {MAX_RELAYS} relays: name each with --relay HOST:PORT"
        )));
    }
    if args.relay.iter().collect::<BTreeSet<_>>().len() < args.relay.len() {
        return Err(Fault::usage("each relay of a cluster has an address of its own"));
    }
    let into = std::path::absolute(&args.into).map_err(|e| Fault::file("folder", &args.into, &e))?;
    backup::refuse_existing(&into)?;
    let made = found(args, &domain, &into);
    if made.is_err() {
        // It was not there before; half a cluster is none. What cannot be removed either is said by what failed.
        let _ = std::fs::remove_dir_all(&into);
    }
    let made = made?;
    context.out.show(&made, || made.text());
    Ok(())
}

/// Makes all data directories.
fn found(args: &ClusterInit, domain: &Domain, into: &Path) -> Result<Made, Fault> {
    let shared = Keys::generate();
    let mut places = Vec::new();
    for (number, address) in (1..).zip(&args.relay) {
        let folder = into.join(format!("relay-{number}"));
        places.push(place(args, &folder, address, &shared)?);
    }
    let cluster = Incarnation::random();
    let relays: Vec<PublicKey> = places.iter().map(|p| p.keys.attesting.public()).collect();
    let record = SignedClusterRecord::by(
        &shared.domain,
        ClusterRecord {
            domain: domain.clone(),
            cluster,
            partitions: places.first().map_or(1, |p| p.settings.store.partitions),
            relays: relays.clone(),
            edition: 0,
            seats: relays,
            founded: clock::now_ms(),
            ext: replicas(args).map_or(Extensions::none(), ClusterRecord::kept_by),
        },
    );
    let entries = places.iter().map(Place::entry).collect();
    let ext = replicas(args).map_or(Extensions::none(), domain::replicas);
    let signed = record::sign_all(&shared, domain, entries, clock::now_ms(), 1, ext);
    for place in &places {
        place.write(cluster, &canonical::encode(&signed), &canonical::encode(&record))?;
    }
    Ok(Made {
        domain: domain.to_string(),
        cluster: hex(cluster.as_bytes()),
        replicas: replicas(args).map_or(places.len(), usize::from),
        relays: places
            .iter()
            .map(|p| MadeRelay {
                address: p.settings.edge.address.clone(),
                folder: p.layout.root().to_owned(),
            })
            .collect(),
        next: vec![
            "carry each folder to its machine, over a way that nobody else reads: it holds keys".into(),
            "telesphor-relay serve --data FOLDER            on each machine".into(),
            "telesphor-relay cluster status --data FOLDER".into(),
        ],
    })
}

/// How many relays keep each mailbox, if not all of them do: a cluster in which all do is as it always was.
fn replicas(args: &ClusterInit) -> Option<u16> {
    args.replicas.filter(|n| usize::from(*n) < args.relay.len())
}

fn place(args: &ClusterInit, folder: &Path, address: &str, shared: &Keys) -> Result<Place, Fault> {
    let mut settings = Settings {
        domain: args.domain.clone(),
        data: folder.to_owned(),
        ..Settings::default()
    };
    let port = address.rsplit_once(':').map_or("7443", |(_, port)| port);
    settings.edge.listen = format!("{}:{port}", args.listen);
    address.clone_into(&mut settings.edge.address);
    let parts = replicas(args).map_or(settings.store.partitions, |_| PARTS);
    settings.store.partitions = args.partitions.unwrap_or(parts);
    settings.cluster.nats.clone_from(&args.nats);
    if args.nats.iter().any(|url| url.starts_with("tls://")) {
        settings.cluster.ca = Some("nats/ca.pem".into());
        settings.cluster.certificate = Some("nats/certificate.pem".into());
        settings.cluster.key = Some("nats/key.pem".into());
    }
    if let Some(name) = &args.name {
        settings.cluster.name.clone_from(name);
    }
    if let Some(fault) = config::check(&settings).first() {
        return Err(bad_config(fault));
    }
    let layout = Layout::new(folder);
    if let Some(above) = folder.parent() {
        files::private_dir(above).map_err(|e| Fault::file("folder", above, &e))?;
    }
    files::private_dir(folder).map_err(|e| Fault::file("folder", folder, &e))?;
    self_made_certificate(&settings, &layout)?;
    let certificate = Certificate::read(
        &folder.join(&settings.tls.certificate),
        &folder.join(&settings.tls.key),
    )
    .map_err(|e| Fault::new(Exit::Machine, ErrorCode::RelayIo, e.to_string()))?;
    Ok(Place {
        layout,
        settings,
        keys: shared.with_attesting(SigningKey::generate()),
        certificate,
    })
}

impl Place {
    fn entry(&self) -> RelayEntry {
        RelayEntry {
            relay: self.keys.attesting.public(),
            tls_key: self.certificate.tls_key,
            address: self.settings.edge.address.clone(),
        }
    }

    fn write(&self, cluster: Incarnation, domain: &[u8], record: &[u8]) -> Result<(), Fault> {
        self.keys
            .write(&self.layout)
            .map_err(|e| Fault::new(Exit::Machine, ErrorCode::RelayIo, e.to_string()))?;
        write(self.layout.record(), "domain record", domain)?;
        write(self.layout.cluster(), "cluster record", record)?;
        let mut config = store_config(&self.settings, &self.keys)?;
        config.incarnation = Some(cluster);
        drop(Store::create(&self.layout.store(), config).map_err(|e| store_fault(&e))?);
        // Last: whoever finds a configuration finds everything it needs.
        let text = toml::to_string_pretty(&self.settings).map_err(|e| Fault::bug(e.to_string()))?;
        write(self.layout.config(), "configuration", text.as_bytes())?;
        Ok(())
    }
}

impl Made {
    fn text(&self) -> String {
        let relays: String = self
            .relays
            .iter()
            .map(|r| format!("  {:<28} {}\n", r.address, r.folder.display()))
            .collect();
        let next: String = self.next.iter().map(|line| format!("  {line}\n")).collect();
        let majority = self.replicas / 2 + 1;
        let each = match self.replicas < self.relays.len() {
            true => format!("each mailbox on {} of them; ", self.replicas),
            false => String::new(),
        };
        format!(
            "Domain       {}\nCluster      {} relays; {each}what {majority} of them have on disk is durable\n\nMade, readable by this user alone:\n{relays}\nNext:\n{next}",
            self.domain,
            self.relays.len(),
        )
    }
}
