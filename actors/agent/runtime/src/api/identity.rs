//! `identity show`, `identity kit`, `endpoint list`.

use telesphor_identity::kit::RecoveryKit;
use telesphor_vault::Table;
use telesphor_wire::error::ErrorCode;

use super::agent::Agent;
use crate::core::names;
use crate::error::{Error, Result};
use crate::people;
use crate::views::{KitText, Me};

/// A kit as it is printed.
pub fn kit_text(kit: &RecoveryKit) -> KitText {
    KitText {
        words: kit.words().into_iter().map(str::to_owned).collect(),
        code: kit.to_text(),
    }
}

impl Agent {
    /// Who this profile is.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn me(&self) -> Result<Me> {
        self.look(|snapshot, profile| {
            let (_, history) = people::history(snapshot, profile, &profile.identity)?
                .ok_or(Error::of(ErrorCode::BrokenHistory))?;
            Ok(Me {
                id: profile.identity,
                name: profile.name.clone(),
                endpoint: profile.endpoint.clone(),
                domain: profile.domain().clone(),
                history: history.now().n,
                kit_tested: profile.kit_tested,
            })
        })
        .await
    }

    /// One's own public history, canonical bytes: what a board or a verifier needs of it.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn my_card(&self) -> Result<Vec<u8>> {
        self.shared.work(|core| core.write(|ctx| ctx.my_history())).await
    }

    /// Notes that the printed kit was tested.
    ///
    /// # Errors
    /// [`ErrorCode::Usage`] if the word is wrong; [`ErrorCode::InputRefused`] if the kit is
    /// another identity's, [`ErrorCode::KitReplaced`] if there is a newer one.
    pub async fn kit_tested(&self, kit: &RecoveryKit, number: usize, word: &str) -> Result<()> {
        let good = kit.word_is(number, word);
        let kit = kit.clone();
        self.shared
            .change(move |core| {
                core.kit_in_force(&kit)?;
                if !good {
                    return Err(ErrorCode::Usage.into());
                }
                core.write(|ctx| {
                    let mut profile = ctx.profile.clone();
                    profile.kit_tested = Some(ctx.now);
                    ctx.put(Table::Settings, names::PROFILE, &profile)?;
                    ctx.put_profile(profile)
                })
            })
            .await
    }
}
