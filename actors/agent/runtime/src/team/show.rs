//! Teams as they are shown: who sits there by which turn, what changed and on whose word.

use serde::{Deserialize, Serialize};
use telesphor_clinical::roster::SignedRoster;
use telesphor_sealing::{GroupSession, Moved, Seat};
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{IdentityId, MailboxId};

use super::record::{Known, Standing, all_teams, view_of};
use super::roster::all_rosters;
use crate::core::records::{Held, MailboxState};
use crate::core::{Ctx, Profile, names};
use crate::documents::keep::Kept;
use crate::documents::send::SentRecord;
use crate::documents::show::People;
use crate::error::{Error, Result};
use crate::group::rows::Rows;
use crate::mailbox::open::NO_END;
use crate::views::{GrantView, LogLine, RosterView, Seen, TeamMember, TeamState, TeamView, TurnView};

const LOG: &[u8] = b"team-log";

/// One change of a team.
#[derive(Clone, Serialize, Deserialize)]
struct Line {
    mailbox: MailboxId,
    at: u64,
    by: IdentityId,
    came: Vec<IdentityId>,
    went: Vec<IdentityId>,
    edition: u64,
}

impl Ctx<'_, '_> {
    /// Notes a change for the patient's log and lists.
    pub(crate) fn note_change(&mut self, held: &Held, moved: &Moved) -> Result<()> {
        let Some(Known { team, terms }) = self.team(&held.id)? else {
            return Ok(());
        };
        let change = &moved.change;
        if team.standing != Standing::Own || (change.added.is_empty() && change.removed.is_empty()) {
            return Ok(());
        }
        let mut came: Vec<IdentityId> = change.added.iter().map(|m| m.identity).collect();
        let mut went: Vec<IdentityId> = change.removed.iter().map(|s| s.member.identity).collect();
        // Who goes out and comes in by one change has only found his way again.
        let both: Vec<IdentityId> = came.iter().filter(|id| went.contains(id)).copied().collect();
        came.retain(|id| !both.contains(id));
        went.retain(|id| !both.contains(id));
        let roster = self.roster(&terms.organisation)?;
        let line = Line {
            mailbox: held.id,
            at: self.now,
            by: change.by.member.identity,
            came: came.clone(),
            went,
            edition: roster.map_or(0, |s| s.roster.edition),
        };
        self.push(Table::Receipts, LOG, &line)?;
        let view = self.team_view(&held.id)?;
        for who in came {
            self.expect_opening(&who, &view.shown)?;
        }
        Ok(())
    }
}

fn lines(records: &impl Records) -> Result<Vec<Line>> {
    const LINES: usize = 65_536;
    let mut all = Vec::new();
    for (_, bytes) in records.newest(Table::Receipts, LOG, u64::MAX, LINES)? {
        all.push(canonical::decode(&bytes).map_err(|_| Error::fault("team log"))?);
    }
    Ok(all)
}

/// Everybody who ever came into a team, as far as it was seen here.
pub(crate) fn came_ever(records: &impl Records, mailbox: &MailboxId) -> Result<Vec<IdentityId>> {
    let here = lines(records)?.into_iter().filter(|l| l.mailbox == *mailbox);
    Ok(here.flat_map(|l| l.came).collect())
}

/// Somebody who tried to change the team against its rules, and is out for it.
fn put_out(people: &People, line: &Line, who: &IdentityId) -> LogLine {
    let words = "put out: tried to change the team in a way its rules do not allow";
    LogLine {
        at: line.at,
        came: line.at,
        who: Some(*who),
        alias: people.alias(who),
        what: "put-out",
        words: format!("{} was {words}", people.name(who)),
        document: None,
        seen: Seen::Alarm,
        device: String::new(),
        place: None,
        title: words.to_owned(),
    }
}

