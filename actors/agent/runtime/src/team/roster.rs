//! Rosters: made and signed by the organisation, believed by whoever knows it.

use std::rc::Rc;

use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::limits::{MAX_ROSTER, VERSION};
use telesphor_clinical::roster::{Roster, RosterEntry, RosterSource, SignedRoster};
use telesphor_clinical::team::TeamWord;
use telesphor_clinical::text::Text;
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::IdentityId;

use crate::core::Ctx;
use crate::error::{Error, Result};
use crate::exchange::LARGEST_ELSEWHERE;

/// Names of everybody who ever stood on a roster seen here: logs outlive turns.
const NAMES: &[u8] = b"roster-names";
/// That many of them.
const MAX_NAMES: usize = 4096;
/// An edition goes into every seat of every team, beside the team itself, and to whoever writes from another
/// hospital: half of the largest message at most, bytes, with what it is sealed in.
const ROSTER_BYTES: usize = LARGEST_ELSEWHERE - 8 * 1024;
/// Whose rosters are kept here.
const ORGANISATIONS: &[u8] = b"rosters";

/// One turn, as somebody plans it.
#[derive(Clone, Debug)]
pub struct Turn {
    /// A contact, as a command line names it.
    pub person: String,
    /// In which role.
    pub role: String,
    /// From when, Unix milliseconds.
    pub from: u64,
    /// Until when, Unix milliseconds.
    pub until: u64,
    /// How it came about.
    pub source: RosterSource,
    /// Who approved it: a contact, or nobody if it was the plan.
    pub approved_by: Option<String>,
}

fn name(organisation: &IdentityId) -> Vec<u8> {
    [b"roster/", &organisation.0[..]].concat()
}

/// The newest edition of every roster known here.
pub(crate) fn all_rosters(records: &impl Records) -> Result<Vec<SignedRoster>> {
    let organisations: Vec<IdentityId> = records
        .get_value(Table::Groups, ORGANISATIONS)?
        .unwrap_or_default();
    let mut all = Vec::new();
    for organisation in organisations {
        all.extend(records.get_value(Table::Groups, &name(&organisation))?);
    }
    Ok(all)
}

/// By which names organisations know or knew their people.
pub(crate) fn all_names(records: &impl Records) -> Result<Vec<(IdentityId, Text)>> {
    Ok(records.get_value(Table::Groups, NAMES)?.unwrap_or_default())
}

impl Ctx<'_, '_> {
    /// The newest edition of an organisation's roster.
    pub(crate) fn roster(&self, organisation: &IdentityId) -> Result<Option<Rc<SignedRoster>>> {
        if let Some(read) = self.rosters.borrow().get(organisation) {
            return Ok(read.clone());
        }
        let read: Option<SignedRoster> = self.get(Table::Groups, &name(organisation))?;
        let read = read.map(Rc::new);
        self.rosters.borrow_mut().insert(*organisation, read.clone());
        Ok(read)
    }

    fn keep_roster(&mut self, signed: &SignedRoster) -> Result<()> {
        let organisation = signed.roster.organisation;
        let mut all: Vec<IdentityId> = self.get(Table::Groups, ORGANISATIONS)?.unwrap_or_default();
        if !all.contains(&organisation) {
            all.push(organisation);
            self.put(Table::Groups, ORGANISATIONS, &all)?;
        }
        let mut names = all_names(self.tx)?;
        for entry in &signed.roster.entries {
            names.retain(|(person, _)| *person != entry.person);
            names.push((entry.person, entry.name.clone()));
        }
        let over = names.len().saturating_sub(MAX_NAMES);
        names.drain(..over);
        self.put(Table::Groups, NAMES, &names)?;
        self.fx.teams = true;
        self.rosters.borrow_mut().remove(&organisation);
        self.put(Table::Groups, &name(&organisation), signed)
    }

