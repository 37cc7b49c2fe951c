//! Contacts as they are shown.

use telesphor_clinical::contact::Certainty;
use telesphor_clinical::text::Text;
use telesphor_identity::compare::{COMPARE_WORDS, Comparison};
use telesphor_vault::Records;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use super::record::all_known;
use crate::core::Profile;
use crate::core::records::{Acquaintance, Known};
use crate::error::Result;
use crate::views::{ContactState, ContactView};

/// One contact for a list.
pub(crate) fn view(profile: &Profile, known: &Known) -> ContactView {
    let record = &known.contact.record;
    let comparison = Comparison::of(&profile.identity, &record.identity);
    let state = match (known.removed, known.state, known.contact.certainty) {
        (true, ..) => ContactState::Removed,
        (_, Acquaintance::Answering, _) => ContactState::Awaiting,
        (_, _, Certainty::Unverified) => ContactState::Unverified,
        _ => ContactState::Verified,
    };
    ContactView {
        id: record.identity,
        alias: known.alias.clone(),
        name: record.petnames.first().map_or_else(String::new, Text::shown),
        domain: record
            .addresses
            .first()
            .map_or_else(|| profile.domain().clone(), |a| a.domain.clone()),
        state,
        words: comparison
            .words(COMPARE_WORDS)
            .into_iter()
            .map(str::to_owned)
            .collect(),
        number: comparison.digits(),
        attested: Vec::new(),
        since: known.contact.since.stamp(),
    }
}

/// Finds a contact by alias, by identity, or by the beginning of either, if only one fits.
pub(crate) fn find(records: &impl Records, who: &str) -> Result<Known> {
    let who = who.trim();
    let all = all_known(records)?;
    if let Ok(id) = who.parse::<IdentityId>() {
        return all
            .into_iter()
            .find(|k| k.contact.record.identity == id)
            .ok_or(ErrorCode::NotFound.into());
    }
    if let Some(exact) = all.iter().find(|k| k.alias == who && !k.removed) {
        return Ok(exact.clone());
    }
    let fits: Vec<&Known> = all
        .iter()
        .filter(|k| {
            !k.removed
                && !who.is_empty()
                && (k.alias.starts_with(who) || k.contact.record.identity.to_string().starts_with(who))
        })
        .collect();
    match fits.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(ErrorCode::NotFound.into()),
        _ => Err(ErrorCode::Ambiguous.into()),
    }
}
