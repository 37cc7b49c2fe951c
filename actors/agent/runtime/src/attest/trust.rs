//! Whose word is accepted for what: chosen here, never by a document.

use telesphor_clinical::text::Text;
use telesphor_identity::trust::{Anchor, Freshness, SeenHead, Verifier};
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::ids::IdentityId;

use crate::contacts::record::all_known;
use crate::core::{Ctx, Profile};
use crate::error::{Error, Result};
use crate::people;

/// Every anchor.
pub(crate) fn anchors(records: &impl Records) -> Result<Vec<Anchor>> {
    let mut all = Vec::new();
    for (_, bytes) in records.scan(Table::Trust)? {
        if let Ok(anchor) = canonical::decode::<Anchor>(&bytes) {
            all.push(anchor);
        }
    }
    Ok(all)
}

/// A verifier with what is known here. `now` is Unix milliseconds.
pub(crate) fn verifier(records: &impl Records, profile: &Profile, now: u64) -> Result<Verifier> {
    let mut verifier = Verifier::new(now);
    verifier.anchors = anchors(records)?;
    verifier.domains = people::domains(profile);
    verifier.freshness = Freshness::OFFLINE;
    verifier.names.insert(profile.identity, Text::cut(&profile.name));
    for known in all_known(records)? {
        let record = &known.contact.record;
        let name = record
            .petnames
            .first()
            .cloned()
            .unwrap_or_else(|| Text::cut(&known.alias));
        verifier.names.insert(record.identity, name);
    }
    for anchor in &verifier.anchors {
        verifier.names.insert(anchor.identity, anchor.name.clone());
    }
    let mut ids: Vec<IdentityId> = verifier.names.keys().copied().collect();
    ids.push(profile.identity);
    for id in ids {
        if let Some((_, history)) = people::history(records, profile, &id)? {
            let head = SeenHead {
                n: history.now().n,
                head: history.head(),
                at: now,
            };
            verifier.heads.insert(id, head);
        }
    }
    Ok(verifier)
}

impl Ctx<'_, '_> {
    /// Accepts an authority's word for a claim. `card` is its history, as `my_card` gives it.
    pub(crate) fn trust(&mut self, card: &[u8], name: &str, word: &str) -> Result<Anchor> {
        let history =
            telesphor_identity::history::History::from_bytes(card).map_err(|e| Error::of(e.code()))?;
        let id = history.id();
        self.learn_history(&id, card)?;
        let mut anchor: Anchor = self.get(Table::Trust, &id.0)?.unwrap_or(Anchor {
            identity: id,
            name: Text::cut(name),
            words: Vec::new(),
        });
        if !name.is_empty() {
            anchor.name = Text::cut(name);
        }
        if !anchor.covers(word) {
            anchor.words.push(Text::cut(word));
        }
        self.put(Table::Trust, &id.0, &anchor)?;
        let entry = telesphor_clinical::self_entry::SelfEntry::Anchor(canonical::encode(&anchor).into());
        self.own(entry)?;
        Ok(anchor)
    }
}