    /// Makes the next edition of one's own roster: the turns of one place are replaced, those of
    /// other places stay unless they are over. Every contact of one's own hospital gets it.
    ///
    /// # Errors
    /// [`ErrorCode::NotForwardable`] for a turn of somebody at another hospital;
    /// [`ErrorCode::NotFound`]; [`ErrorCode::TooMany`]; [`ErrorCode::Usage`].
    pub(crate) fn publish_roster(&mut self, place: &str, until: u64, turns: &[Turn]) -> Result<SignedRoster> {
        let before = self.roster(&self.me())?;
        let mut entries: Vec<RosterEntry> = before.iter().flat_map(|s| s.roster.entries.clone()).collect();
        entries.retain(|e| e.place.as_str() != place && e.until.stamp() > self.now);
        for turn in turns {
            let who = crate::contacts::show::find(self.tx, &turn.person)?;
            let approved_by = match &turn.approved_by {
                Some(name) => Some(
                    crate::contacts::show::find(self.tx, name)?
                        .contact
                        .record
                        .identity,
                ),
                None => None,
            };
            let record = &who.contact.record;
            // Neither a seat nor a letter to the role would reach them.
            self.must_be_at_home(&record.identity)?;
            let called = record.petnames.first().cloned();
            entries.push(RosterEntry {
                person: record.identity,
                name: called.unwrap_or_else(|| Text::cut(&who.alias)),
                role: Text::cut(turn.role.trim()),
                place: Text::cut(place),
                from: Instant::now_of(turn.from, 0, Clock::Device),
                until: Instant::now_of(turn.until, 0, Clock::Device),
                source: turn.source,
                approved_by,
            });
        }
        if entries.len() > MAX_ROSTER {
            return Err(ErrorCode::TooMany.into());
        }
        let roster = Roster {
            version: VERSION,
            organisation: self.me(),
            head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            edition: before.map_or(1, |s| s.roster.edition + 1),
            issued: self.instant(),
            until: Instant::now_of(until, 0, Clock::Device),
            entries,
            ext: Extensions::none(),
        };
        if !roster.is_sound() || until <= self.now {
            return Err(ErrorCode::Usage.into());
        }
        let signature = self.keys.endpoint.sign(&roster);
        let signed = SignedRoster { roster, signature };
        if canonical::encode(&signed).len() > ROSTER_BYTES {
            return Err(ErrorCode::TooMany.into());
        }
        self.keep_roster(&signed)?;
        for to in self.told_of_rosters()? {
            self.tell_team(&to, TeamWord::Roster(Box::new(signed.clone())))?;
        }
        self.call_all()?;
        Ok(signed)
    }

    /// A roster has come, from whomever: it counts if the organisation is known here and signed
    /// it, and if it is newer than the one that is kept.
    pub(crate) fn roster_came(&mut self, signed: &SignedRoster) -> Result<()> {
        let roster = &signed.roster;
        let known = self.roster(&roster.organisation)?;
        if known.as_deref() == Some(signed) {
            // Checked when it was kept: each seat and each change of a ward brings it again.
            return Ok(());
        }
        self.check_roster(signed)?;
        if known.is_none_or(|k| k.roster.edition < roster.edition) {
            self.keep_roster(signed)?;
        }
        Ok(())
    }

    /// Whether an edition is the organisation's word, as far as its history is known here.
    pub(crate) fn check_roster(&self, signed: &SignedRoster) -> Result<()> {
        let roster = &signed.roster;
        let history = self
            .history(&roster.organisation)?
            .ok_or(Error::of(ErrorCode::BrokenHistory))?;
        let said = SignerSaid {
            identity: &roster.organisation,
            head: &roster.head,
            endpoint: &roster.endpoint,
        };
        history
            .check_signed(said, Judged::now(self.now), roster, &signed.signature)
            .map_err(|e| Error::of(e.code()))?;
        match roster.is_sound() {
            true => Ok(()),
            false => Err(ErrorCode::BadDocument.into()),
        }
    }
}
