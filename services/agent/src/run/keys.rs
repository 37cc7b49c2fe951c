//! `key list|add|remove`: what opens this profile.

use telesphor_vault::{SlotInfo, SlotKind};
use telesphor_wire::error::ErrorCode;

use super::session::Here;
use crate::args::{self, Keys};
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::Row;

/// `key ...`.
pub(super) async fn keys(here: &Here<'_>, act: &Keys) -> Result<Exit> {
    match act {
        Keys::List => list(here).await,
        Keys::Add(args) => add(here, args).await,
        Keys::Remove(args) => remove(here, args).await,
    }
}

const fn kind(slot: &SlotInfo) -> &'static str {
    match slot.kind {
        Some(SlotKind::Passphrase) => "passphrase",
        Some(SlotKind::KeyFile) => "key file",
        Some(SlotKind::Badge) => "badge",
        Some(SlotKind::OsStore) => "system's key store",
        None => "of a newer version",
    }
}

async fn list(here: &Here<'_>) -> Result<Exit> {
    let agent = here.open(false).await?;
    let rows: Vec<Row> = agent
        .vault_keys()
        .await?
        .iter()
        .map(|slot| {
            Row::new()
                .both("number", "NUMBER", slot.number, &slot.number.to_string())
                .text("kind", "KIND", kind(slot))
                .text("label", "LABEL", &slot.label)
        })
        .collect();
    agent.close().await;
    here.out.list(&rows, "nothing opens it")?;
    Ok(Exit::Done)
}

async fn add(here: &Here<'_>, args: &args::KeyAdd) -> Result<Exit> {
    super::identity::refuse_existing(&args.file)?;
    let agent = here.open(false).await?;
    let line = agent.add_vault_key(&args.name).await;
    agent.close().await;
    let line = zeroize::Zeroizing::new(format!("{}\n", *line?));
    super::identity::write_private(&args.file, &line)?;
    here.out.words(&format!(
        "{} opens {} from now on; whoever has a copy of it needs no passphrase",
        args.file.display(),
        here.profile
    ));
    here.out.hint("telesphor unlock --key-file FILE");
    Ok(Exit::Done)
}

async fn remove(here: &Here<'_>, args: &args::KeyRemove) -> Result<Exit> {
    let agent = here.open(false).await?;
    let removed = agent.remove_vault_key(args.number).await;
    agent.close().await;
    match removed {
        Err(error) if error.code == ErrorCode::Usage => {
            return Err(Fault::usage(
                "the last key stays: nobody could open the profile again",
            ));
        }
        other => other?,
    }
    here.out.words(&format!(
        "key {} opens {} no more. Whoever has copied the profile's folder, and has that key, still opens the copy.",
        args.number, here.profile
    ));
    Ok(Exit::Done)
}
