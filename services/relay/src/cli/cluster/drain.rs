//! `cluster drain`: one relay less, where not every one keeps everything. The others take over what it keeps.

use std::path::PathBuf;

use serde::Serialize;
use telesphor_wire::canonical;

use crate::admin::office::hex;
use crate::backup;
use crate::clock;
use crate::cluster::change::Change;
use crate::fault::Fault;
use crate::layout::Layout;

use super::super::args::ClusterDrain;
use super::super::context::Context;
use super::super::init::write;
use super::add::placed;
use super::keys;
use super::replace::named;

#[derive(Serialize)]
struct Made {
    leaves: String,
    edition: u64,
    change: PathBuf,
    next: Vec<String>,
}

/// Carries it out. Nothing changes before a relay accepts the change.
pub(super) fn run(context: &Context<'_>, args: &ClusterDrain) -> Result<(), Fault> {
    let settings = context.settings(&[])?;
    let layout = Layout::new(&settings.data);
    let keys = keys(&layout)?;
    let now = Change::now(&layout, &keys.domain.public())?;
    let replicas = placed(&now)?;
    let leaves = named(&now, &args.member)?;
    if leaves == keys.attesting.public() {
        return Err(Fault::usage(
            "this is the relay that leaves: make the change at one that stays",
        ));
    }
    if now.cluster.record.seats.len() <= replicas {
        return Err(Fault::usage(format!(
            "{replicas} relays are to keep each mailbox, and there are no more: add one first"
        )));
    }
    let into = std::path::absolute(&args.into).map_err(|e| Fault::file("change", &args.into, &e))?;
    backup::refuse_existing(&into)?;
    let change = now.drain(&keys, &leaves, clock::now_ms());
    let file = write(into, "change", &canonical::encode(&change))?;
    let made = Made {
        leaves: hex(&leaves.0),
        edition: change.cluster.record.edition,
        next: vec![
            format!(
                "telesphor-relay cluster accept {}   at each relay, the one that leaves too",
                file.display()
            ),
            "restart the relays that stay, one after the other: each takes over what it is to keep now"
                .into(),
            "telesphor-relay cluster status   at the one that leaves: when it keeps nothing any more, end it"
                .into(),
        ],
        change: file,
    };
    context.out.show(&made, || made.text());
    Ok(())
}

impl Made {
    fn text(&self) -> String {
        let next: String = self.next.iter().map(|line| format!("  {line}\n")).collect();
        format!(
            "Edition {}: {} leaves\nChange       {}\n\nNothing has changed yet. Next:\n{next}",
            self.edition,
            &self.leaves[..16],
            self.change.display(),
        )
    }
}
