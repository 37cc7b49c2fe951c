//! `lab ...`.

use telesphor_agent::views::LabOrderView;
use telesphor_agent::{Agent, LabDraft, LabReport, LabTerms};
use telesphor_clinical::lab::catalogue;
use telesphor_clinical::lab::code::LabCode;
use telesphor_clinical::lab::order::{About, AgeBand, Sex};
use telesphor_clinical::lab::values;
use telesphor_clinical::text::Text;
use telesphor_wire::error::ErrorCode;

use super::durable::letters;
use super::session::Here;
use crate::args::{
    Lab, LabAllow, LabCollected, LabDesk, LabMatch, LabOpen, LabOrder, LabReject, LabResult, LabSample,
    LabWhich,
};
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::Progress;
use crate::shown;

/// `lab ...`.
pub(super) async fn lab(here: &Here<'_>, act: &Lab) -> Result<Exit> {
    match act {
        Lab::Order(args) => order(here, args).await,
        Lab::Open(args) => open(here, args).await,
        Lab::Match(args) => match_result(here, args).await,
        Lab::Collected(args) => collected(here, args).await,
        Lab::Ack(args) => acknowledge(here, args).await,
        Lab::Resend(args) => resend(here, args).await,
        Lab::Desk(args) => desk(here, args).await,
        Lab::Allow(args) => allow(here, args).await,
        Lab::Receive(args) => sample(here, args, None).await,
        Lab::Reject(args) => reject(here, args).await,
        Lab::Result(args) => result(here, args).await,
    }
}

/// An instant that somebody wrote, Unix milliseconds.
fn when_ms(here: &Here<'_>, when: &str) -> Result<u64> {
    Ok(crate::dates::at(when, here.out.now, &here.out.zone)?.ms())
}

/// What is wrong with a code, in the words of its reader.
fn check_code(what: &str, text: &str) -> Result<()> {
    match text.parse::<LabCode>() {
        Ok(_) => Ok(()),
        Err(fault) => Err(Fault::of(ErrorCode::LabCodeWrong).with(format!("{what}: {fault}"))),
    }
}

/// Waits until what was said is with a relay, and shows where the order stands.
async fn settled(here: &Here<'_>, agent: Agent, view: &LabOrderView) -> Result<Exit> {
    let progress = Progress::start(here.out, "waiting until it is durable");
    let settled = agent.settle(here.wait()).await;
    drop(progress);
    let letters = letters(&agent).await?;
    here.out
        .one(&shown::lab::order(here.out, view, letters, here.now_ms()))?;
    agent.close().await;
    settled.map(|()| Exit::Done).map_err(Fault::from)
}

fn draft(args: &LabOrder) -> Result<LabDraft> {
    let sex = match args.sex.as_deref() {
        Some(word) => Some(Sex::from_word(word).ok_or_else(|| Fault::usage("--sex is `female` or `male`"))?),
        None => None,
    };
    let previous = args.previous.as_deref().map(Text::new).transpose();
    Ok(LabDraft {
        tests: args.tests.iter().map(|t| catalogue::test(t)).collect(),
        about: About {
            age: args.age.map(AgeBand::of),
            sex,
            fasting: args.fasting.then_some(true),
            previous: previous.map_err(|_| Fault::usage("--previous is too long"))?,
        },
        urgent: args.urgent,
        hold: args.hold,
        scopes: super::documents::scopes(&args.scope)?,
    })
}

async fn order(here: &Here<'_>, args: &LabOrder) -> Result<Exit> {
    let draft = draft(args)?;
    let agent = here.open(true).await?;
    let patient = agent.contact(&args.patient).await?;
    super::sharing::refuse_unverified(here, &patient, args.unverified)?;
    let progress = Progress::start(here.out, "asking the hospital's program for today's pass");
    let ordered = agent
        .lab_order(&args.patient, args.at.clone(), draft, here.wait())
        .await;
    drop(progress);
    let view = match ordered {
        Err(error) if error.code == ErrorCode::NotYetDurable => {
            here.let_go(agent).await;
            return Err(Fault::from(error)
                .with("the hospital's program has not answered; nothing was ordered")
                .then("the same command again when it is online"));
        }
        other => other?,
    };
    let exit = settled(here, agent, &view).await?;
    here.out.hint(&format!(
        "On the tube: {}   on the form: {}   and no name on either.",
        view.tube, view.form
    ));
    Ok(exit)
}

async fn open(here: &Here<'_>, args: &LabOpen) -> Result<Exit> {
    let (agent, stale) = here.open_fresh().await?;
    let letters = letters(&agent).await?;
    let orders = agent.lab_orders().await?;
    let now = here.now_ms();
    let waits = |o: &&LabOrderView| {
        let unheard = o.critical.is_some() && o.acknowledged.is_none();
        args.all || o.state.is_open() || unheard || o.unsent.is_some()
    };
    let mut all: Vec<&LabOrderView> = orders.made.iter().chain(&orders.came).filter(waits).collect();
    // Whom somebody must call comes first, then what somebody waits for, then the oldest.
    all.sort_by_key(|o| (o.critical.is_none() || o.acknowledged.is_some(), !o.urgent, o.at));
    let rows: Vec<_> = all
        .iter()
        .map(|o| shown::lab::order(here.out, o, letters, now))
        .collect();
    let nothing = if args.all {
        "no laboratory orders"
    } else {
        "no order waits for a result"
    };
    here.out.list(&rows, nothing)?;
    for (at, code) in &orders.refused {
        here.out.words(&format!(
            "NOT TAKEN, came {}: {code}: {}",
            here.out.exactly(*at),
            code.words()
        ));
    }
    here.finish(agent, stale).await
}

