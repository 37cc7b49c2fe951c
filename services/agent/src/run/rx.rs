//! `rx ...`.

use std::path::Path;
use std::time::Duration;

use telesphor_agent::views::{RxFillState, RxView};
use telesphor_agent::{Agent, RxDraft};
use telesphor_clinical::rx::{Portion, Prescription, parse_amount};
use telesphor_wire::error::ErrorCode;

use super::durable::letters;
use super::rx_why::{away_words, explained};
use super::session::Here;
use crate::args::{Rx, RxAsk, RxCancel, RxCheck, RxFill, RxPaper, RxReturn, RxTicket, RxWhich, RxWrite};
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::Progress;
use crate::{sheet, shown};

/// `rx ...`.
pub(super) async fn rx(here: &Here<'_>, act: &Rx) -> Result<Exit> {
    match act {
        Rx::Write(args) => write(here, args).await,
        Rx::List => list(here).await,
        Rx::Check(args) => check(here, args).await,
        Rx::Ticket(args) => ticket(here, args).await,
        Rx::Paper(args) => paper(here, args).await,
        Rx::Desk => desk(here).await,
        Rx::Fill(args) => match &args.offline {
            Some(amount) => supply(here, args, amount).await,
            None => fill(here, args).await,
        },
        Rx::Return(args) => give_back(here, args).await,
        Rx::Ask(args) => ask(here, args).await,
        Rx::Answer(args) => answer(here, args).await,
        Rx::Lift(args) => lift(here, args).await,
        Rx::Cancel(args) => cancel(here, args).await,
    }
}

