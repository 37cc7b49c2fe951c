//! `cluster init|show|status`: founding a cluster, who is in it, and how its relays stand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;
use telesphor_store::Store;
use telesphor_wire::canonical;
use telesphor_wire::domain::RelayEntry;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::Incarnation;
use telesphor_wire::sign::{PublicKey, SigningKey};
use telesphor_wire::text::{Domain, TextError};

use crate::admin::office::hex;
use crate::admin::words::{Request, Status as Seen};
use crate::clock;
use crate::cluster;
use crate::cluster::record::{ClusterRecord, SignedClusterRecord};
use crate::config::{self, Settings};
use crate::fault::{Exit, Fault};
use crate::files;
use crate::keys::Keys;
use crate::layout::Layout;
use crate::record;
use crate::serve::{store_config, store_fault};
use crate::tls::Certificate;

use super::args::{ClusterArgs, ClusterCommand, ClusterInit};
use super::context::{Context, bad_config};
use super::init::{self_made_certificate, write};

/// Relays of one cluster, at most: each of them keeps everything.
const MOST: usize = 7;

/// Carries it out.
pub(crate) fn run(context: &Context<'_>, args: &ClusterArgs) -> Result<(), Fault> {
    match &args.command {
        ClusterCommand::Init(args) => init(context, args),
        ClusterCommand::Show => show(context),
        ClusterCommand::Status => status(context),
    }
}

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
    relays: Vec<MadeRelay>,
    next: Vec<String>,
}

#[derive(Serialize)]
struct MadeRelay {
    address: String,
    folder: PathBuf,
}

fn init(context: &Context<'_>, args: &ClusterInit) -> Result<(), Fault> {
    let domain: Domain = args
        .domain
        .parse()
        .map_err(|e: TextError| Fault::usage(e.to_string()))?;
    if args.relay.len() < 3 || args.relay.len() > MOST || args.relay.len().is_multiple_of(2) {
        return Err(Fault::usage(
            "a cluster has 3, 5 or 7 relays: name each with --relay HOST:PORT",
        ));
    }
    if args.relay.iter().collect::<BTreeSet<_>>().len() < args.relay.len() {
        return Err(Fault::usage("each relay of a cluster has an address of its own"));
    }
    let into = std::path::absolute(&args.into).map_err(|e| Fault::file("folder", &args.into, &e))?;
    if into.exists() {
        return Err(Fault::new(
            Exit::Conflict,
            ErrorCode::AlreadyThere,
            format!("{} is there already; nothing was overwritten", into.display()),
        ));
    }
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
    let record = SignedClusterRecord::by(
        &shared.domain,
        ClusterRecord {
            domain: domain.clone(),
            cluster,
            partitions: places.first().map_or(1, |p| p.settings.store.partitions),
            relays: places.iter().map(|p| p.keys.attesting.public()).collect(),
            founded: clock::now_ms(),
            ext: Extensions::none(),
        },
    );
    let entries = places.iter().map(Place::entry).collect();
    let signed = record::sign_all(&shared, domain, entries, clock::now_ms(), 1);
    for place in &places {
        place.write(cluster, &canonical::encode(&signed), &canonical::encode(&record))?;
    }
    Ok(Made {
        domain: domain.to_string(),
        cluster: hex(cluster.as_bytes()),
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

fn place(args: &ClusterInit, folder: &Path, address: &str, shared: &Keys) -> Result<Place, Fault> {
    let mut settings = Settings {
        domain: args.domain.clone(),
        data: folder.to_owned(),
        ..Settings::default()
    };
    let port = address.rsplit_once(':').map_or("7443", |(_, port)| port);
    settings.edge.listen = format!("{}:{port}", args.listen);
    address.clone_into(&mut settings.edge.address);
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
        let majority = self.relays.len() / 2 + 1;
        format!(
            "Domain       {}\nCluster      {} relays; what {majority} of them have on disk is durable\n\nMade, readable by this user alone:\n{relays}\nNext:\n{next}",
            self.domain,
            self.relays.len(),
        )
    }
}

#[derive(Serialize)]
struct Shown {
    domain: String,
    cluster: String,
    /// Stands in every subject of NATS.
    name: String,
    partitions: u16,
    founded: String,
    relays: Vec<ShownRelay>,
}

#[derive(Serialize)]
struct ShownRelay {
    /// As it stands in the subjects of NATS, and in the name of its certificate there.
    member: String,
    address: String,
    here: bool,
}

fn show(context: &Context<'_>) -> Result<(), Fault> {
    let settings = context.settings(&[])?;
    let layout = Layout::new(&settings.data);
    let keys =
        Keys::read(&layout).map_err(|e| Fault::new(Exit::Machine, ErrorCode::RelayIo, e.to_string()))?;
    let Some(signed) = cluster::record::read(&layout, &keys.domain.public())? else {
        let words = "this relay is alone: its data directory has no cluster record";
        return Err(Fault::new(Exit::NotFound, ErrorCode::NotFound, words));
    };
    let addresses = record::read(&layout)?.record.relays;
    let relay = |key: &PublicKey| ShownRelay {
        member: hex(&key.0),
        address: addresses
            .iter()
            .find(|entry| entry.relay == *key)
            .map_or_else(|| "not in the domain record".to_owned(), |e| e.address.clone()),
        here: *key == keys.attesting.public(),
    };
    let shown = Shown {
        domain: signed.record.domain.to_string(),
        cluster: hex(signed.record.cluster.as_bytes()),
        name: settings.cluster.name,
        partitions: signed.record.partitions,
        founded: clock::show(signed.record.founded),
        relays: signed.record.relays.iter().map(relay).collect(),
    };
    context.out.show(&shown, || shown.text());
    Ok(())
}

impl Shown {
    fn text(&self) -> String {
        let relays = self.relays.iter().map(|r| {
            let here = if r.here { "  (this one)" } else { "" };
            format!("  {}  {}{here}", r.member, r.address)
        });
        let head = format!(
            "Domain       {}\nCluster      {}, \"{}\" on NATS, founded {}\nPartitions   {}\nRelays",
            self.domain, self.cluster, self.name, self.founded, self.partitions
        );
        std::iter::once(head).chain(relays).collect::<Vec<_>>().join("\n")
    }
}

fn status(context: &Context<'_>) -> Result<(), Fault> {
    let seen: Seen = context.ask(&Request::Status)?;
    context.out.show(&json!({ "standing": seen.standing, "partitions": seen.partitions }), || {
        let rows = seen.partitions.iter().map(|p| match &p.member {
            None => format!("  {:>3}  alone", p.partition),
            Some(m) => {
                let lost = m.lost.as_ref().map_or(String::new(), |why| format!("  STOPPED: {why}"));
                format!(
                    "  {:>3}  {:<30} round {:<5} {} of {} relays  on disk {:<9} chosen {:<9} answered {}{lost}",
                    p.partition, m.phase, m.round, m.heard, m.seats, m.head, m.chosen, m.durable
                )
            }
        });
        std::iter::once(format!("Relay        {}, {}", seen.domain, seen.standing))
            .chain(rows)
            .collect::<Vec<_>>()
            .join("\n")
    });
    Ok(())
}
