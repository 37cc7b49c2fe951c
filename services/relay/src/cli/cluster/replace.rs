//! `cluster replace`: a new relay for the seat of one that leaves or that will not come back, with a
//! copy of this relay's store.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use telesphor_store::Store;
use telesphor_wire::canonical;
use telesphor_wire::domain::RelayEntry;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::sign::{PublicKey, SigningKey};

use crate::admin::office::hex;
use crate::admin::words::{BackupMade, Request};
use crate::backup;
use crate::clock;
use crate::cluster::change::Change;
use crate::config::{self, Settings};
use crate::fault::{Exit, Fault};
use crate::files;
use crate::keys::Keys;
use crate::layout::Layout;
use crate::sealing;
use crate::serve::{store_config, store_fault};
use crate::tls::Certificate;

use super::super::args::ClusterReplace;
use super::super::context::{Context, bad_config};
use super::super::init::{self_made_certificate, write};
use super::keys;

#[derive(Serialize)]
struct Made {
    leaves: String,
    member: String,
    address: String,
    edition: u64,
    folder: PathBuf,
    change: PathBuf,
    next: Vec<String>,
}

/// Carries it out. Nothing in the cluster changes before a relay accepts the change.
pub(super) fn run(context: &Context<'_>, args: &ClusterReplace) -> Result<(), Fault> {
    let settings = context.settings(&[])?;
    let layout = Layout::new(&settings.data);
    let keys = keys(&layout)?;
    let now = Change::now(&layout, &keys.domain.public())?;
    if now.cluster.record.replicas().is_some() {
        // What the newcomer is to keep does not all lie here.
        return Err(Fault::new(
            Exit::Refused,
            ErrorCode::NotAllowedHere,
            "where not every relay keeps every mailbox, `cluster add` brings a new relay and `cluster drain` lets one \
             go, one after the other",
        ));
    }
    let leaves = named(&now, &args.member)?;
    if leaves == keys.attesting.public() {
        return Err(Fault::usage(
            "this is the relay that leaves: make its replacement at one that stays",
        ));
    }
    let taken = |entry: &RelayEntry| entry.relay != leaves && entry.address == args.with;
    if now.domain.record.relays.iter().any(taken) {
        return Err(Fault::usage(
            "each relay of a cluster has an address of its own: another one has this",
        ));
    }
    let into = std::path::absolute(&args.into).map_err(|e| Fault::file("folder", &args.into, &e))?;
    backup::refuse_existing(&into)?;
    let made = make(context, &settings, &keys, &now, leaves, &args.with, &into);
    if made.is_err() {
        // It was not there before; half a relay is none. What cannot be removed either is said by what failed.
        let _ = fs::remove_dir_all(&into);
    }
    let made = made?;
    context.out.show(&made, || made.text());
    Ok(())
}

/// The relay that is meant.
pub(super) fn named(now: &Change, member: &str) -> Result<PublicKey, Fault> {
    let address = |seat: &PublicKey| {
        let relays = &now.domain.record.relays;
        relays
            .iter()
            .any(|entry| entry.relay == *seat && entry.address == member)
    };
    let seats = &now.cluster.record.seats;
    let mut found = seats
        .iter()
        .filter(|seat| address(seat) || !member.is_empty() && hex(&seat.0).starts_with(member));
    match (found.next(), found.next()) {
        (Some(seat), None) => Ok(*seat),
        (Some(_), Some(_)) => Err(Fault::usage(
            "this names more than one relay; give more letters of the member's name",
        )),
        (None, _) => Err(Fault::new(
            Exit::NotFound,
            ErrorCode::NotFound,
            "no relay of this cluster has this name or address; `cluster show` lists them",
        )),
    }
}

fn make(
    context: &Context<'_>,
    settings: &Settings,
    keys: &Keys,
    now: &Change,
    leaves: PublicKey,
    address: &str,
    into: &Path,
) -> Result<Made, Fault> {
    files::private_dir(into).map_err(|e| Fault::file("folder", into, &e))?;
    let layout = Layout::new(into.join("relay"));
    let settings = settings_of(settings, &layout, address)?;
    let to = layout.root().to_owned();
    let _: BackupMade = context.ask(&Request::Backup { to })?;
    // All but the store is this new relay's own.
    backup::strip(&layout).map_err(|e| Fault::file("folder", layout.root(), &e))?;
    Store::hand_on(&layout.store(), &store_config(&settings, keys)?).map_err(|e| store_fault(&e))?;
    self_made_certificate(&settings, &layout)?;
    let certificate = Certificate::read(
        &layout.root().join(&settings.tls.certificate),
        &layout.root().join(&settings.tls.key),
    )
    .map_err(|e| Fault::new(Exit::Machine, ErrorCode::RelayIo, e.to_string()))?;
    let own = keys.with_attesting(SigningKey::generate());
    own.write(&layout)
        .map_err(|e| Fault::new(Exit::Machine, ErrorCode::RelayIo, e.to_string()))?;
    sealing::hand_on(&Layout::new(context.settings(&[])?.data), &layout)
        .map_err(|e| Fault::file("sealing keys", &layout.keys(), &e))?;
    let comes = RelayEntry {
        relay: own.attesting.public(),
        tls_key: certificate.tls_key,
        address: address.to_owned(),
    };
    let change = now.replace(keys, &leaves, comes, clock::now_ms());
    change.write(&layout)?;
    // Last: whoever finds a configuration finds everything it needs.
    let text = toml::to_string_pretty(&settings).map_err(|e| Fault::bug(e.to_string()))?;
    write(layout.config(), "configuration", text.as_bytes())?;
    let file = write(into.join("change"), "change", &canonical::encode(&change))?;
    Ok(Made {
        leaves: hex(&leaves.0),
        member: hex(&own.attesting.public().0),
        address: address.to_owned(),
        edition: change.cluster.record.edition,
        folder: layout.root().to_owned(),
        next: vec![
            format!(
                "telesphor-relay cluster accept {}   at each relay that stays, this one too",
                file.display()
            ),
            "let NATS know the new member's certificate, as the old one's (docs/deploying.md)".into(),
            "carry the folder to its machine, over a way that nobody else reads: it holds keys".into(),
            "telesphor-relay serve --data FOLDER   there; soon, since it has what was ordered until now"
                .into(),
            "telesphor-relay cluster status   says when it votes; then end the relay that leaves".into(),
        ],
        change: file,
    })
}

/// The settings of this relay, for another machine.
pub(super) fn settings_of(here: &Settings, layout: &Layout, address: &str) -> Result<Settings, Fault> {
    let mut settings = here.clone();
    layout.root().clone_into(&mut settings.data);
    let port = address.rsplit_once(':').map_or("7443", |(_, port)| port);
    let host = here
        .edge
        .listen
        .rsplit_once(':')
        .map_or("0.0.0.0", |(host, _)| host);
    settings.edge.listen = format!("{host}:{port}");
    address.clone_into(&mut settings.edge.address);
    settings.tls = config::Tls::default();
    match config::check(&settings).first() {
        Some(fault) => Err(bad_config(fault)),
        None => Ok(settings),
    }
}

impl Made {
    fn text(&self) -> String {
        let next: String = self.next.iter().map(|line| format!("  {line}\n")).collect();
        format!(
            "Edition {}: the seat of {} is for {}\n  member   {}\n  folder   {}\n  change   {}\n\nNothing has changed yet. Next:\n{next}",
            self.edition,
            &self.leaves[..16],
            self.address,
            self.member,
            self.folder.display(),
            self.change.display(),
        )
    }
}
