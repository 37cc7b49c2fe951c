//! `endpoint add|join|list|remove`.

use std::path::Path;
use std::time::Duration;

use telesphor_agent::views::{CutView, Holds};
use telesphor_agent::{Agent, NewProfile};
use telesphor_identity::endpoint::EndReason;
use telesphor_wire::error::ErrorCode;

use super::session::Here;
use crate::args;
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::{Progress, Row, qr};
use crate::{home, shown};

/// How long one device waits for the other, if it was not said: somebody walks from one to the
/// other.
const PATIENCE: Duration = Duration::from_secs(600);

fn words_row(words: &[String]) -> Row {
    Row::new().both("words", "WORDS", words.to_vec(), &words.join(" "))
}

/// `endpoint add`.
pub(super) async fn add(here: &Here<'_>, args: &args::EndpointAdd) -> Result<Exit> {
    let expires = here.until(&args.expires)?;
    let lasting = Duration::from_millis(expires.saturating_sub(here.now_ms()));
    let agent = here.open(true).await?;
    let guard = here
        .asking()
        .identity_passphrase(args.identity.identity_passphrase_file.as_deref())?;
    let progress = Progress::start(here.out, "making the link");
    let offered = agent.offer_endpoint(&guard, lasting, here.wait()).await;
    drop(progress);
    let link = offered?;
    here.out.one(&Row::new().text("link", "LINK", &link).instant(
        "expires",
        "EXPIRES",
        Some(expires),
        &here.out.exactly(expires),
    ))?;
    if args.qr
        && let Some(drawn) = qr(&link)
    {
        here.out.data(&drawn)?;
    }
    here.out.hint("On the new device: telesphor endpoint join LINK");
    let patience = here.global.wait.unwrap_or(PATIENCE);
    let progress = Progress::start(here.out, "waiting for the device");
    let asked = agent.endpoint_asked(&link, patience).await;
    drop(progress);
    let asked = asked?;
    here.out
        .one(&words_row(&asked.words).text("device", "DEVICE", &asked.label))?;
    let yes = args.without_comparing
        || here.asking().yes(&format!(
            "Does \"{}\" show the same words, and is it yours?",
            asked.label
        ))?;
    if !yes {
        agent.close().await;
        return Err(Fault::of(ErrorCode::Unverified)
            .with("the device was not let in; nothing was changed")
            .then("telesphor endpoint add, or with --without-comparing where nobody can answer"));
    }
    let progress = Progress::start(here.out, "letting the device in");
    let admitted = agent.admit_endpoint(&link, &guard, here.wait()).await;
    drop(progress);
    admitted?;
    here.out.words(&format!(
        "\"{}\" is one of your devices from now on; your contacts are told",
        asked.label
    ));
    // The newcomer asks for its seats; whoever is there gives them.
    let _ = agent.settle(here.wait()).await;
    here.let_go(agent).await;
    Ok(Exit::Done)
}

/// `endpoint join`.
pub(super) async fn join(here: &Here<'_>, args: &args::EndpointJoin) -> Result<Exit> {
    let link = match args.link.as_str() {
        "-" => super::input::text(Path::new("-"))?.trim().to_owned(),
        link => link.to_owned(),
    };
    let folder = here.folder();
    let passphrase = here.asking().new_passphrase()?;
    home::private_folder(&folder)?;
    let mut profile = NewProfile::person("");
    profile.endpoint.clone_from(&args.device);
    profile.device = super::identity::sort_of_device(&args.on)?;
    let progress = Progress::start(here.out, "asking to be let in");
    let patience = here.global.wait.unwrap_or(PATIENCE);
    let show = |words: &[String]| {
        let _ = here.out.one(&words_row(words));
        here.out
            .words("Compare these words with those on the other device, and say yes there.");
    };
    let joined = Agent::join_endpoint(&folder, &passphrase, profile, &link, patience, show).await;
    drop(progress);
    let agent = joined.inspect_err(|_| {
        // Empty if nothing was made, and only then removed.
        let _ = std::fs::remove_dir(&folder);
    })?;
    let progress = Progress::start(here.out, "fetching what the other device knows");
    let ready = agent.ready(patience).await;
    let settled = agent.settle(here.wait()).await;
    drop(progress);
    let me = agent.me().await?;
    here.out
        .one(&shown::me(here.out, &me).text("profile", "PROFILE", &here.profile))?;
    agent.close().await;
    if ready.and(settled).is_err() {
        here.out
            .hint("What is missing comes by itself: telesphor sync here, and on the other device");
    }
    Ok(Exit::Done)
}

/// `endpoint list`.
pub(super) async fn list(here: &Here<'_>) -> Result<Exit> {
    let agent = here.open(false).await?;
    let rows: Vec<Row> = agent
        .endpoints()
        .await?
        .iter()
        .map(|e| shown::endpoint(here.out, e))
        .collect();
    agent.close().await;
    here.out.list(&rows, "no device")?;
    Ok(Exit::Done)
}

/// What became of a removed device, mailbox by mailbox.
fn report(here: &Here<'_>, cut: &[CutView]) -> Result<()> {
    let rows: Vec<Row> = cut
        .iter()
        .map(|c| {
            let waits = match c.waits_for {
                None => "",
                Some(Holds::Here) => "this device, as soon as the relay answers",
                Some(Holds::Other) => "the other side's program, when it is online",
                Some(Holds::Team) => "whoever of the team is on duty, or the patient",
            };
            Row::new()
                .text("place", "WHERE", c.purpose)
                .text("with", "WITH", c.with.as_deref().unwrap_or_default())
                .both("done", "STATE", c.done, if c.done { "out" } else { "STILL IN" })
                .text("waits_for", "WAITS FOR", waits)
        })
        .collect();
    here.out.list(&rows, "it sat nowhere")?;
    let open = cut.iter().filter(|c| !c.done).count();
    here.out.words(&match open {
        0 => "It is out of everything that this device knows of.".to_owned(),
        n => format!(
            "{n} still open; it goes on by itself: telesphor endpoint show DEVICE says how far it is."
        ),
    });
    Ok(())
}

/// `endpoint show`.
pub(super) async fn show(here: &Here<'_>, args: &args::EndpointShow) -> Result<Exit> {
    let (agent, stale) = here.open_fresh().await?;
    let cut = agent.cut(&args.device).await;
    match cut {
        Ok(cut) => report(here, &cut)?,
        Err(error) => {
            agent.close().await;
            return Err(error.into());
        }
    }
    here.finish(agent, stale).await
}

/// `endpoint remove`.
pub(super) async fn remove(here: &Here<'_>, args: &args::EndpointRemove) -> Result<Exit> {
    let reason = match (args.stolen, args.retired) {
        (true, _) => EndReason::Stolen,
        (_, true) => EndReason::Retired,
        _ => EndReason::Lost,
    };
    let agent = here.open(true).await?;
    let guard = here
        .asking()
        .identity_passphrase(args.identity.identity_passphrase_file.as_deref())?;
    let progress = Progress::start(here.out, "shutting the device out");
    let removed = agent
        .remove_endpoint(&args.device, reason, &guard, here.wait())
        .await;
    drop(progress);
    let cut = agent.cut(&args.device).await;
    agent.close().await;
    removed?;
    if let Ok(cut) = cut {
        report(here, &cut)?;
    }
    here.out.words(&format!(
        "\"{}\" is shut out: nothing new reaches it, and nothing it sends counts. What it had opened it may keep.",
        args.device
    ));
    here.out.hint(
        "It knew where backups go. Make a new kit before the next one: telesphor identity rotate --kit FILE",
    );
    Ok(Exit::Done)
}
