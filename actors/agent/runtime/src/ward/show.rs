//! People at shared devices, in words.

use telesphor_clinical::header::Header;
use telesphor_clinical::present::WrittenBy;
use telesphor_clinical::receipt::{Person, Presence, SignedPresence, SignedReceipt, StaffPseudonym};
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_vault::Records;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::PublicKey;

use super::judge::is_proved;
use super::record::{SignedIn, presences, pseudonyms};
use super::staff::code;
use crate::core::Profile;
use crate::core::shared::clock;
use crate::documents::show::People;
use crate::error::Result;
use crate::people;
use crate::views::{HandView, NamedStaff, PresenceView, PresentView};

/// Who opened something, as a line of the log says it.
pub(crate) struct Opener {
    /// Who, to be filtered by: the person, or the place if nobody else is proved.
    pub(crate) who: IdentityId,
    /// In words.
    pub(crate) name: String,
    /// At which device.
    pub(crate) device: String,
}

/// The name of a device of somebody's; empty if its history is not here.
fn device_of(records: &impl Records, profile: &Profile, of: &IdentityId, key: &PublicKey) -> Result<String> {
    let history = people::history(records, profile, of)?;
    let device = history.and_then(|(_, h)| h.now().endpoint(key).map(|e| e.record.name.shown()));
    Ok(device.unwrap_or_default())
}

fn place_words(people: &People, place: &IdentityId, device: &str) -> String {
    match device.is_empty() {
        true => people.name(place),
        false => format!("{}, \"{device}\"", people.name(place)),
    }
}

/// By which name somebody goes who said that he was there.
fn present_name(people: &People, said: &Presence) -> String {
    match (people.known_name(&said.person), said.said_name()) {
        (Some(known), _) => known,
        (None, Some(own)) => format!("somebody who goes by \"{}\"", own.shown()),
        (None, None) => people.name(&said.person),
    }
}

fn staff_words(people: &People, staff: &StaffPseudonym) -> String {
    format!(
        "{} of {} under the pseudonym {}",
        staff.role.shown(),
        people.name(&staff.organisation),
        code(&staff.key)
    )
}

/// Who opened, accepted or declined something.
pub(crate) fn opener(
    records: &impl Records,
    profile: &Profile,
    people: &People,
    signed: &SignedReceipt,
) -> Result<Opener> {
    let receipt = &signed.receipt;
    let place = receipt.place;
    let plain = |name: String| Opener {
        who: place,
        name,
        device: String::new(),
    };
    let (who, name) = match (&receipt.person, &receipt.presence) {
        (None, _) => return Ok(plain(people.name(&place))),
        (Some(Person::Identity(person)), _) if *person == place => return Ok(plain(people.name(&place))),
        (Some(Person::Identity(person)), said) => {
            let name = said.as_ref().map_or_else(
                || people.name(person),
                |said| present_name(people, &said.statement),
            );
            (*person, name)
        }
        (Some(Person::Staff(staff)), _) => (place, staff_words(people, staff)),
    };
    let device = device_of(records, profile, &place, &receipt.at_endpoint)?;
    let at = place_words(people, &place, &device);
    Ok(match is_proved(records, profile, signed, clock())? {
        true => Opener {
            who,
            name: format!("{name}, at {at}"),
            device,
        },
        false => Opener {
            who: place,
            name: format!("{at}, which names {name}; NOTHING PROVES WHO IT WAS"),
            device,
        },
    })
}

/// Who answered to a document, if somebody else than the one asked is named.
pub(crate) fn answered_by(
    records: &impl Records,
    profile: &Profile,
    people: &People,
    signed: &SignedReceipt,
) -> Result<String> {
    match &signed.receipt.person {
        Some(Person::Identity(person)) if *person != signed.receipt.place => {}
        Some(Person::Staff(_)) => {}
        _ => return Ok(String::new()),
    }
    Ok(opener(records, profile, people, signed)?.name)
}

/// Who wrote a document that a place signed, as far as its header and the histories here tell.
pub(crate) fn hand(
    records: &impl Records,
    profile: &Profile,
    people: &People,
    header: &Header,
) -> Result<Option<HandView>> {
    Ok(match WrittenBy::of(header) {
        None | Some(WrittenBy::Foreign(_)) => None,
        Some(WrittenBy::Staff(staff)) => Some(HandView {
            name: staff_words(people, &staff),
            device: String::new(),
            until: None,
            proved: staff.organisation == header.author,
        }),
        Some(WrittenBy::Present(signed)) => {
            let said = &signed.statement;
            Some(HandView {
                name: present_name(people, said),
                device: device_of(records, profile, &said.place, &said.at_endpoint)?,
                until: Some(said.until.stamp()),
                proved: was_there(records, profile, &signed, header)?,
            })
        }
    })
}

/// Whether somebody said that he was at a device of the author's when a document was written.
fn was_there(
    records: &impl Records,
    profile: &Profile,
    signed: &SignedPresence,
    header: &Header,
) -> Result<bool> {
    let said = &signed.statement;
    let at = header.recorded.unix_ms;
    let then = said.place == header.author && said.from.unix_ms <= at && at <= said.until.unix_ms;
    let Some((_, history)) = people::history(records, profile, &said.person)? else {
        return Ok(false);
    };
    let signer = SignerSaid {
        identity: &said.person,
        head: &said.person_head,
        endpoint: &said.by_endpoint,
    };
    // His device may have ended since: it counts as of when he said it.
    let judged = Judged {
        at: said.from.stamp(),
        proved: false,
    };
    Ok(then
        && history
            .check_signed(signer, judged, said, &signed.signature)
            .is_ok())
}

/// Whoever is signed in here.
pub(crate) fn present(profile: &Profile, here: &SignedIn) -> PresentView {
    let said = &here.presence.statement;
    PresentView {
        person: said.person,
        name: here.name.clone(),
        role: here.role.clone(),
        place: profile.name.clone(),
        device: profile.endpoint.clone(),
        until: said.until.stamp(),
    }
}

/// Everybody who said that he was at a device of this place, newest first.
pub(crate) fn all_present(records: &impl Records, profile: &Profile) -> Result<Vec<PresenceView>> {
    let mut all: Vec<PresenceView> = Vec::new();
    for known in presences(records)? {
        let said = &known.presence.statement;
        // That somebody left is told as a second word about the same presence.
        let same = |p: &PresenceView| {
            (p.person, p.from, p.key) == (said.person, said.from.stamp(), said.at_endpoint)
        };
        if all.iter().any(same) {
            continue;
        }
        all.push(PresenceView {
            person: said.person,
            name: known.name.clone(),
            role: known.role.clone(),
            key: said.at_endpoint,
            device: device_of(records, profile, &said.place, &said.at_endpoint)?,
            from: said.from.stamp(),
            until: known.left.unwrap_or_else(|| said.until.stamp()),
            left: known.left.is_some(),
        });
    }
    Ok(all)
}

/// Who goes by a pseudonym, for the organisation that gave it.
pub(crate) fn open(records: &impl Records, profile: &Profile, what: &str) -> Result<Option<NamedStaff>> {
    let people = People::load(records, profile)?;
    let all = pseudonyms(records)?;
    let Some(found) = all.into_iter().find(|p| code(&p.key) == what.trim()) else {
        return Ok(None);
    };
    let mut presences = all_present(records, profile)?;
    presences.retain(|p| p.person == found.person);
    Ok(Some(NamedStaff {
        code: code(&found.key),
        person: found.person,
        name: found.name,
        role: found.role,
        towards: people.name(&found.towards),
        presences,
    }))
}
