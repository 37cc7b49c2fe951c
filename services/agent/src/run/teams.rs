//! `team`, and `share` and `revoke` for a role of an organisation.

use telesphor_agent::views::{ContactView, RosterView, TeamState, TeamView};
use telesphor_agent::{Agent, Draft, TeamRequest};
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::scope::Scopes;
use telesphor_wire::error::ErrorCode;

use super::roster_file::RosterFile;
use super::session::Here;
use crate::args::{self, Roster, Team};
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::{Progress, Row};
use crate::short;

/// Letters of a team's id that lists show.
const LETTERS: usize = 12;

/// `ROLE@WHO`: a role of an organisation, if it is one.
pub(super) fn role_at(text: &str) -> Option<(String, String)> {
    let (role, organisation) = text.rsplit_once('@')?;
    Some((role.trim().to_owned(), organisation.trim().to_owned()))
}

/// The organisation that a name or a domain means: a contact, or the one contact of that domain
/// whose roster is known.
pub(super) async fn organisation(agent: &Agent, name: &str) -> Result<String> {
    if agent.contact(name).await.is_ok() {
        return Ok(name.to_owned());
    }
    let rosters = agent.rosters().await?;
    let mut fits = agent
        .contacts()
        .await?
        .into_iter()
        .filter(|c| c.domain.to_string() == name && rosters.iter().any(|r| r.organisation == c.id));
    match (fits.next(), fits.next()) {
        (Some(one), None) => Ok(one.alias),
        (None, _) => Err(Fault::of(ErrorCode::NotFound).with(name.to_owned())),
        _ => Err(Fault::of(ErrorCode::Ambiguous).with(name.to_owned())),
    }
}

/// What an organisation's roles are granted: each role with its scopes.
pub(super) type Granted = (String, Vec<(String, Vec<String>)>);

/// `ROLE=SCOPE,SCOPE`: what one of several roles is granted.
fn role_and_scopes(word: &str) -> Option<(String, Vec<String>)> {
    let (role, scopes) = word.split_once('=')?;
    let scopes = scopes.split(',').map(|s| s.trim().to_owned()).collect();
    Some((role.trim().to_owned(), scopes))
}

/// Which roles are granted which scopes, if it is roles that are granted something.
pub(super) fn granted_to(args: &args::Share) -> Result<Option<Granted>> {
    if let Some((role, name)) = role_at(&args.whom) {
        let names: Option<Vec<String>> = args
            .what
            .iter()
            .map(|word| word.strip_prefix("scope:").map(str::to_owned))
            .collect();
        let names =
            names.ok_or_else(|| Fault::usage("to a role, scopes are granted: scope:NAME".to_owned()))?;
        return Ok(Some((name, vec![(role, names)])));
    }
    if !args.what.iter().any(|word| word.contains('=')) {
        return Ok(None);
    }
    let several: Option<Vec<_>> = args.what.iter().map(|word| role_and_scopes(word)).collect();
    let several = several
        .ok_or_else(|| Fault::usage("to several roles at once: ROLE=SCOPE,SCOPE for each".to_owned()))?;
    Ok(Some((args.whom.clone(), several)))
}

