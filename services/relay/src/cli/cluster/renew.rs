//! `cluster renew`: another TLS key or address for this relay, for all to publish.

use serde::Serialize;
use telesphor_wire::canonical;
use telesphor_wire::domain::RelayEntry;
use telesphor_wire::error::ErrorCode;

use crate::admin::office::hex;
use crate::clock;
use crate::cluster::change::Change;
use crate::config::{self, Settings};
use crate::fault::{Exit, Fault};
use crate::layout::Layout;
use crate::tls::Certificate;

use super::super::args::ClusterRenew;
use super::super::context::{Context, bad_config};
use super::super::init::write;
use super::keys;

#[derive(Serialize)]
struct Made {
    address: String,
    tls_key: String,
    change: std::path::PathBuf,
    next: Vec<String>,
}

/// Carries it out. Nothing changes before a relay accepts the change.
pub(super) fn run(context: &Context<'_>, args: &ClusterRenew) -> Result<(), Fault> {
    let settings = context.settings(&[])?;
    let layout = Layout::new(&settings.data);
    let keys = keys(&layout)?;
    let now = Change::now(&layout, &keys.domain.public())?;
    let within = |path: &std::path::Path| settings.data.join(path);
    let (certificate, key) = match (&args.certificate, &args.key) {
        (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
        _ => (within(&settings.tls.certificate), within(&settings.tls.key)),
    };
    let certificate = Certificate::read(&certificate, &key)
        .map_err(|e| Fault::new(Exit::Machine, ErrorCode::BadConfig, e.to_string()))?;
    let address = args
        .address
        .clone()
        .unwrap_or_else(|| settings.edge.address.clone());
    let mut changed = Settings { ..settings };
    changed.edge.address.clone_from(&address);
    if let Some(fault) = config::check(&changed).first() {
        return Err(bad_config(fault));
    }
    let entry = RelayEntry {
        relay: keys.attesting.public(),
        tls_key: certificate.tls_key,
        address: address.clone(),
    };
    let relays = &now.domain.record.relays;
    if relays.contains(&entry) {
        return Err(Fault::usage(
            "the domain's record says this already: there is nothing to change",
        ));
    }
    if relays
        .iter()
        .any(|r| r.relay != entry.relay && r.address == address)
    {
        return Err(Fault::usage(
            "each relay of a cluster has an address of its own: another one has this",
        ));
    }
    let change = now.renewed(&keys, entry, clock::now_ms());
    let file = std::path::absolute(&args.into).map_err(|e| Fault::file("change", &args.into, &e))?;
    let made = Made {
        address,
        tls_key: hex(certificate.tls_key.as_bytes()),
        next: vec![
            format!(
                "telesphor-relay cluster accept {}   at each relay, this one last",
                file.display()
            ),
            "put the certificate and its key, or edge.address, into place here; reload or restart this relay"
                .into(),
        ],
        change: write(file, "change", &canonical::encode(&change))?,
    };
    context.out.show(&made, || made.text());
    Ok(())
}

impl Made {
    fn text(&self) -> String {
        let next: String = self.next.iter().map(|line| format!("  {line}\n")).collect();
        format!(
            "Reached at   {}\nTLS key      {}\nChange       {}\n\nNothing has changed yet. Agents use the other relays until the last step. Next:\n{next}",
            self.address,
            self.tls_key,
            self.change.display(),
        )
    }
}
