//! `study ...`.

use std::path::Path;
use telesphor_agent::Agent;
use telesphor_agent::views::StudyView;
use telesphor_wire::error::ErrorCode;

use super::session::Here;
use super::study_file::StudyFile;
use crate::args::{Study, StudyJoin, StudyOffer, StudyServe, StudyVoucher, StudyWhich};
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::Progress;
use crate::shown;

/// `study ...`.
pub(super) async fn study(here: &Here<'_>, act: &Study) -> Result<Exit> {
    match act {
        Study::List => list(here).await,
        Study::Show(args) => show(here, args).await,
        Study::Join(args) => join(here, args).await,
        Study::Send(args) => {
            let (agent, _) = here.open_fresh().await?;
            let view = agent.study_send(&args.study).await?;
            settled(here, agent, &view).await
        }
        Study::Withdraw(args) => {
            let (agent, _) = here.open_fresh().await?;
            let view = agent.study_leave(&args.study).await?;
            let exit = settled(here, agent, &view).await?;
            here.out
                .words("nothing more leaves; what was published before cannot be taken back");
            Ok(exit)
        }
        Study::Voucher(act) => voucher(here, act).await,
        Study::New(args) => new(here, &args.file).await,
        Study::Offer(args) => offer(here, args).await,
        Study::Collect(args) => {
            let (agent, stale) = here.open_fresh().await?;
            let view = agent.study_rows(&args.study).await?;
            here.out.list(&shown::study::rows(&view), "nothing was sent")?;
            if view.coarser + view.withheld > 0 {
                here.out.words(&format!(
                    "too few are alike: of {} people age, sex and dates are withheld, of {} everything",
                    view.coarser, view.withheld
                ));
            }
            here.finish(agent, stale).await
        }
        Study::Aggregate(args) => aggregate(here, args).await,
        Study::Serve(args) => serve(here, args).await,
    }
}

async fn wait(here: &Here<'_>, agent: &Agent) -> Result<()> {
    let progress = Progress::start(here.out, "waiting until it is durable");
    let settled = agent.settle(here.wait()).await;
    drop(progress);
    Ok(settled?)
}

/// Waits until what was said is with a relay, and shows where the study stands.
async fn settled(here: &Here<'_>, agent: Agent, view: &StudyView) -> Result<Exit> {
    let settled = wait(here, &agent).await;
    here.out.one(&shown::study::line(here.out, view))?;
    agent.close().await;
    settled.map(|()| Exit::Done)
}

async fn list(here: &Here<'_>) -> Result<Exit> {
    let (agent, stale) = here.open_fresh().await?;
    let all = agent.studies().await?;
    let rows: Vec<_> = all.iter().map(|s| shown::study::line(here.out, s)).collect();
    here.out.list(&rows, "no studies")?;
    here.finish(agent, stale).await
}

async fn show(here: &Here<'_>, args: &StudyWhich) -> Result<Exit> {
    let (agent, stale) = here.open_fresh().await?;
    let view = agent.study(&args.study).await?;
    here.out.one(&shown::study::whole(here.out, &view))?;
    here.finish(agent, stale).await
}

async fn join(here: &Here<'_>, args: &StudyJoin) -> Result<Exit> {
    let (agent, _) = here.open_fresh().await?;
    let path = Path::new(&args.study);
    let what = match path.is_file() {
        true => agent.study_take(&super::input::bytes(path)?).await?.to_string(),
        false => args.study.clone(),
    };
    let view = agent.study(&what).await?;
    if let Some(code) = view.refused {
        agent.close().await;
        return Err(Fault::of(code));
    }
    if view.fits {
        for line in shown::study::what_leaves(&view) {
            here.out.words(&line);
        }
    }
    let question = format!("Take part in {}, by {}?", view.name, view.researcher);
    if !args.yes {
        if !here.asking().can_ask() {
            agent.close().await;
            return Err(Fault::usage(
                "nobody is there to ask: look at `study show`, then join with --yes",
            ));
        }
        if !here.asking().yes(&question)? {
            here.out.words("nothing was sent");
            agent.close().await;
            return Ok(Exit::Refused);
        }
    }
    let view = agent.study_join(&what).await?;
    settled(here, agent, &view).await
}