/// `share scope:NAME --with ROLE@WHO`, or `share ROLE=SCOPE,SCOPE ... --with WHO`: preview, yes, done.
pub(super) async fn share(here: &Here<'_>, args: &args::Share, (name, granted): Granted) -> Result<Exit> {
    let until = match args.until.as_str() {
        super::sharing::UNTIL_REVOKED => None,
        when => Some(here.until(when)?),
    };
    let agent = here.open(true).await?;
    let organisation = organisation(&agent, &name).await?;
    let to = agent.contact(&organisation).await?;
    super::sharing::refuse_unverified(here, &to, args.unverified)?;
    let mut requests = Vec::new();
    for (role, names) in granted {
        let request = TeamRequest {
            organisation: organisation.clone(),
            role,
            scopes: super::documents::scopes(&names)?,
            until,
            why: args.why.clone(),
            although_unverified: args.unverified,
        };
        // Everything is looked at before anything is granted.
        let (plan, roster) = agent
            .plan_team(&request)
            .await
            .map_err(|error| match error.code {
                ErrorCode::NotFound => {
                    Fault::from(error).with(format!("no roster of {} has come yet", to.name))
                }
                _ => Fault::from(error),
            })?;
        refuse_unknown_role(&agent, &request, &to, &roster).await?;
        for line in preview(here, &request, &to.name, &roster) {
            here.out.words(&line);
        }
        for line in super::sharing::plan_lines(&plan) {
            here.out.words(&line);
        }
        if plan.shown.is_empty() {
            let words = format!("there is no document to share with {}", request.role);
            return Err(Fault::of(ErrorCode::NotFound).with(words));
        }
        requests.push(request);
    }
    here.out.words(EVERYBODY);
    here.out.words(match until {
        Some(_) => "The relay ends it then by its own clock, with every device switched off.",
        None => "It ends when you revoke it.",
    });
    if !args.yes && here.asking().can_ask() && !here.asking().yes("Share?")? {
        here.out.words("nothing was shared");
        agent.close().await;
        return Ok(Exit::Refused);
    }
    let mut rows = Vec::new();
    for request in requests {
        let team = agent
            .share_team(request)
            .await
            .map_err(|error| match error.code {
                ErrorCode::AdmissionInvalid => Fault::from(error).then("telesphor identity admit LINK"),
                _ => Fault::from(error),
            })?;
        rows.push(row(here, &team));
    }
    let progress = Progress::start(here.out, "telling the organisation");
    let told = agent.settle(here.wait()).await;
    drop(progress);
    match rows.as_slice() {
        [one] => here.out.one(one)?,
        several => here.out.list(several, "")?,
    }
    agent.close().await;
    told.map(|()| Exit::Done).map_err(Fault::from)
}

/// A role that an organisation does not have is a slip of the pen: it would be granted to nobody.
async fn refuse_unknown_role(
    agent: &Agent,
    request: &TeamRequest,
    to: &ContactView,
    roster: &RosterView,
) -> Result<()> {
    let mut there: Vec<String> = roster.turns.iter().map(|t| t.role.clone()).collect();
    let written_to = agent.roles().await?.into_iter();
    there.extend(written_to.filter(|r| r.organisation == to.id).map(|r| r.role));
    there.sort();
    there.dedup();
    if there.contains(&request.role) {
        return Ok(());
    }
    Err(Fault::of(ErrorCode::NotFound).with(format!(
        "no role {} on the roster of {}; there are: {}",
        request.role,
        to.name,
        there.join(", ")
    )))
}

/// Who it means, in words.
fn preview(here: &Here<'_>, request: &TeamRequest, name: &str, roster: &RosterView) -> Vec<String> {
    let now = here.now_ms();
    let mut today: Vec<String> = Vec::new();
    for turn in &roster.turns {
        if turn.role == request.role && turn.from <= now && now < turn.until && !today.contains(&turn.name) {
            today.push(turn.name.clone());
        }
    }
    vec![match today.is_empty() {
        true => format!("Nobody is on duty as {} at {name} now.", request.role),
        false => format!("On duty as {} at {name} now: {}.", request.role, today.join(", ")),
    }]
}

const EVERYBODY: &str = "Whoever they put on duty in a role will see what is listed for it, until the turn is over and you or \
somebody of the team is online to carry that out. `telesphor log` tells you of everybody who comes and goes.";

/// `revoke ROLE@WHO`.
pub(super) async fn revoke(
    here: &Here<'_>,
    args: &args::Revoke,
    (role, name): (String, String),
) -> Result<Exit> {
    let mut names = Vec::new();
    for word in &args.what {
        let scope = word.strip_prefix("scope:");
        names.push(
            scope
                .ok_or_else(|| Fault::usage("a role was granted scopes: scope:NAME".to_owned()))?
                .to_owned(),
        );
    }
    let scopes: Scopes = super::documents::scopes(&names)?;
    let agent = here.open(true).await?;
    let organisation = organisation(&agent, &name).await?;
    let ended = agent.revoke_team(&organisation, &role, scopes).await?;
    let progress = Progress::start(here.out, "ending it at the relay");
    let told = agent.settle(here.wait()).await;
    drop(progress);
    super::sharing::show_revoked(here, &args.who, &ended)?;
    agent.close().await;
    told.map(|()| Exit::Done).map_err(Fault::from)
}