async fn match_result(here: &Here<'_>, args: &LabMatch) -> Result<Exit> {
    let agent = here.open(args.release).await?;
    // A code means the newest result of its order.
    let what = match args.what.parse::<LabCode>() {
        Err(_) => args.what.clone(),
        Ok(code) => {
            let orders = agent.lab_orders().await?;
            let meant = |o: &&LabOrderView| o.plain.0 == code.plain() || o.plain.1 == code.plain();
            let view = orders
                .made
                .iter()
                .find(meant)
                .ok_or(Fault::of(ErrorCode::LabNoOrder))?;
            match view.results.last() {
                Some(result) => result.to_string(),
                None => {
                    let letters = letters(&agent).await?;
                    here.out
                        .one(&shown::lab::order(here.out, view, letters, here.now_ms()))?;
                    agent.close().await;
                    return Ok(Exit::Nothing);
                }
            }
        }
    };
    let proof = agent.lab_match(&what).await?;
    here.out.one(&shown::lab::proof(&proof))?;
    if let Some(code) = proof.failed {
        agent.close().await;
        return Err(Fault::of(code).then("telesphor lab open"));
    }
    if args.release {
        let view = agent.lab_release(&what).await?;
        return settled(here, agent, &view).await;
    }
    let current = proof.verdict.standing.is_current();
    agent.close().await;
    Ok(if current { Exit::Done } else { Exit::Conflict })
}

async fn collected(here: &Here<'_>, args: &LabCollected) -> Result<Exit> {
    let at = match &args.at {
        Some(when) => when_ms(here, when)?,
        None => here.now_ms(),
    };
    let agent = here.open(true).await?;
    let view = agent.lab_collected(&args.what, at).await?;
    settled(here, agent, &view).await
}

async fn acknowledge(here: &Here<'_>, args: &LabWhich) -> Result<Exit> {
    let (agent, _) = here.open_fresh().await?;
    let view = agent.lab_acknowledge(&args.what).await?;
    settled(here, agent, &view).await
}

async fn resend(here: &Here<'_>, args: &LabWhich) -> Result<Exit> {
    let (agent, _) = here.open_fresh().await?;
    let view = match agent.lab_resend(&args.what).await {
        Err(error) if error.code == ErrorCode::Expired => {
            here.let_go(agent).await;
            return Err(Fault::from(error)
                .with("the pass under which this was ordered is over")
                .then("`telesphor lab order ...` anew: the codes are others then"));
        }
        other => other?,
    };
    settled(here, agent, &view).await
}

async fn desk(here: &Here<'_>, args: &LabDesk) -> Result<Exit> {
    let agent = here.open(true).await?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => agent.me().await?.name,
    };
    agent.lab_desk(&args.hospital, &name).await?;
    let progress = Progress::start(here.out, "waiting until it is durable");
    let settled = agent.settle(here.wait()).await;
    drop(progress);
    agent.close().await;
    settled?;
    here.out.words(&format!(
        "{} can send orders here, as soon as it has heard of it",
        args.hospital
    ));
    Ok(Exit::Done)
}

async fn allow(here: &Here<'_>, args: &LabAllow) -> Result<Exit> {
    let (agent, _) = here.open_fresh().await?;
    let terms = LabTerms {
        cost_centre: args.cost_centre.clone(),
        switchboard: args.switchboard.clone(),
        critical_role: args.critical_role.clone(),
        critical_minutes: args.critical_minutes,
    };
    agent.lab_allow(&args.who, args.at.clone(), terms).await?;
    let progress = Progress::start(here.out, "waiting until it is durable");
    let settled = agent.settle(here.wait()).await;
    drop(progress);
    agent.close().await;
    settled?;
    here.out.words(&format!(
        "{} can order; the pass of each day is given when it is asked for",
        args.who
    ));
    Ok(Exit::Done)
}

async fn sample(here: &Here<'_>, args: &LabSample, why: Option<String>) -> Result<Exit> {
    check_code("tube", &args.tube)?;
    check_code("form", &args.form)?;
    let (agent, _) = here.open_fresh().await?;
    let view = agent.lab_receive(&args.tube, &args.form, why).await?;
    settled(here, agent, &view).await
}

async fn reject(here: &Here<'_>, args: &LabReject) -> Result<Exit> {
    if args.why.trim().is_empty() {
        return Err(Fault::usage(
            "say why, for whoever must take another sample: --why",
        ));
    }
    sample(here, &args.sample, Some(args.why.clone())).await
}

async fn result(here: &Here<'_>, args: &LabResult) -> Result<Exit> {
    check_code("tube", &args.sample.tube)?;
    check_code("form", &args.sample.form)?;
    let file = super::input::bytes(&args.file)?;
    let values = values::take_in(&file).map_err(|fault| Fault::of(fault.code()).with(fault.to_string()))?;
    let taken_at = args
        .taken
        .as_deref()
        .map(|when| when_ms(here, when))
        .transpose()?;
    let left: Vec<&str> = values.left_out.iter().map(String::as_str).collect();
    if !left.is_empty() {
        here.out
            .words(&format!("left out, and not signed: {}", left.join(", ")));
    }
    let critical = values.critical.clone();
    let (agent, _) = here.open_fresh().await?;
    let report = LabReport {
        values,
        amends: args.amends,
        taken_at,
    };
    let (_, view) = agent
        .lab_result(&args.sample.tube, &args.sample.form, report)
        .await?;
    if let (false, Some((number, _))) = (critical.is_empty(), &view.call) {
        here.out.words(&format!(
            "CRITICAL: {}. Call {number} and say code {}; you cannot know the patient, they can.{}",
            critical.join(", "),
            view.form,
            if view.letter {
                " A letter is on its way to the role that the hospital named."
            } else {
                ""
            }
        ));
    }
    settled(here, agent, &view).await
}