fn amount(text: &str, scale: u8) -> Result<u32> {
    parse_amount(text, scale)
        .filter(|units| *units > 0)
        .ok_or_else(|| {
            Fault::usage(format!(
                "not an amount that is counted here: {text}. Write a number with at most {scale} decimal places"
            ))
        })
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn draft(here: &Here<'_>, args: &RxWrite) -> Result<RxDraft> {
    let total = amount(&args.amount, args.decimals)?;
    let mut draft = RxDraft::new(&args.medicine, &args.dosage, &args.unit, total, here.now_ms());
    draft.scale = args.decimals;
    draft.scopes = super::documents::scopes(&args.scope)?;
    draft.offline = parse_amount(&args.offline_allowance, args.decimals)
        .ok_or_else(|| Fault::usage("not an amount: --offline-allowance"))?;
    draft.keep_minutes = u16::try_from(args.keep.as_secs().div_ceil(60)).unwrap_or(u16::MAX);
    if let Some(until) = &args.until {
        draft.valid_until = here.until(until)?;
    }
    if args.repeats > 1 {
        let portion = total / args.repeats;
        if portion == 0 || portion * args.repeats != total {
            return Err(Fault::usage(format!(
                "{} cannot be given in {} equal portions",
                args.amount, args.repeats
            )));
        }
        let from = |n: u32| {
            here.now_ms()
                .saturating_add(ms(args.every).saturating_mul(u64::from(n)))
        };
        draft.portions = (0..args.repeats)
            .map(|n| Portion {
                from: from(n),
                units: portion,
            })
            .collect();
    }
    Ok(draft)
}

async fn write(here: &Here<'_>, args: &RxWrite) -> Result<Exit> {
    let draft = draft(here, args)?;
    let agent = here.open(true).await?;
    let patient = agent.contact(&args.who).await?;
    super::sharing::refuse_unverified(here, &patient, args.unverified)?;
    let progress = Progress::start(here.out, "asking the patient's program for a key");
    let written = agent.rx_write(&args.who, draft, here.wait()).await;
    drop(progress);
    let view = match written {
        Err(error) if error.code == ErrorCode::NotYetDurable => {
            here.let_go(agent).await;
            return Err(Fault::from(error)
                .with("the patient's program has not answered; nothing was written")
                .then("the same command again when it is online"));
        }
        other => other?,
    };
    let progress = Progress::start(here.out, "waiting until it is durable");
    let gone = agent.wait_gone(vec![view.document.id], here.wait()).await;
    drop(progress);
    here.out
        .one(&shown::rx::rx(here.out, &view, letters(&agent).await?))?;
    here.let_go(agent).await;
    match gone {
        Ok(()) => Ok(Exit::Done),
        Err(error) => Err(Fault::from(error).then("telesphor sync; telesphor sent")),
    }
}

async fn list(here: &Here<'_>) -> Result<Exit> {
    let (agent, stale) = here.open_fresh().await?;
    let letters = letters(&agent).await?;
    let all = agent.rx_all().await?;
    let rows: Vec<_> = all.iter().map(|v| shown::rx::rx(here.out, v, letters)).collect();
    here.out.list(&rows, "no prescription that can be filled")?;
    here.finish(agent, stale).await
}

/// A prescription by its id; a file is taken in first.
async fn which(agent: &Agent, what: &str) -> Result<RxView> {
    let path = Path::new(what);
    if path.is_file() {
        let bytes = super::input::bytes(path)?;
        let file = match sheet::is_scanned(&bytes) {
            true => sheet::scanned(&bytes)?,
            false => bytes,
        };
        return Ok(agent.rx_take(file).await?);
    }
    Ok(agent.rx(what).await?)
}

async fn check(here: &Here<'_>, args: &RxCheck) -> Result<Exit> {
    let agent = match args.offline {
        true => here.open(false).await?,
        false => here.open_fetched().await?,
    };
    let view = which(&agent, &args.what).await?;
    let ask = (!args.offline).then(|| here.wait());
    let (verdict, view, left) = agent.rx_check(&view.document.id.to_string(), ask).await?;
    here.out
        .one(&shown::rx::check(here.out, &view, &verdict, left.as_ref()))?;
    let left = left.ok();
    let now = here.now_ms();
    let mut exit = match verdict.failed {
        Some(_) => Exit::NotGenuine,
        None => Exit::Done,
    };
    if exit == Exit::Done && !verdict.standing.is_current() {
        here.out
            .words("NOT CURRENT: its author has replaced it or taken it back; do not fill it");
        exit = Exit::Refused;
    }
    if exit == Exit::Done && (now > view.rx.valid_until || left.is_some_and(|l| l.cancelled.is_some())) {
        here.out
            .words("DO NOT FILL IT: its time is over, or it was cancelled");
        exit = Exit::Refused;
    }
    if let Some(next) = view.rx.next_due(now).filter(|_| exit == Exit::Done) {
        here.out
            .words(&format!("the next portion is due {}", here.out.exactly(next)));
    }
    here.let_go(agent).await;
    Ok(exit)
}

async fn ticket(here: &Here<'_>, args: &RxTicket) -> Result<Exit> {
    let agent = match args.desk {
        Some(_) => here.open(false).await?,
        None => here.open(true).await?,
    };
    let view = agent.rx(&args.what).await?;
    let units = amount(&args.amount, view.rx.scale)?;
    if let (Some(desk), Some(output)) = (&args.desk, &args.output) {
        super::identity::refuse_existing(output)?;
        let made = agent
            .rx_paper(&args.what, Some(desk.clone()), Some((units, args.offline)))
            .await?;
        super::identity::write_new(output, &made.file)?;
        agent.close().await;
        here.out.words(&format!(
            "written to {}: it lets that desk draw {} once, and nobody else anything",
            output.display(),
            view.rx.amount(units)
        ));
        return Ok(Exit::Done);
    }
    let pharmacy = args.pharmacy.as_deref().unwrap_or_default();
    let progress = Progress::start(here.out, "asking the pharmacy's program for a key");
    let given = agent
        .rx_ticket(&args.what, pharmacy, units, args.offline, here.wait())
        .await;
    drop(progress);
    let view = match given {
        Err(error) if error.code == ErrorCode::NotYetDurable => {
            here.let_go(agent).await;
            return Err(Fault::from(error)
                .with("the pharmacy's program has not answered; no ticket was given")
                .then("the same command again when it is online"));
        }
        other => other?,
    };
    let progress = Progress::start(here.out, "waiting until it is durable");
    let settled = agent.settle(here.wait()).await;
    drop(progress);
    here.out
        .one(&shown::rx::rx(here.out, &view, letters(&agent).await?))?;
    agent.close().await;
    settled.map(|()| Exit::Done).map_err(Fault::from)
}

async fn paper(here: &Here<'_>, args: &RxPaper) -> Result<Exit> {
    let to: Vec<_> = args.output.iter().chain(&args.sheet).collect();
    to.iter()
        .try_for_each(|file| super::identity::refuse_existing(file))?;
    let agent = here.open(false).await?;
    let made = agent.rx_paper(&args.what, None, None).await?;
    if let Some(file) = &args.output {
        super::identity::write_new(file, &made.file)?;
    }
    if let Some(file) = &args.sheet {
        let page = sheet::page(&made.file, "Prescription. Scan every code, in any order.")?;
        super::identity::write_new(file, page.as_bytes())?;
    }
    agent.close().await;
    let names: Vec<String> = to.iter().map(|file| file.display().to_string()).collect();
    here.out.words(&format!(
        "written to {}. Whoever has it can draw the whole prescription, as with paper today: keep it as money.",
        names.join(" and ")
    ));
    Ok(Exit::Done)
}

async fn desk(here: &Here<'_>) -> Result<Exit> {
    let agent = here.open(false).await?;
    let key = agent.rx_desk().await?;
    here.out.data(&key)?;
    agent.close().await;
    here.out.hint(
        "For one fill: the patient runs `telesphor rx ticket WHAT --amount N --desk KEY --output FILE`.",
    );
    Ok(Exit::Done)
}

async fn fill(here: &Here<'_>, args: &RxFill) -> Result<Exit> {
    let agent = here.open_fetched().await?;
    let view = which(&agent, &args.what).await?;
    let id = view.document.id.to_string();
    let units = args
        .amount
        .as_deref()
        .map(|a| amount(a, view.rx.scale))
        .transpose()?;
    let progress = Progress::start(here.out, "setting it aside");
    let reserved = agent.rx_reserve(&id, units, here.wait()).await;
    drop(progress);
    let (fill, left) = match reserved {
        Ok(reserved) => reserved,
        Err(error) => {
            let unknown = Exit::of(error.code) == Exit::NotYet || Exit::of(error.code) == Exit::Unreachable;
            let fault = explained(here, &agent, &id, error).await;
            agent.close().await;
            return Err(match unknown && view.elsewhere {
                true => fault.then(away_words(&view)),
                false => fault,
            });
        }
    };
    let confirm = fill.state != RxFillState::HandedOver
        && !args.reserve
        && (args.yes || {
            here.out.words(&shown::rx::fill_words(here.out, &fill));
            here.asking().can_ask()
                && here
                    .asking()
                    .yes("Is it on the counter? Confirm that it is handed over")?
        });
    if !confirm {
        here.out.one(&shown::rx::filled(here.out, &view, &fill, &left))?;
        if fill.state != RxFillState::HandedOver {
            here.out.hint(
                "Nothing may be handed over yet: telesphor rx fill WHAT --amount N --yes, or rx return",
            );
        }
        here.let_go(agent).await;
        return Ok(Exit::Done);
    }
    let progress = Progress::start(here.out, "confirming; hand nothing over yet");
    let confirmed = agent.rx_confirm(&id, here.wait()).await;
    drop(progress);
    match confirmed {
        Ok((fill, left)) => {
            here.out.one(&shown::rx::filled(here.out, &view, &fill, &left))?;
            here.let_go(agent).await;
            Ok(match fill.elsewhere {
                true => Exit::Conflict,
                false => Exit::Done,
            })
        }
        Err(error) => {
            let then = match error.code {
                ErrorCode::RxLetGo => {
                    "hand nothing over; a new ticket of the patient's, then the same command"
                }
                _ => "hand nothing over; the same command again",
            };
            let fault = explained(here, &agent, &id, error).await;
            agent.close().await;
            Err(fault.then(then))
        }
    }
}

async fn supply(here: &Here<'_>, args: &RxFill, text: &str) -> Result<Exit> {
    let agent = here.open(true).await?;
    let view = which(&agent, &args.what).await?;
    let id = view.document.id.to_string();
    let units = amount(text, view.rx.scale)?;
    let supplied = match agent.rx_supply(&id, units).await {
        Ok(supplied) => supplied,
        Err(error) => {
            let fault = explained(here, &agent, &id, error).await;
            agent.close().await;
            return Err(fault);
        }
    };
    let _ = agent.settle(here.wait()).await;
    let view: RxView = agent.rx(&id).await?;
    let newest = view.fills.iter().rev().find(|f| f.offline).unwrap_or(&supplied);
    here.out.words(&format!(
        "{}. Without the ledger: {}",
        shown::rx::fill_words(here.out, newest),
        telesphor_clinical::text::shown(args.why.as_deref().unwrap_or_default())
    ));
    here.out
        .one(&shown::rx::rx(here.out, &view, letters(&agent).await?))?;
    let entered = newest.state == RxFillState::Settled;
    agent.close().await;
    match entered {
        true => Ok(Exit::Done),
        false => {
            here.out
                .hint("It is entered by itself as soon as there is a line: telesphor sync");
            Ok(Exit::NotYet)
        }
    }
}

async fn give_back(here: &Here<'_>, args: &RxReturn) -> Result<Exit> {
    let agent = here.open(true).await?;
    if let Some(words) = &args.came_back {
        agent.rx_came_back(&args.what, words).await?;
        let settled = agent.settle(here.wait()).await;
        agent.close().await;
        here.out.words(
            "The prescriber is told, through the patient, and asked for a new prescription of as much.",
        );
        return settled.map(|()| Exit::Done).map_err(Fault::from);
    }
    let view = agent.rx(&args.what).await?;
    match agent.rx_return(&args.what, here.wait()).await {
        Ok((fill, left)) => {
            here.out.one(&shown::rx::filled(here.out, &view, &fill, &left))?;
            here.let_go(agent).await;
            Ok(Exit::Done)
        }
        Err(error) => {
            let fault = explained(here, &agent, &args.what, error).await;
            agent.close().await;
            Err(fault.then("telesphor rx return WHAT --came-back \"unopened\" tells the prescriber"))
        }
    }
}

async fn carried_on(
    here: &Here<'_>,
    agent: Agent,
    what: &str,
    done: telesphor_agent::Result<(telesphor_agent::views::RxFillView, telesphor_agent::views::RxLeft)>,
) -> Result<Exit> {
    match done {
        Ok((fill, left)) => {
            let view = agent.rx(what).await?;
            here.out.one(&shown::rx::filled(here.out, &view, &fill, &left))?;
            here.let_go(agent).await;
            Ok(Exit::Done)
        }
        Err(error) => {
            let fault = explained(here, &agent, what, error).await;
            agent.close().await;
            Err(fault)
        }
    }
}

async fn ask(here: &Here<'_>, args: &RxAsk) -> Result<Exit> {
    let agent = here.open(true).await?;
    let asked = agent.rx_ask(&args.what, &args.words, here.wait()).await;
    carried_on(here, agent, &args.what, asked).await
}

async fn lift(here: &Here<'_>, args: &RxWhich) -> Result<Exit> {
    let agent = here.open(true).await?;
    let lifted = agent.rx_lift(&args.what, here.wait()).await;
    carried_on(here, agent, &args.what, lifted).await
}

async fn answer(here: &Here<'_>, args: &RxAsk) -> Result<Exit> {
    let (agent, _) = here.open_fresh().await?;
    agent.rx_answer(&args.what, &args.words, here.wait()).await?;
    let settled = agent.settle(here.wait()).await;
    agent.close().await;
    here.out
        .words("The pharmacist gets your answer through the patient, and the prescription goes on.");
    settled.map(|()| Exit::Done).map_err(Fault::from)
}

async fn cancel(here: &Here<'_>, args: &RxCancel) -> Result<Exit> {
    let agent = here.open(true).await?;
    let view = agent.rx(&args.what).await?;
    let rx: &Prescription = &view.rx;
    here.out
        .words(&format!("{}, {}", rx.medicine.shown(), rx.amount(rx.total)));
    if !args.yes && here.asking().can_ask() && !here.asking().yes("Cancel it? This cannot be undone")? {
        here.out.words("nothing was cancelled");
        agent.close().await;
        return Ok(Exit::Refused);
    }
    let progress = Progress::start(here.out, "cancelling at the ledger");
    let ended = agent.rx_cancel(&args.what, here.wait()).await;
    drop(progress);
    let (left, aside) = match ended {
        Ok(ended) => ended,
        Err(error) => {
            agent.close().await;
            return Err(Fault::from(error)
                .then("it is kept and goes by itself; until it is there, pharmacies may still fill it"));
        }
    };
    let aside_words = match aside {
        0 => "no pharmacy had set anything aside".to_owned(),
        n => format!("a pharmacy had set {} aside and is refused now", rx.amount(n)),
    };
    let dispensed = match left.dispensed {
        0 => "nothing had been handed over".to_owned(),
        n => format!("{} had been handed over already", rx.amount(n)),
    };
    let row = crate::out::Row::new()
        .both(
            "state",
            "",
            "cancelled",
            &format!("CANCELLED: {dispensed}; {aside_words}"),
        )
        .more("dispensed", left.dispensed, "")
        .more("set_aside", aside, "")
        .more("over", left.over, "");
    here.out.one(&row)?;
    let settled = agent.settle(here.wait()).await;
    agent.close().await;
    here.out
        .hint("The patient is told, and the pharmacies that hold a ticket through the patient's program.");
    settled.map(|()| Exit::Done).map_err(Fault::from)
}