/// `team list|show|write|roster`.
pub(super) async fn team(here: &Here<'_>, act: &Team) -> Result<Exit> {
    match act {
        Team::List => {
            let (agent, stale) = here.open_fresh().await?;
            let rows: Vec<Row> = agent.teams().await?.iter().map(|t| row(here, t)).collect();
            here.out.list(&rows, "no team")?;
            here.finish(agent, stale).await
        }
        Team::Show(args) => {
            let (agent, stale) = here.open_fresh().await?;
            let team = agent.team(&args.team).await?;
            for line in words(here, &team) {
                here.out.words(&line);
            }
            let rows: Vec<Row> = team
                .members
                .iter()
                .map(|m| {
                    let until = m.until.map_or_else(String::new, |ms| here.out.short(ms));
                    let role = if m.patient { "patient" } else { &team.role };
                    Row::new()
                        .text("name", "NAME", &m.name)
                        .text("role", "ROLE", role)
                        .instant("until", "TURN UNTIL", m.until, &until)
                        .more("id", m.id.to_string(), "")
                })
                .collect();
            here.out.list(&rows, "nobody sits there")?;
            here.finish(agent, stale).await
        }
        Team::Write(args) => write(here, args).await,
        Team::Discharge(args) => discharge(here, args).await,
        Team::Roster(act) => roster(here, act).await,
        Team::Role(act) => super::roles::role(here, act).await,
        Team::Staff(act) => super::ward::staff(here, act).await,
        Team::Desk => super::desk::desk(here).await,
        Team::Serve(args) => super::desk::serve(here, args).await,
    }
}

fn state(team: &TeamView) -> &'static str {
    match team.state {
        TeamState::Own => "looks at my record",
        TeamState::Sitting => "I sit there",
        TeamState::Called => "I am called there",
        TeamState::Over => "over",
    }
}

fn row(here: &Here<'_>, team: &TeamView) -> Row {
    let id: String = team.mailbox.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let until = team
        .until
        .map_or_else(|| "until revoked".to_owned(), |ms| here.out.short(ms));
    let people = team.members.iter().filter(|m| !m.patient).count();
    Row::new()
        .both("id", "ID", id.clone(), &short::cut(&id, LETTERS))
        .text("patient", "PATIENT", &team.patient_name)
        .text("role", "ROLE", &team.role)
        .text("at", "AT", &team.organisation_name)
        .both("scopes", "SCOPES", team.scopes.clone(), &team.scopes.join(", "))
        .both("people", "PEOPLE", people as u64, &people.to_string())
        .instant("until", "UNTIL", team.until, &until)
        .text("state", "STATE", state(team))
        .more("documents", team.documents as u64, "")
        .more("why", team.why.clone(), "")
        .more("served_until", crate::out::rfc3339(team.lease), "")
        .more(
            "discharged",
            crate::out::rfc3339(team.discharged.as_ref().map(|(at, _)| *at)),
            "",
        )
}

fn words(here: &Here<'_>, team: &TeamView) -> Vec<String> {
    let mut lines = vec![format!(
        "{}: {} for {} at {}; {} documents. What for: {}",
        team.patient_name,
        team.scopes.join(", "),
        team.role,
        team.organisation_name,
        team.documents,
        team.why
    )];
    if let Some((at, why)) = &team.discharged {
        let why = if why.is_empty() {
            String::new()
        } else {
            format!(": {why}")
        };
        let at = here.out.to_the_minute(*at);
        lines.push(format!("Discharged by {} on {at}{why}", team.organisation_name));
    } else if let Some(lease) = team.lease {
        lines.push(format!(
            "The relay serves it until {}, and longer as new editions of the roster come.",
            here.out.short(lease)
        ));
    }
    lines
}

/// `team discharge`.
async fn discharge(here: &Here<'_>, args: &args::TeamDischarge) -> Result<Exit> {
    let agent = here.open(true).await?;
    let who = agent.contact(&args.who).await?;
    let ended = match agent.discharge(&args.who, args.why.clone()).await {
        Ok(ended) => ended,
        Err(error) => {
            agent.close().await;
            let words = format!("{} has granted nothing here that still runs", who.name);
            return Err(match error.code {
                ErrorCode::NotFound => Fault::from(error).with(words),
                _ => Fault::from(error),
            });
        }
    };
    here.out.one(
        &Row::new()
            .text("who", "WHO", &who.name)
            .both(
                "ended",
                "GRANTS ENDED",
                ended.grants as u64,
                &ended.grants.to_string(),
            )
            .both(
                "told",
                "PEOPLE TOLD",
                ended.people as u64,
                &ended.people.to_string(),
            ),
    )?;
    let progress = Progress::start(here.out, "telling them");
    let told = agent.settle(here.wait()).await;
    drop(progress);
    agent.close().await;
    told.map(|()| Exit::Done).map_err(Fault::from)
}

