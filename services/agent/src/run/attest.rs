//! `attest`, `trust`, `verify`.

use std::path::{Path, PathBuf};
use telesphor_agent::views::{StandingView, Verdict};
use telesphor_agent::{Agent, Asked};
use telesphor_identity::status::RevocationReason;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use super::names::Names;
use super::session::Here;
use crate::args::{self, Attest, Trust};
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::Row;
use crate::{short, shown};

/// `attest give|list|withdraw`.
pub(super) async fn attest(here: &Here<'_>, act: &Attest) -> Result<Exit> {
    match act {
        Attest::Give(args) => {
            let until = here.until(&args.until)?;
            let agent = here.open(true).await?;
            let given = agent.attest(&args.who, &args.claim, &args.detail, until).await?;
            let names = Names::load(&agent).await?;
            here.out
                .one(&shown::attestation(here.out, &given, |id| names.of(id)))?;
            here.let_go(agent).await;
            Ok(Exit::Done)
        }
        Attest::List => {
            let (agent, stale) = here.open_fresh().await?;
            let names = Names::load(&agent).await?;
            let rows: Vec<Row> = agent
                .attestations()
                .await?
                .iter()
                .map(|a| shown::attestation(here.out, a, |id| names.of(id)))
                .collect();
            here.out.list(&rows, "nothing was attested")?;
            here.finish(agent, stale).await
        }
        Attest::Withdraw(args) => {
            let reason = match (args.stolen, args.mistake) {
                (true, _) => RevocationReason::KeyStolen,
                (_, true) => RevocationReason::Mistake,
                _ => RevocationReason::Withdrawn,
            };
            let agent = here.open(true).await?;
            agent.withdraw(&args.id, reason).await?;
            here.out.words("withdrawn; the new list goes to every contact");
            here.let_go(agent).await;
            Ok(Exit::Done)
        }
    }
}

/// `trust add|list|remove`.
pub(super) async fn trust(here: &Here<'_>, act: &Trust) -> Result<Exit> {
    let agent = here.open(false).await?;
    match act {
        Trust::Add(args) => {
            let path = Path::new(&args.authority);
            let added = if path.is_file() {
                let card = super::input::bytes(path)?;
                let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned());
                let name = args.call.clone().or(stem).unwrap_or_default();
                agent.trust(&card, &name, &args.claim).await?
            } else {
                agent.trust_contact(&args.authority, &args.claim).await?
            };
            here.out.one(&shown::trust(&added))?;
        }
        Trust::List => {
            let rows: Vec<Row> = agent.trusted().await?.iter().map(shown::trust).collect();
            here.out.list(
                &rows,
                "nobody's word is accepted yet: telesphor trust add CARD --for licensed-physician",
            )?;
        }
        Trust::Remove(args) => {
            let wanted = &args.authority;
            let mut fits: Vec<(IdentityId, String)> = agent
                .trusted()
                .await?
                .into_iter()
                .filter(|t| {
                    let id = t.authority.to_string();
                    t.name == *wanted
                        || id.starts_with(wanted.as_str())
                        || short::tail(&id).starts_with(wanted.as_str())
                })
                .map(|t| (t.authority, t.name))
                .collect();
            fits.sort();
            fits.dedup();
            match fits.as_slice() {
                [(authority, name)] => {
                    agent.distrust(*authority).await?;
                    here.out
                        .words(&format!("the word of {name} is no longer accepted"));
                }
                [] => return Err(Fault::of(ErrorCode::NotFound)),
                _ => return Err(Fault::of(ErrorCode::Ambiguous)),
            }
        }
    }
    agent.close().await;
    Ok(Exit::Done)
}

