//! `status`, `check`, `sync`, `run`.

use std::time::Duration;

use telesphor_agent::{Agent, Aside};
use telesphor_vault::{VaultPaths, session_lasts};
use telesphor_wire::error::ErrorCode;

use super::session::Here;
use crate::args;
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::{Progress, Row};
use crate::shown;

/// How long `status` and `check` give the relay if nothing was said.
const BRIEFLY: Duration = Duration::from_secs(5);

/// Between two looks at whether a command wants the profile, or it was locked.
const LOOK: Duration = Duration::from_millis(50);

/// `status`.
pub(super) async fn status(here: &Here<'_>) -> Result<Exit> {
    let agent = here.open(true).await?;
    let progress = Progress::start(here.out, "asking the relay");
    let _ = agent.settle(here.global.wait.unwrap_or(BRIEFLY)).await;
    drop(progress);
    let status = agent.status().await?;
    let me = agent.me().await?;
    let (shared, present) = agent.present().await?;
    agent.close().await;
    let (name, until) = match (shared, &present) {
        (false, _) => (me.name.clone(), None),
        (true, Some(present)) => (present.name.clone(), Some(present.until)),
        (true, None) => (String::new(), None),
    };
    let row = shown::status(here.out, &status)
        .text("profile", "PROFILE", &here.profile)
        .both(
            "signed_in",
            "SIGNED IN",
            name.clone(),
            if name.is_empty() { "nobody" } else { &name },
        );
    here.out.one(&match shared {
        false => row,
        true => row
            .text("place", "AT", &me.name)
            .text("device", "DEVICE", &me.endpoint)
            .instant(
                "signed_in_until",
                "SIGNED IN UNTIL",
                until,
                &until.map_or_else(String::new, |ms| here.out.exactly(ms)),
            ),
    })?;
    Ok(Exit::Done)
}

/// `check`: done if nothing is wrong; else the exit code of the first finding.
pub(super) async fn check(here: &Here<'_>) -> Result<Exit> {
    let agent = here.open(true).await?;
    let progress = Progress::start(here.out, "looking");
    let _ = agent.settle(here.global.wait.unwrap_or(BRIEFLY)).await;
    drop(progress);
    let findings = agent.check().await?;
    agent.close().await;
    let rows: Vec<Row> = findings.iter().map(shown::finding).collect();
    here.out.list(&rows, "nothing is wrong")?;
    Ok(findings.first().map_or(Exit::Done, |f| Exit::of(f.code)))
}

/// `sync`.
pub(super) async fn sync(here: &Here<'_>) -> Result<Exit> {
    let (agent, fault) = here.open_fresh().await?;
    let files = match fault {
        None => super::files::all_there(here, &agent).await,
        Some(_) => Ok(()),
    };
    let status = agent.status().await?;
    agent.close().await;
    here.out.one(&shown::status(here.out, &status))?;
    match fault {
        None => files.map(|()| Exit::Done),
        Some(fault) => Err(fault),
    }
}

/// `run`: until Ctrl-C, or for a time. Other commands can have the profile meanwhile, and it goes on
/// receiving when the profile is locked, unless it is to end then.
pub(super) async fn run(here: &Here<'_>, args: &args::Run) -> Result<Exit> {
    let paths = VaultPaths::in_folder(&here.folder());
    let outer = here.home.session(&here.profile)?;
    let mut agent = here.open(true).await?;
    here.out.words("sending and receiving; Ctrl-C ends it");
    let mut seen: std::collections::BTreeSet<_> = agent.inbox().await?.iter().map(|d| d.id).collect();
    let stop = stop_after(args.duration);
    tokio::pin!(stop);
    let mut look = tokio::time::interval(LOOK);
    loop {
        let more = agent.wait_inbox(seen.len() + 1, Duration::from_secs(3600));
        tokio::select! {
            () = &mut stop => break,
            came = more => {
                let documents = match came {
                    Ok(documents) => documents,
                    // Nothing came for an hour, or the relay is away: the agent goes on by itself.
                    Err(_) => continue,
                };
                let known = agent.documents().await?;
                let fresh: Vec<_> = documents.into_iter().filter(|d| seen.insert(d.id)).collect();
                here.out.list(&shown::documents(here.out, &fresh, &known), "")?;
            }
            _ = look.tick() => {
                if args.until_locked && !session_lasts(&paths.session(), &outer, here.now_ms()) {
                    break;
                }
                if paths.is_wanted() {
                    let aside = agent.aside().await?;
                    agent = back(&aside, &paths).await?;
                }
            }
        }
    }
    agent.close().await;
    Ok(Exit::Done)
}

/// Takes the profile back once no command waits for it any more.
async fn back(aside: &Aside, paths: &VaultPaths) -> Result<Agent> {
    loop {
        // Whoever waits is first: this one takes it only when it is free.
        tokio::time::sleep(LOOK).await;
        if paths.is_wanted() {
            continue;
        }
        match aside.back(Duration::ZERO).await {
            Err(error) if error.code == ErrorCode::VaultInUse => {}
            other => return other.map_err(Into::into),
        }
    }
}

/// Ends at Ctrl-C or SIGTERM, or when the time is over.
pub(super) async fn stop_after(duration: Option<Duration>) {
    let time = async {
        match duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = time => {}
        () = asked_to_stop() => {}
    }
}

async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut term) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = term.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A runtime for one call: on this one thread, since a program that waits for one relay has nothing to do
/// side by side, and a change of thread for each frame costs more than most frames. The vault's work is
/// done on threads of its own.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Fault::from)
}