async fn write(here: &Here<'_>, args: &args::TeamWrite) -> Result<Exit> {
    let text = super::input::text(&args.file)?;
    let agent = here.open(true).await?;
    let team = agent.team(&args.team).await?;
    let first = text.lines().next().unwrap_or_default().to_owned();
    let title = args.title.clone().unwrap_or(first);
    let mut draft = Draft::new(DocumentKind::Note, "text/plain", &title, text.into_bytes());
    draft.subject = Some(team.patient);
    draft.role = Some(team.role.clone());
    let names: Vec<String> = match args.scope.is_empty() {
        true => team.scopes.iter().take(1).cloned().collect(),
        false => args.scope.clone(),
    };
    draft.scopes = super::documents::scopes(&names)?;
    let written = agent.write_in_team(&args.team, draft).await?;
    here.out.one(
        &Row::new()
            .both(
                "id",
                "ID",
                written.id.to_string(),
                &short::cut(&written.id.to_string(), LETTERS),
            )
            .text("title", "TITLE", &written.title)
            .text("patient", "PATIENT", &team.patient_name),
    )?;
    let told = agent.settle(here.wait()).await;
    agent.close().await;
    told.map(|()| Exit::Done).map_err(Fault::from)
}

async fn roster(here: &Here<'_>, act: &Roster) -> Result<Exit> {
    match act {
        Roster::Publish(args) => {
            let file = RosterFile::read(&super::input::text(&args.file)?)?;
            let (turns, over) = file.to_come(here.now_ms())?;
            let good = here.until(&args.good)?;
            let (agent, stale) = here.open_fresh().await?;
            // Turns by a wrong clock would let nobody in, or everybody.
            if let Some(fault) = stale.filter(|f| f.code == ErrorCode::ClockWrong) {
                agent.close().await;
                return Err(fault);
            }
            for name in turns.iter().flat_map(|t| t.approved_by.iter().chain([&t.person])) {
                if let Err(error) = agent.contact(name).await {
                    agent.close().await;
                    return Err(Fault::from(error).with(format!("{name} is no contact of this organisation")));
                }
            }
            if !over.is_empty() {
                here.out
                    .words(&format!("left out, because over: {}", over.join(", ")));
            }
            let published = agent.publish_roster(&file.place, good, turns).await?;
            here.out.words(&format!(
                "edition {}: {} turns in all; it goes to every contact",
                published.edition,
                published.turns.len()
            ));
            let told = agent.settle(here.wait()).await;
            agent.close().await;
            told.map(|()| Exit::Done).map_err(Fault::from)
        }
        Roster::Show => {
            let (agent, stale) = here.open_fresh().await?;
            let rosters = agent.rosters().await?;
            let mut rows = Vec::new();
            for one in &rosters {
                here.out.words(&format!(
                    "{}: edition {}, good until {}",
                    one.organisation_name,
                    one.edition,
                    here.out.short(one.until)
                ));
                rows.extend(one.turns.iter().map(|turn| {
                    Row::new()
                        .text("at", "AT", &one.organisation_name)
                        .text("place", "PLACE", &turn.place)
                        .text("name", "NAME", &turn.name)
                        .text("role", "ROLE", &turn.role)
                        .instant("from", "FROM", Some(turn.from), &here.out.short(turn.from))
                        .instant("until", "UNTIL", Some(turn.until), &here.out.short(turn.until))
                        .text("source", "SOURCE", turn.source)
                        .more("approved_by", turn.approved_by.clone(), "")
                        .more("person", turn.person.to_string(), "")
                        .more("edition", one.edition, "")
                }));
            }
            here.out.list(&rows, "no roster is known here")?;
            here.finish(agent, stale).await
        }
        Roster::Export(args) => {
            let agent = here.open(false).await?;
            let me = agent.me().await?.id;
            let rosters = agent.rosters().await?;
            let own = rosters.iter().find(|r| r.organisation == me);
            let own = own.ok_or_else(|| Fault::of(ErrorCode::NotFound))?;
            let text = RosterFile::of(own, &args.place)?.to_text()?;
            here.out.bytes(text.as_bytes())?;
            agent.close().await;
            Ok(Exit::Done)
        }
    }
}
