//! How the exchange stands: for operators, metrics, and agents that want to seal something.

use std::sync::PoisonError;

use serde::{Deserialize, Serialize};
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::facts::{ExchangeFacts, PeerFacts};

use super::Exchange;
use crate::clock;

/// One other domain, as `domain peers` shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PeerStanding {
    /// Its name.
    pub domain: String,
    /// Its key: to be compared with what its operator says.
    pub key: String,
    /// Seconds since it was heard, since the relay began.
    pub heard_s: Option<u64>,
    /// Requests of our agents that it has not answered.
    pub waiting: u64,
    /// Mailboxes there that are followed from here: it answers when something comes.
    #[serde(default)]
    pub followed: u64,
    /// When the oldest of them came, RFC 3339.
    pub oldest: Option<String>,
    /// Requests that it has answered since the relay began.
    pub answered: u64,
    /// Requests that were given up since then, or that it could not open.
    pub undelivered: u64,
    /// Why it takes nothing, if it says so.
    pub trouble: Option<String>,
}

impl Exchange {
    /// The pinned domains, and how it stands with each.
    pub(crate) fn standing(&self) -> Vec<PeerStanding> {
        let peers = self.peers.read().unwrap_or_else(PoisonError::into_inner);
        let state = self.state();
        let one = |(domain, card): (
            &telesphor_wire::text::Domain,
            &telesphor_wire::domain::SignedDomainRecord,
        )| {
            let work = state
                .work
                .get(domain)
                .map(telesphor_rules::exchange::Work::standing);
            let work = work.unwrap_or_default();
            let heard = state.heard.get(domain);
            PeerStanding {
                domain: domain.to_string(),
                key: card.record.key.to_string(),
                heard_s: heard.and_then(|h| h.last).map(|last| last.elapsed().as_secs()),
                waiting: work.waiting as u64,
                followed: work.held as u64,
                oldest: work.oldest.map(clock::show),
                answered: heard.map_or(0, |h| h.answered),
                undelivered: heard.map_or(0, |h| h.undelivered),
                trouble: heard
                    .and_then(|h| h.trouble)
                    .map(|code| format!("{code}: {}", code.words())),
            }
        };
        peers.iter().map(one).collect()
    }

    /// What agents need to know.
    pub(crate) fn facts(&self) -> ExchangeFacts {
        let peers = self.peers.read().unwrap_or_else(PoisonError::into_inner);
        let state = self.state();
        ExchangeFacts {
            deposit: self.deposit.public(),
            peers: peers
                .iter()
                .map(|(domain, card)| PeerFacts {
                    record: card.clone(),
                    sealing: state.heard.get(domain).and_then(|heard| heard.sealing.clone()),
                })
                .collect(),
            ext: Extensions::none(),
        }
    }

    pub(super) fn measure(&self) {
        let state = self.state();
        let (mut waiting, mut oldest) = (0, None);
        for work in state.work.values() {
            let standing = work.standing();
            waiting += standing.waiting;
            oldest = oldest.into_iter().chain(standing.oldest).min();
        }
        drop(state);
        let age = oldest.map_or(0, |since: u64| self.now().saturating_sub(since) / 1000);
        let silent = self.silent();
        self.metrics
            .exchange
            .stands(self.road.connected(), waiting, age, silent);
    }

    /// Pinned domains that were not heard, and of which something is wanted.
    fn silent(&self) -> usize {
        let state = self.state();
        let not_heard = |domain| {
            let last = state.heard.get(domain).and_then(|heard| heard.last);
            last.is_none_or(|last| last.elapsed().as_secs() >= 30)
        };
        let waits = state.work.iter().filter(|(_, work)| work.is_waiting());
        waits.filter(|(domain, _)| not_heard(domain)).count()
    }
}
