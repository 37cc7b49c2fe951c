//! `identity rotate`.

use telesphor_agent::kit_text;
use telesphor_identity::kit::RecoveryKit;
use telesphor_wire::error::ErrorCode;

use super::identity::{give_kit, read_kit, refuse_existing};
use super::session::Here;
use crate::args;
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::Progress;
use crate::shown;

/// Which word of the new kit is asked for before the old one is used up.
const TESTED_WORD: usize = 5;

/// Old kit in, new kit out. The new one is on paper or in its file before anything changes: until
/// then the old one stays good.
pub(super) async fn rotate(here: &Here<'_>, args: &args::IdentityRotate) -> Result<Exit> {
    if let Some(file) = &args.new_kit {
        refuse_existing(file)?;
    }
    let old = read_kit(&args.kit)?;
    let agent = here.open(true).await?;
    let kit = agent.next_kit(&old).await.map_err(|error| match error.code {
        ErrorCode::InputRefused => Fault::of(ErrorCode::InputRefused).with("this kit is another identity's"),
        _ => error.into(),
    })?;
    let guard = here
        .asking()
        .identity_passphrase(args.identity.identity_passphrase_file.as_deref())?;
    let me = agent.me().await?;
    give_kit(here, &kit, args.new_kit.as_deref(), shown::me(here.out, &me))?;
    let tested = test_word(here, &kit)?;
    let progress = Progress::start(here.out, "rotating");
    let rotated = agent.rotate(&old, &kit, &guard, here.wait()).await;
    if rotated.is_ok() && tested {
        let word = kit_text(&kit)
            .words
            .get(TESTED_WORD - 1)
            .cloned()
            .unwrap_or_default();
        agent.kit_tested(&kit, TESTED_WORD, &word).await?;
    }
    let backed_up = match &rotated {
        Ok(()) => agent.back_up(here.wait()).await,
        Err(error) => Err(error.clone()),
    };
    drop(progress);
    agent.close().await;
    match rotated {
        Ok(()) => {}
        // In the vault and on its way: the new kit counts.
        Err(error) if matches!(error.code, ErrorCode::NotYetDurable | ErrorCode::Unreachable) => {
            here.out.words(
                "The identity key is replaced here; contacts learn of it as soon as the relay answers.",
            );
        }
        Err(error) => return Err(error.into()),
    }
    here.out.words(
        "The identity key is replaced and your contacts are told. The old kit opens nothing any more: destroy it.",
    );
    if !tested {
        here.out
            .hint("Test the new kit once it is printed: telesphor identity kit --test FILE");
    }
    if backed_up.is_err() {
        here.out
            .hint("The new kit leads to no backup yet: telesphor backup");
    }
    Ok(Exit::Done)
}

/// Whether somebody typed a word of the new kit. Where nobody can answer it is tested later.
fn test_word(here: &Here<'_>, kit: &RecoveryKit) -> Result<bool> {
    let asking = here.asking();
    if !asking.can_ask() {
        return Ok(false);
    }
    for _ in 0..3 {
        let word = asking.line(&format!("To test the new kit, type its word {TESTED_WORD}:"))?;
        if kit.word_is(TESTED_WORD, &word) {
            here.out.words("The kit is good.");
            return Ok(true);
        }
        here.out.words("That is not the word.");
    }
    Err(Fault::usage(
        "the new kit was not read back; nothing was changed and the old kit stays good",
    ))
}