async fn new(here: &Here<'_>, file: &Path) -> Result<Exit> {
    let bytes = super::input::bytes(file)?;
    let text = String::from_utf8(bytes).map_err(|_| Fault::of(ErrorCode::InputRefused).with("not UTF-8"))?;
    let file = StudyFile::read(&text)?;
    let (agent, _) = here.open_fresh().await?;
    let draft = file.draft(here, &agent).await?;
    let id = match agent.study_publish(draft).await? {
        Ok(id) => id,
        Err(words) => {
            agent.close().await;
            return Err(Fault::of(ErrorCode::InputRefused).with(words));
        }
    };
    let view = agent.study(&id.to_string()).await?;
    let settled = wait(here, &agent).await;
    here.out.one(&shown::study::whole(here.out, &view))?;
    agent.close().await;
    settled.map(|()| Exit::Done)
}

async fn offer(here: &Here<'_>, args: &StudyOffer) -> Result<Exit> {
    if args.who.is_empty() && args.out.is_none() {
        return Err(Fault::usage("to whom? name contacts, or a file with --out"));
    }
    let (agent, _) = here.open_fresh().await?;
    for who in &args.who {
        agent.study_offer(&args.study, who).await?;
    }
    let view = agent.study(&args.study).await?;
    if let Some(path) = &args.out {
        let file = agent.tel_file(&view.id.to_string()).await?;
        super::identity::write_new(path, &file)?;
    }
    settled(here, agent, &view).await
}

async fn aggregate(here: &Here<'_>, args: &StudyWhich) -> Result<Exit> {
    let (agent, stale) = here.open_fresh().await?;
    match agent.study_sums(&args.study).await {
        Ok(sums) => {
            let rows: Vec<_> = sums.iter().map(|s| shown::study::sum(here.out, s)).collect();
            here.out.list(&rows, "no sum has come yet")?;
            here.finish(agent, stale).await
        }
        Err(error) if error.code == ErrorCode::NotAuthor => {
            let done = agent.study_aggregate(&args.study).await?;
            let settled = wait(here, &agent).await;
            agent.close().await;
            for (sum, people) in done {
                here.out.words(&format!("sum {}: {people} people", sum + 1));
            }
            settled.map(|()| Exit::Done)
        }
        Err(error) => Err(error.into()),
    }
}

async fn serve(here: &Here<'_>, args: &StudyServe) -> Result<Exit> {
    let agent = here.open(true).await?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => agent.me().await?.name,
    };
    agent.study_serve(&args.researcher, &name).await?;
    let settled = wait(here, &agent).await;
    agent.close().await;
    settled?;
    here.out
        .words(&format!("{} can name this service in one study", args.researcher));
    Ok(Exit::Done)
}

async fn voucher(here: &Here<'_>, act: &StudyVoucher) -> Result<Exit> {
    match act {
        StudyVoucher::Take(args) => {
            let (agent, _) = here.open_fresh().await?;
            let voucher = agent.study_voucher(&args.study).await?;
            super::identity::write_private(&args.out, &format!("{voucher}\n"))?;
            agent.close().await;
            here.out
                .words("whoever brings this file is paid: it says of which study, and not by whom");
            Ok(Exit::Done)
        }
        StudyVoucher::Sign(args) => {
            let (agent, _) = here.open_fresh().await?;
            let signed = agent.study_sign_vouchers(&args.study).await?;
            let settled = wait(here, &agent).await;
            agent.close().await;
            here.out.words(&format!("{signed} vouchers signed"));
            settled.map(|()| Exit::Done)
        }
        StudyVoucher::Pay(args) => {
            let file = super::input::bytes(&args.file)?;
            let agent = here.open(false).await?;
            let words = agent.study_pay(&String::from_utf8_lossy(&file)).await?;
            agent.close().await;
            here.out.words(&format!("genuine, and not paid before: {words}"));
            Ok(Exit::Done)
        }
    }
}