/// What a change is called in a log.
pub(crate) fn log(records: &impl Records, people: &People) -> Result<Vec<LogLine>> {
    let mut shown = discharges(records, people)?;
    for line in lines(records)? {
        let by = people.name(&line.by);
        let words = [
            (&line.came, "came-on-duty", "let in"),
            (&line.went, "went-off-duty", "let out"),
        ];
        for (who, what, did) in words {
            for id in who {
                if what == "went-off-duty" && view_of(records, &line.mailbox)?.is_barred(id) {
                    shown.push(put_out(people, &line, id));
                    continue;
                }
                shown.push(LogLine {
                    at: line.at,
                    came: line.at,
                    who: Some(*id),
                    alias: people.alias(id),
                    what,
                    words: format!(
                        "{} {did} by {by}, by edition {} of the roster",
                        people.name(id),
                        line.edition
                    ),
                    document: None,
                    seen: Seen::Plain,
                    device: String::new(),
                    place: None,
                    title: format!("{did} by {by}, by edition {} of the roster", line.edition),
                });
            }
        }
    }
    Ok(shown)
}

/// Discharges that ended what the patient had granted.
fn discharges(records: &impl Records, people: &People) -> Result<Vec<LogLine>> {
    let mut shown = Vec::new();
    for Known { team, terms } in all_teams(records)? {
        let ended = super::discharge::discharge_of(records, &team.mailbox)?;
        let Some((at, why)) = ended.filter(|_| people.is_me(&terms.patient)) else {
            continue;
        };
        let scopes: Vec<&str> = terms.scopes.iter().map(|s| s.as_str()).collect();
        let why = if why.is_empty() { why } else { format!(": {why}") };
        let title = format!("{} for {} has ended{why}", scopes.join(", "), terms.role);
        shown.push(LogLine {
            at,
            came: at,
            who: Some(terms.organisation),
            alias: people.alias(&terms.organisation),
            what: "discharged",
            words: format!("discharged by {}: {title}", people.name(&terms.organisation)),
            document: None,
            seen: Seen::Plain,
            device: String::new(),
            place: None,
            title,
        });
    }
    Ok(shown)
}

/// What members of one's own teams can see now: one line for each member and document.
pub(crate) fn who(records: &impl Records, profile: &Profile, people: &People) -> Result<Vec<GrantView>> {
    let mut views = Vec::new();
    for known in all_teams(records)? {
        let Known { team, terms } = &known;
        let over = team
            .over
            .or((terms.end <= crate::core::shared::clock()).then_some(terms.end));
        let own = terms.patient == profile.identity;
        if !own {
            continue;
        }
        let members = match team.standing {
            Standing::Own => seated(records, &team.mailbox, &profile.identity)?,
            _ => came_ever(records, &team.mailbox)?,
        };
        for id in view_of(records, &team.mailbox)?.shown {
            let Some(kept) = records.get_value::<Kept>(Table::Documents, &id.0)? else {
                continue;
            };
            // What somebody of the team wrote is that one's own.
            for who in members.iter().filter(|who| kept.header.author != **who) {
                let sent: Option<SentRecord> = records.get_value(Table::Receipts, &names::sent(&id, who))?;
                views.push(GrantView {
                    with: *who,
                    alias: format!("{} ({})", people.alias(who), terms.role),
                    document: id,
                    title: kept.header.title.shown(),
                    scopes: kept.header.scopes.iter().map(|s| s.as_str().to_owned()).collect(),
                    until: (terms.end != NO_END).then_some(terms.end),
                    given: false,
                    why: team.why.clone(),
                    opened: sent.and_then(|s| s.opened),
                    revoked: over,
                    acted: None,
                });
            }
        }
    }
    Ok(views)
}

/// People who sit in a team beside `me`.
pub(crate) fn seated(
    records: &impl Records,
    mailbox: &MailboxId,
    me: &IdentityId,
) -> Result<Vec<IdentityId>> {
    let session = GroupSession::load(&Rows(records), *mailbox)?;
    let seats = session.map(|s| s.members()).transpose()?.unwrap_or_default();
    Ok(beside(seats, me))
}

/// Whose seats these are, but for `me`.
pub(crate) fn beside(seats: Vec<Seat>, me: &IdentityId) -> Vec<IdentityId> {
    let mut people: Vec<IdentityId> = seats.into_iter().map(|s| s.member.identity).collect();
    people.retain(|who| who != me);
    people.sort_unstable();
    people.dedup();
    people
}

/// Every team known here.
pub(crate) fn teams(records: &impl Records, profile: &Profile, now: u64) -> Result<Vec<TeamView>> {
    let people = People::load(records, profile)?;
    let rosters = all_rosters(records)?;
    let mut views = Vec::new();
    for known in all_teams(records)? {
        views.push(team(records, profile, &known, (&people, &rosters), now)?);
    }
    Ok(views)
}