/// `verify`: the exit code says whether everything is genuine.
pub(super) async fn verify(here: &Here<'_>, args: &args::Verify) -> Result<Exit> {
    let at = match &args.at {
        Some(text) => {
            let when = crate::dates::at(text, here.out.now, &here.out.zone)?;
            here.out.words(&format!("as of {}", when.exactly()));
            Some(when.ms())
        }
        None => None,
    };
    let path = Path::new(&args.what);
    if path.is_file() {
        let bytes = super::input::bytes(path)?;
        if super::sd_jwt::is_token(&bytes) {
            return super::sd_jwt::verify(here, &bytes, args);
        }
    }
    let agent = if args.offline {
        here.open(false).await?
    } else {
        here.open_fresh().await?.0
    };
    let mut asked = Asked {
        roles: args.role.clone(),
        at,
        question: args.question.clone(),
        ..Asked::default()
    };
    if let Some(who) = &args.made_out_to {
        match agent.contact(who).await {
            Ok(contact) => asked.reader = Some(contact.id),
            Err(error) if error.code == ErrorCode::NotFound => asked.names = vec![who.clone()],
            Err(error) => return Err(error.into()),
        }
    }
    let mut verdicts: Vec<(String, Verdict)> = Vec::new();
    let mut missing = Vec::new();
    if path.is_dir() {
        for file in tel_files(path)? {
            let verdict = agent
                .verify_file(&super::input::bytes(&file)?, asked.clone())
                .await?;
            verdicts.push((file.display().to_string(), verdict));
        }
        if verdicts.is_empty() {
            return Err(Fault::of(ErrorCode::NotFound).with("no .tel file in this folder"));
        }
        missing = missing_of(&agent, path, &verdicts).await?;
    } else if path.is_file() {
        let verdict = agent.verify_file(&super::input::bytes(path)?, asked).await?;
        verdicts.push((args.what.clone(), verdict));
    } else {
        verdicts.push((args.what.clone(), agent.verify(&args.what, asked).await?));
    }
    agent.close().await;
    for (what, verdict) in &verdicts {
        let row = shown::parts::of_verdict(shown::verdict(verdict), verdict);
        here.out.one(&row.more("what", what.clone(), what))?;
    }
    let bad = verdicts.iter().filter(|(_, v)| v.failed.is_some()).count();
    let back = verdicts
        .iter()
        .filter(|(_, v)| matches!(v.standing, StandingView::Retracted(_)))
        .count();
    if path.is_dir() {
        let back = match back {
            0 => String::new(),
            n => format!(", {n} taken back by their authors"),
        };
        here.out.words(&format!(
            "{} documents, {bad} of them not genuine{back}",
            verdicts.len()
        ));
    }
    for name in &missing {
        here.out.words(&format!(
            "MISSING or exchanged, by the owner's signed list: {name}"
        ));
    }
    Ok(match (bad + missing.len(), back) {
        (0, 0) => Exit::Done,
        // An archive may hold what was taken back.
        (0, _) if path.is_dir() => Exit::Done,
        // Genuine, and not to be used.
        (0, _) => Exit::Refused,
        _ => Exit::NotGenuine,
    })
}

/// What the owner's signed list names and the folder does not hold; nothing where there is no list.
async fn missing_of(agent: &Agent, folder: &Path, found: &[(String, Verdict)]) -> Result<Vec<String>> {
    let [manifest, history] = ["manifest.bin", "history.bin"].map(|name| folder.join(name));
    if !manifest.is_file() {
        return Ok(Vec::new());
    }
    let (manifest, history) = (super::input::bytes(&manifest)?, super::input::bytes(&history)?);
    let named = agent.exported(manifest, history).await?;
    let there = |id| found.iter().any(|(_, verdict)| verdict.document == Some(id));
    let mut missing = Vec::new();
    for (name, id) in named {
        let good = match name.starts_with("files/") {
            true => match agent.exported_file(folder, &name).await {
                Err(error) if error.code != ErrorCode::NotFound => return Err(error.into()),
                same => same.unwrap_or(false),
            },
            false => true,
        };
        if !good || !there(id) {
            missing.push(name);
        }
    }
    Ok(missing)
}

/// Every `.tel` file of a folder and those in it, in order.
fn tel_files(folder: &Path) -> Result<Vec<PathBuf>> {
    const DEPTH: usize = 8;
    let mut found = Vec::new();
    let mut waiting = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = waiting.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() && depth < DEPTH {
                waiting.push((entry.path(), depth + 1));
            } else if kind.is_file() && entry.path().extension().is_some_and(|e| e == "tel") {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}
