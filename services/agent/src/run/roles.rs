//! `team role`, and `send` to a role.

use std::time::Duration;

use telesphor_agent::views::RoleView;
use telesphor_agent::{Agent, RoleAddress, RoleSend, Then};
use telesphor_wire::error::ErrorCode;

use super::session::Here;
use crate::args::{self, Role};
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::Row;

/// Where a call to `send` goes, if that is a role.
pub(super) async fn addressed(agent: &Agent, args: &args::Send) -> Result<Option<RoleSend>> {
    let Some(role) = super::teams::role_at(&args.who) else {
        return match args.then.is_empty() {
            true => Ok(None),
            false => Err(Fault::usage(
                "--then needs a role to begin with, as ROLE@WHO: its organisation's desk keeps the time"
                    .to_owned(),
            )),
        };
    };
    let to = known(agent, role).await?;
    let mut then = Vec::new();
    for word in &args.then {
        let (name, after) = match word.rsplit_once(':') {
            Some((name, time)) => {
                let after = crate::dates::length(time);
                let after = after.ok_or_else(|| Fault::usage(format!("{time} is no time, such as 30m")))?;
                (name, Some(after))
            }
            None => (word.as_str(), args.ack_by),
        };
        let role = super::teams::role_at(name)
            .ok_or_else(|| Fault::usage(format!("--then {word}: write it as ROLE@WHO")))?;
        let to_next = known(agent, role).await?;
        if to_next.organisation != to.organisation {
            return Err(Fault::usage(format!(
                "--then {word}: another organisation's desk knows nothing of it; name a role at {}",
                to.organisation
            )));
        }
        then.push(Then {
            to: to_next,
            after_ms: ms(after.unwrap_or_default()),
        });
    }
    let mut names: Vec<&str> = then
        .iter()
        .map(|t| t.to.role.as_str())
        .chain([to.role.as_str()])
        .collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(Fault::usage("--then names a role twice".to_owned()));
    }
    Ok(Some(RoleSend { to, then }))
}

fn ms(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// A role that can be written to, or why not.
async fn known(agent: &Agent, (role, name): (String, String)) -> Result<RoleAddress> {
    let organisation = super::teams::organisation(agent, &name).await?;
    let contact = agent.contact(&organisation).await?;
    let of_it: Vec<RoleView> = agent.roles().await?;
    let of_it: Vec<RoleView> = of_it
        .into_iter()
        .filter(|r| r.organisation == contact.id)
        .collect();
    if of_it.iter().any(|r| r.role == role) {
        return Ok(RoleAddress {
            organisation: contact.alias,
            role,
        });
    }
    let there: Vec<&str> = of_it.iter().map(|r| r.role.as_str()).collect();
    let what = match there.is_empty() {
        true => format!("{} has no role that one can write to", contact.name),
        false => format!(
            "no role {role} at {} that one can write to; there are: {}",
            contact.name,
            there.join(", ")
        ),
    };
    Err(Fault::of(ErrorCode::NotFound).with(what))
}

/// Who will get it now, in words.
pub(super) async fn say_who(here: &Here<'_>, agent: &Agent, way: &RoleSend) -> Result<()> {
    let contact = agent.contact(&way.to.organisation).await?;
    for role in agent.roles().await? {
        if role.organisation != contact.id {
            continue;
        }
        let then = way.then.iter().any(|t| t.to.role == role.role);
        if role.role != way.to.role && !then {
            continue;
        }
        let title = if role.name.is_empty() {
            &role.role
        } else {
            &role.name
        };
        let names = role.on_duty.as_ref().map(|names| names.join(", "));
        here.out.words(&match (names.as_deref(), then) {
            (None, false) => format!(
                "{title} at {}: whoever that is, by its roster there.",
                contact.name
            ),
            (None, true) => format!("Then: {title}"),
            (Some(""), false) => format!(
                "Nobody is {title} at {} now: it waits for whoever comes.",
                contact.name
            ),
            (Some(""), true) => format!("Then: {title}, nobody now"),
            (Some(names), false) => format!("{title} at {} now: {names}", contact.name),
            (Some(names), true) => format!("Then: {title}, now {names}"),
        });
    }
    Ok(())
}

/// `team role new|list`.
pub(super) async fn role(here: &Here<'_>, act: &Role) -> Result<Exit> {
    match act {
        Role::New(args) => {
            if args.role.trim().is_empty() || args.role.contains(['@', ':']) {
                return Err(Fault::usage(format!("{}: no word for a role", args.role)));
            }
            let agent = here.open(true).await?;
            let name = args.name.as_deref().unwrap_or(&args.role);
            let made = agent.new_role(&args.role, name).await?;
            here.out.one(&row(&made))?;
            here.let_go(agent).await;
            Ok(Exit::Done)
        }
        Role::List => {
            let (agent, stale) = here.open_fresh().await?;
            let rows: Vec<Row> = agent.roles().await?.iter().map(row).collect();
            here.out
                .list(&rows, "no role that can be written to is known here")?;
            here.finish(agent, stale).await
        }
    }
}

fn row(role: &RoleView) -> Row {
    let now = match &role.on_duty {
        Some(names) => names.join(", "),
        None => "known there".to_owned(),
    };
    Row::new()
        .text("address", "WRITE TO", &role.address)
        .text("name", "NAME", &role.name)
        .text("at", "AT", &role.organisation_name)
        .both("on_duty", "NOW", role.on_duty.clone(), &now)
        .more("role", role.role.clone(), "")
        .more("id", role.id.to_string(), "")
}
