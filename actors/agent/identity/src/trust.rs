//! Whose word a verifier takes, for which claims: chosen by him, never by the document.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use telesphor_clinical::header::Relation;
use telesphor_clinical::text::{Text, bounded};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{DocumentId, IdentityId};

use crate::evidence::Domains;

/// An authority whose word is taken for some claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Who.
    pub identity: IdentityId,
    /// The verifier's name for it.
    pub name: Text,
    /// Claim words, as [`crate::attestation::Claim::word`] gives them.
    #[serde(deserialize_with = "bounded::<64, _, _>")]
    pub words: Vec<Text>,
}

impl Anchor {
    /// Whether its word is taken for such a claim.
    pub fn covers(&self, word: &str) -> bool {
        self.words.iter().any(|w| w.as_str() == word)
    }
}

/// How old proofs may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// An author's history must have been seen current within this, milliseconds; `None` lets
    /// any age pass and says in the report how old it is.
    pub history_ms: Option<u64>,
    /// A status list may be this far past its `next_update`, milliseconds.
    pub list_grace_ms: u64,
}

impl Freshness {
    /// For offline reading: any age of histories, lists not past their time. The report says
    /// what is not known.
    pub const OFFLINE: Self = Self {
        history_ms: None,
        list_grace_ms: 0,
    };
    /// 7 days.
    pub const STANDARD: Self = Self {
        history_ms: Some(7 * 24 * 3600 * 1000),
        list_grace_ms: 0,
    };
    /// 24 hours, for prescribers.
    pub const PRESCRIBER: Self = Self {
        history_ms: Some(24 * 3600 * 1000),
        list_grace_ms: 0,
    };
}

/// The last that a verifier himself learnt of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenHead {
    /// Number of the last event.
    pub n: u64,
    /// Its hash.
    pub head: Digest,
    /// When it was last confirmed to be the last, Unix milliseconds.
    pub at: u64,
}

/// What a verifier brings: his anchors, the domains he pinned, what he has seen before, his
/// names for people, and his clock. Nothing here needs a network.
#[derive(Clone, Debug)]
pub struct Verifier {
    /// Whose word he takes.
    pub anchors: Vec<Anchor>,
    /// Whose receipts he believes.
    pub domains: Domains,
    /// Heads of histories that he has seen himself.
    pub heads: BTreeMap<IdentityId, SeenHead>,
    /// Highest sequence seen of each status list.
    pub sequences: BTreeMap<Digest, u64>,
    /// Documents that he knows to be replaced, amended or withdrawn, and by which.
    pub superseded: BTreeMap<DocumentId, Relation>,
    /// His names for people.
    pub names: BTreeMap<IdentityId, Text>,
    /// How old proofs may be.
    pub freshness: Freshness,
    /// Claim words that the author must hold; empty: any trusted claim is reported, none is
    /// demanded.
    pub demands: Vec<String>,
    /// Now, Unix milliseconds.
    pub now: u64,
}

impl Verifier {
    /// Remembers what a verdict has shown, so that nobody can go back behind it later.
    pub fn learn(&mut self, seen: &crate::report::Seen) {
        for (id, head) in &seen.heads {
            let known = self
                .heads
                .get(id)
                .is_some_and(|h| h.n > head.n || (h.n == head.n && h.at >= head.at));
            if !known {
                self.heads.insert(*id, *head);
            }
        }
        for (list, sequence) in &seen.lists {
            let highest = self.sequences.entry(*list).or_default();
            *highest = (*highest).max(*sequence);
        }
    }

    /// Somebody who trusts nobody and has seen nothing.
    pub fn new(now: u64) -> Self {
        Self {
            anchors: Vec::new(),
            domains: Domains::none(),
            heads: BTreeMap::new(),
            sequences: BTreeMap::new(),
            superseded: BTreeMap::new(),
            names: BTreeMap::new(),
            freshness: Freshness::OFFLINE,
            demands: Vec::new(),
            now,
        }
    }

    /// The verifier's name for somebody, or the first letters of the identity.
    pub fn name(&self, id: &IdentityId) -> String {
        if let Some(name) = self.names.get(id) {
            return name.shown();
        }
        if let Some(anchor) = self.anchors.iter().find(|a| a.identity == *id) {
            return anchor.name.shown();
        }
        let text = id.to_string();
        let (head, tail) = (
            text.get(..8).unwrap_or(&text),
            text.get(text.len().saturating_sub(4)..).unwrap_or(""),
        );
        format!("{head}..{tail}")
    }
}