fn team(
    records: &impl Records,
    profile: &Profile,
    known: &Known,
    (people, rosters): (&People, &[SignedRoster]),
    now: u64,
) -> Result<TeamView> {
    let Known { team, terms } = known;
    let held: Option<Held> = records.get_value(Table::Mailboxes, &team.mailbox.0)?;
    let sits = held.as_ref().is_some_and(|h| h.state == MailboxState::Open);
    let state = match (team.standing, sits) {
        _ if terms.end <= now => TeamState::Over,
        (Standing::Over, _) => TeamState::Over,
        (Standing::Own, _) => TeamState::Own,
        (_, true) => TeamState::Sitting,
        (_, false) => TeamState::Called,
    };
    let roster = rosters
        .iter()
        .find(|s| s.roster.organisation == terms.organisation);
    let mut members = Vec::new();
    if sits && state != TeamState::Over {
        for who in seated(records, &team.mailbox, &profile.identity)? {
            let turns = roster.iter().flat_map(|s| s.roster.turns(&who, &terms.role));
            members.push(TeamMember {
                id: who,
                name: people.name(&who),
                patient: who == terms.patient,
                until: turns.map(|t| t.until.stamp()).max(),
            });
        }
    }
    Ok(TeamView {
        mailbox: team.mailbox,
        patient: terms.patient,
        patient_name: team.patient.clone(),
        organisation: terms.organisation,
        organisation_name: people.name(&terms.organisation),
        role: terms.role.clone(),
        scopes: terms.scopes.iter().map(|s| s.as_str().to_owned()).collect(),
        until: (terms.end != NO_END).then_some(terms.end),
        lease: held.map(|h| h.lease).filter(|lease| *lease != NO_END),
        why: team.why.clone(),
        state,
        discharged: super::discharge::discharge_of(records, &team.mailbox)?,
        members,
        documents: view_of(records, &team.mailbox)?.shown.len(),
    })
}

/// One team, by the beginning of its id; by the patient's name, if only one fits.
pub(crate) fn find(views: Vec<TeamView>, what: &str) -> Result<TeamView> {
    let what = what.trim();
    let mut fits = views.into_iter().filter(|t| {
        !what.is_empty() && (hex(&t.mailbox).starts_with(what) || t.patient_name.starts_with(what))
    });
    match (fits.next(), fits.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(ErrorCode::NotFound.into()),
        _ => Err(ErrorCode::Ambiguous.into()),
    }
}

/// Letters that name a team.
pub(crate) fn hex(mailbox: &MailboxId) -> String {
    use std::fmt::Write;
    mailbox.0.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// By which names organisations know their people, and people their patients.
pub(crate) fn staff(records: &impl Records) -> Result<Vec<(IdentityId, String)>> {
    let names = super::roster::all_names(records)?.into_iter();
    let mut all: Vec<(IdentityId, String)> = names.map(|(who, name)| (who, name.shown())).collect();
    for known in all_teams(records)? {
        if !known.team.patient.is_empty() {
            all.push((known.terms.patient, known.team.patient));
        }
    }
    Ok(all)
}

/// The rosters known here.
pub(crate) fn rosters(records: &impl Records, profile: &Profile) -> Result<Vec<RosterView>> {
    let people = People::load(records, profile)?;
    Ok(all_rosters(records)?.iter().map(|s| roster(&people, s)).collect())
}

pub(crate) fn roster(people: &People, signed: &SignedRoster) -> RosterView {
    let roster = &signed.roster;
    RosterView {
        organisation: roster.organisation,
        organisation_name: people.name(&roster.organisation),
        edition: roster.edition,
        issued: roster.issued.stamp(),
        until: roster.until.stamp(),
        turns: roster
            .entries
            .iter()
            .map(|e| TurnView {
                person: e.person,
                alias: people.alias(&e.person),
                name: e.name.shown(),
                role: e.role.shown(),
                place: e.place.shown(),
                from: e.from.stamp(),
                until: e.until.stamp(),
                source: e.source.word(),
                approved_by: e.approved_by.map(|id| people.name(&id)),
            })
            .collect(),
    }
}
