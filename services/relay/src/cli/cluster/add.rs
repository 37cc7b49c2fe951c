//! `cluster add`: one more relay, where not every one keeps everything. It begins with an empty store, and takes
//! over what it is to keep when it starts.

use std::path::{Path, PathBuf};

use serde::Serialize;
use telesphor_store::Store;
use telesphor_wire::canonical;
use telesphor_wire::domain::RelayEntry;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::PartitionId;
use telesphor_wire::limits::MAX_RELAYS;
use telesphor_wire::sign::SigningKey;

use crate::admin::office::hex;
use crate::backup;
use crate::clock;
use crate::cluster::change::Change;
use crate::config::Settings;
use crate::fault::{Exit, Fault};
use crate::files;
use crate::keys::Keys;
use crate::layout::Layout;
use crate::sealing;
use crate::serve::{store_config, store_fault};
use crate::tls::Certificate;

use super::super::args::ClusterAdd;
use super::super::context::Context;
use super::super::init::{self_made_certificate, write};
use super::keys;
use super::replace::settings_of;

#[derive(Serialize)]
struct Made {
    member: String,
    address: String,
    edition: u64,
    /// Partitions that it is to keep.
    keeps: Vec<u16>,
    folder: PathBuf,
    change: PathBuf,
    next: Vec<String>,
}

/// Carries it out. Nothing in the cluster changes before a relay accepts the change.
pub(super) fn run(context: &Context<'_>, args: &ClusterAdd) -> Result<(), Fault> {
    let settings = context.settings(&[])?;
    let layout = Layout::new(&settings.data);
    let keys = keys(&layout)?;
    let now = Change::now(&layout, &keys.domain.public())?;
    placed(&now)?;
    let relays = &now.domain.record.relays;
    if relays.iter().any(|entry| entry.address == args.address) {
        return Err(Fault::usage(
            "each relay of a cluster has an address of its own: another one has this",
        ));
    }
    if relays.len() >= MAX_RELAYS {
        return Err(Fault::usage(format!("a cluster has {MAX_RELAYS} relays at most")));
    }
    let into = std::path::absolute(&args.into).map_err(|e| Fault::file("folder", &args.into, &e))?;
    backup::refuse_existing(&into)?;
    let made = make(&settings, &keys, &now, &args.address, &into);
    if made.is_err() {
        // It was not there before; half a relay is none. What cannot be removed either is said by what failed.
        let _ = std::fs::remove_dir_all(&into);
    }
    let made = made?;
    context.out.show(&made, || made.text());
    Ok(())
}

/// Whether relays come and go in this cluster.
pub(super) fn placed(now: &Change) -> Result<usize, Fault> {
    now.cluster.record.replicas().ok_or_else(|| {
        let words = "in this cluster every relay keeps every mailbox, and their number is fixed; `cluster replace` puts \
                     one in the place of another";
        Fault::new(Exit::Refused, ErrorCode::NotAllowedHere, words)
    })
}

fn make(here: &Settings, keys: &Keys, now: &Change, address: &str, into: &Path) -> Result<Made, Fault> {
    files::private_dir(into).map_err(|e| Fault::file("folder", into, &e))?;
    let layout = Layout::new(into.join("relay"));
    let settings = settings_of(here, &layout, address)?;
    files::private_dir(layout.root()).map_err(|e| Fault::file("folder", layout.root(), &e))?;
    self_made_certificate(&settings, &layout)?;
    let certificate = Certificate::read(
        &layout.root().join(&settings.tls.certificate),
        &layout.root().join(&settings.tls.key),
    )
    .map_err(|e| Fault::new(Exit::Machine, ErrorCode::RelayIo, e.to_string()))?;
    let own = keys.with_attesting(SigningKey::generate());
    own.write(&layout)
        .map_err(|e| Fault::new(Exit::Machine, ErrorCode::RelayIo, e.to_string()))?;
    sealing::hand_on(&Layout::new(&here.data), &layout)
        .map_err(|e| Fault::file("sealing keys", &layout.keys(), &e))?;
    let mut store = store_config(&settings, &own)?;
    store.incarnation = Some(now.cluster.record.cluster);
    drop(Store::create(&layout.store(), store).map_err(|e| store_fault(&e))?);
    let comes = RelayEntry {
        relay: own.attesting.public(),
        tls_key: certificate.tls_key,
        address: address.to_owned(),
    };
    let change = now.add(keys, comes, clock::now_ms());
    change.write(&layout)?;
    // Last: whoever finds a configuration finds everything it needs.
    let text = toml::to_string_pretty(&settings).map_err(|e| Fault::bug(e.to_string()))?;
    write(layout.config(), "configuration", text.as_bytes())?;
    let file = write(into.join("change"), "change", &canonical::encode(&change))?;
    let wanted = change.cluster.wanted();
    let keeps = |n: &u16| wanted.seats(PartitionId(*n)).contains(&own.attesting.public());
    Ok(Made {
        member: hex(&own.attesting.public().0),
        address: address.to_owned(),
        edition: change.cluster.record.edition,
        keeps: (0..change.cluster.record.partitions).filter(keeps).collect(),
        folder: layout.root().to_owned(),
        next: vec![
            format!(
                "telesphor-relay cluster accept {}   at each relay, this one too",
                file.display()
            ),
            "let NATS know the new member's certificate (docs/deploying.md)".into(),
            "carry the folder to its machine, over a way that nobody else reads: it holds keys".into(),
            "telesphor-relay serve --data FOLDER   there: it takes over what it is to keep, and then listens"
                .into(),
            "telesphor-relay cluster status   there says when it votes".into(),
        ],
        change: file,
    })
}

impl Made {
    fn text(&self) -> String {
        let next: String = self.next.iter().map(|line| format!("  {line}\n")).collect();
        format!(
            "Edition {}: one more relay, {}, for {} of the partitions\n  member   {}\n  folder   {}\n  change   {}\n\nNothing has changed yet. Next:\n{next}",
            self.edition,
            self.address,
            self.keeps.len(),
            self.member,
            self.folder.display(),
            self.change.display(),
        )
    }
}
