//! `cluster`: founding one, giving a seat to another relay, who is in it, and how its relays stand.

mod accept;
mod add;
mod drain;
mod init;
mod renew;
mod replace;

use serde::Serialize;
use serde_json::json;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::PartitionId;
use telesphor_wire::sign::PublicKey;

use crate::admin::office::hex;
use crate::admin::words::{Request, Status as Seen};
use crate::clock;
use crate::cluster::record::{self as cluster_record, SignedClusterRecord};
use crate::fault::{Exit, Fault};
use crate::keys::Keys;
use crate::layout::Layout;
use crate::record;

use super::args::{ClusterArgs, ClusterCommand};
use super::context::Context;

/// Carries it out.
pub(crate) fn run(context: &Context<'_>, args: &ClusterArgs) -> Result<(), Fault> {
    match &args.command {
        ClusterCommand::Init(args) => init::run(context, args),
        ClusterCommand::Replace(args) => replace::run(context, args),
        ClusterCommand::Add(args) => add::run(context, args),
        ClusterCommand::Drain(args) => drain::run(context, args),
        ClusterCommand::Renew(args) => renew::run(context, args),
        ClusterCommand::Accept(args) => accept::run(context, args),
        ClusterCommand::Show => show(context),
        ClusterCommand::Status => status(context),
    }
}

/// The keys of a data directory.
fn keys(layout: &Layout) -> Result<Keys, Fault> {
    Keys::read(layout).map_err(|e| Fault::new(Exit::Machine, ErrorCode::RelayIo, e.to_string()))
}

/// The record of the cluster that a data directory belongs to.
fn record_of(layout: &Layout, keys: &Keys) -> Result<SignedClusterRecord, Fault> {
    cluster_record::read(layout, &keys.domain.public())?.ok_or_else(|| {
        let words = "this relay is alone: its data directory has no cluster record";
        Fault::new(Exit::NotFound, ErrorCode::NotFound, words)
    })
}

#[derive(Serialize)]
struct Shown {
    domain: String,
    cluster: String,
    /// Stands in every subject of NATS.
    name: String,
    partitions: u16,
    /// Relays that keep each of them.
    replicas: usize,
    /// Which, where not all do: by member.
    places: Vec<Vec<String>>,
    founded: String,
    /// Rises with every seat that changes hands.
    edition: u64,
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
    let keys = keys(&layout)?;
    let signed = record_of(&layout, &keys)?;
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
        replicas: signed.wanted().voting(),
        places: places(&signed),
        founded: clock::show(signed.record.founded),
        edition: signed.record.edition,
        relays: signed.record.seats.iter().map(relay).collect(),
    };
    context.out.show(&shown, || shown.text());
    Ok(())
}

/// Where each partition is to be kept, by number; nothing where every relay keeps all of them.
fn places(signed: &SignedClusterRecord) -> Vec<Vec<String>> {
    let wanted = signed.wanted();
    let all = match wanted.replicas {
        Some(_) => signed.record.partitions,
        None => 0,
    };
    let keepers = |n| {
        wanted
            .seats(PartitionId(n))
            .iter()
            .map(|seat| hex(&seat.0))
            .collect()
    };
    (0..all).map(keepers).collect()
}

impl Shown {
    /// The address of a member, as a row of places has room for it.
    fn address(&self, member: &str) -> String {
        let known = self.relays.iter().find(|r| r.member == member);
        known.map_or_else(|| member.to_owned(), |r| r.address.clone())
    }

    fn text(&self) -> String {
        let relays = self.relays.iter().map(|r| {
            let here = if r.here { "  (this one)" } else { "" };
            format!("  {}  {}{here}", r.member, r.address)
        });
        let head = format!(
            "Domain       {}\nCluster      {}, \"{}\" on NATS, founded {}\nPartitions   {}\nRelays, edition {}",
            self.domain, self.cluster, self.name, self.founded, self.partitions, self.edition
        );
        let kept = match self.places.is_empty() {
            true => None,
            false => Some(format!("Kept by {} each", self.replicas)),
        };
        let places = (0..).zip(&self.places).map(|(number, keepers)| {
            let keepers: Vec<_> = keepers.iter().map(|member| self.address(member)).collect();
            format!("  {number:>3}  {}", keepers.join("  "))
        });
        let lines = std::iter::once(head).chain(relays).chain(kept).chain(places);
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn status(context: &Context<'_>) -> Result<(), Fault> {
    let seen: Seen = context.ask(&Request::Status)?;
    context.out.show(&json!({ "standing": seen.standing, "partitions": seen.partitions }), || {
        let rows = seen.partitions.iter().map(|p| match &p.member {
            None if p.to_take_over => {
                format!("  {:>3}  to be taken over: restart this relay", p.partition)
            }
            None if !p.kept => format!("  {:>3}  {:<30} {}", p.partition, "passed on to", p.keepers.join("  ")),
            None => format!("  {:>3}  alone", p.partition),
            Some(m) => {
                let lost = m.lost.as_ref().map_or(String::new(), |why| format!("  STOPPED: {why}"));
                let lost = match &m.fenced {
                    Some(why) if m.lost.is_none() => format!("  because {why}"),
                    _ => lost,
                };
                let lost = if m.votes || m.lost.is_some() { lost } else { "  waits for a seat".into() };
                format!(
                    "  {:>3}  {:<30} round {:<5} {} of {} relays  rules {}  on disk {:<9} chosen {:<9} answered {}{lost}",
                    p.partition, m.phase, m.round, m.heard, m.seats, m.rules, m.head, m.chosen, m.durable
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
