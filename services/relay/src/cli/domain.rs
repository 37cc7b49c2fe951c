//! `domain show|pin|peers|unpin`: other hospitals.

use std::path::{Path, PathBuf};

use serde::Serialize;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::{Domain, TextError};

use crate::admin::words::{Nothing, Request};
use crate::exchange::PeerStanding;
use crate::fault::{Exit, Fault};
use crate::layout::Layout;
use crate::peers::{self, Pinned, PinnedDomains};
use crate::record;

use super::args::{DomainArgs, DomainCommand};
use super::context::Context;
use super::init::write;

/// Carries it out.
pub(crate) fn run(context: &Context<'_>, args: &DomainArgs) -> Result<(), Fault> {
    match &args.command {
        DomainCommand::Show { into } => show(context, into.as_deref()),
        DomainCommand::Pin { card, key, replace } => pin(context, card, key.as_deref(), *replace),
        DomainCommand::Peers => list(context),
        DomainCommand::Unpin { domain } => unpin(context, domain),
    }
}

#[derive(Serialize)]
struct Shown {
    domain: String,
    key: String,
    relays: usize,
    sequence: u64,
    card: Option<PathBuf>,
}

fn show(context: &Context<'_>, into: Option<&Path>) -> Result<(), Fault> {
    let layout = context.layout()?;
    let signed = record::read(&layout)?;
    let card = match into {
        Some(path) => Some(write(path.to_owned(), "card", &canonical::encode(&signed))?),
        None => None,
    };
    let shown = Shown {
        domain: signed.record.domain.to_string(),
        key: signed.record.key.to_string(),
        relays: signed.record.relays.len(),
        sequence: signed.record.sequence,
        card,
    };
    context.out.show(&shown, || {
        let card = shown.card.as_ref().map_or_else(
            || "with --into FILE it is written as a card".to_owned(),
            |path| path.display().to_string(),
        );
        format!(
            "Domain  {}\nKey     {}\nCard    {card}\n\nGive the card to the other hospital, and say the key by another way: on the telephone, or in person.",
            shown.domain, shown.key
        )
    });
    Ok(())
}

#[derive(Serialize)]
struct PinnedNow {
    domain: String,
    key: String,
    changed: bool,
    /// Whether the running relay took it; otherwise it takes it when it starts.
    running: bool,
}

fn pin(context: &Context<'_>, path: &Path, key: Option<&str>, replace: bool) -> Result<(), Fault> {
    let layout = context.layout()?;
    let card = peers::card(path)?;
    let (own, named) = (record::read(&layout)?, &card.record);
    if named.domain == own.record.domain {
        return Err(Fault::usage("this is this hospital's own card"));
    }
    let said: Option<PublicKey> = key
        .map(|k| k.parse().map_err(|e: TextError| Fault::usage(e.to_string())))
        .transpose()?;
    if said.is_some_and(|said| said != named.key) {
        let words = "the card has another key than the one that was said: it is not theirs, or was changed on its way";
        return Err(Fault::new(Exit::NotGenuine, ErrorCode::BadSignature, words));
    }
    let pinned = PinnedDomains::read(&layout)?.pin(&layout, &card, replace)?;
    let now = PinnedNow {
        domain: named.domain.to_string(),
        key: named.key.to_string(),
        changed: pinned != Pinned::Same,
        running: told(context)?,
    };
    context.out.show(&now, || {
        let what = if now.changed {
            "pinned"
        } else {
            "was pinned already"
        };
        let compare = if said.is_some() {
            String::new()
        } else {
            "\nCompare the key with what its operator says by another way; if it differs: domain unpin"
                .to_owned()
        };
        format!(
            "{} {what}, by the key {}{}{compare}",
            now.domain,
            now.key,
            when(now.running)
        )
    });
    Ok(())
}

fn unpin(context: &Context<'_>, domain: &str) -> Result<(), Fault> {
    let layout: Layout = context.layout()?;
    let domain: Domain = domain
        .parse()
        .map_err(|e: TextError| Fault::usage(e.to_string()))?;
    let key = |peers: &PinnedDomains| peers.get(&domain).map(|card| card.record.key.to_string());
    let peers = PinnedDomains::read(&layout)?;
    peers.unpin(&layout, &domain)?;
    let now = PinnedNow {
        domain: domain.to_string(),
        key: key(&peers).unwrap_or_default(),
        changed: true,
        running: told(context)?,
    };
    context.out.show(&now, || {
        format!(
            "{} is not pinned any more{}. What waits for it comes back to its senders when its time is over.",
            now.domain,
            when(now.running)
        )
    });
    Ok(())
}

/// Has the running relay take note; whether one runs.
fn told(context: &Context<'_>) -> Result<bool, Fault> {
    match context.ask::<Nothing>(&Request::DomainsChanged) {
        Ok(_) => Ok(true),
        Err(fault) if fault.exit == Exit::Unreachable => Ok(false),
        Err(fault) => Err(fault),
    }
}

fn when(running: bool) -> &'static str {
    if running {
        ""
    } else {
        "; no relay runs here, it takes note when it starts"
    }
}

fn list(context: &Context<'_>) -> Result<(), Fault> {
    let peers: Vec<PeerStanding> = context.ask(&Request::Domains)?;
    if peers.is_empty() {
        let words = "no other hospital is pinned here; `domain pin CARD` does it";
        return Err(Fault::new(Exit::NotFound, ErrorCode::NotFound, words));
    }
    for peer in &peers {
        context.out.show(peer, || text(peer));
    }
    Ok(())
}

fn text(peer: &PeerStanding) -> String {
    let heard = peer
        .heard_s
        .map_or_else(|| "not heard yet".to_owned(), |s| format!("heard {s} s ago"));
    let oldest = peer
        .oldest
        .as_ref()
        .map_or_else(String::new, |at| format!(", the oldest since {at}"));
    let trouble = peer
        .trouble
        .as_ref()
        .map_or_else(String::new, |why| format!("\n  TROUBLE: {why}"));
    let followed = match peer.followed {
        0 => String::new(),
        many => format!("; {many} mailboxes there are followed"),
    };
    format!(
        "{}  {heard}; {} wait{oldest}; {} answered, {} came back{followed}\n  key {}{trouble}",
        peer.domain, peer.waiting, peer.answered, peer.undelivered, peer.key
    )
}
