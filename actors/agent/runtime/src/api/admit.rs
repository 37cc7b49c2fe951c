//! A further admission: vouchers for more mailboxes.

use std::time::Duration;

use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::command::SignedVoucher;
use telesphor_wire::domain::AdmissionLink;
use telesphor_wire::error::ErrorCode;

use super::agent::Agent;
use super::create::VOUCHERS;
use crate::core::names;
use crate::core::shared::clock;
use crate::error::Result;

/// Vouchers in stock that still open something.
fn stock(records: &impl Records) -> Result<usize> {
    let now = clock();
    let all = records.range(Table::Mailboxes, names::VOUCHERS, 0, usize::MAX)?;
    let good = all.iter().filter(|(_, bytes)| {
        canonical::decode::<SignedVoucher>(bytes).is_ok_and(|v| v.statement.until > now)
    });
    Ok(good.count())
}

impl Agent {
    /// How many more mailboxes can be opened with what the home domain has admitted.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn vouchers(&self) -> Result<usize> {
        self.look(|snapshot, _| stock(snapshot)).await
    }

    /// Spends another admission of the home domain for more mailboxes; gives how many can be
    /// opened then.
    ///
    /// # Errors
    /// [`ErrorCode::WrongRelay`] for another domain's link; [`ErrorCode::AdmissionInvalid`] if
    /// the relay does not take it; else as every wait.
    pub async fn admit(&self, link: &AdmissionLink, wait: Duration) -> Result<usize> {
        let (domain, key, token) = (link.domain.clone(), link.key, link.token);
        let before = self
            .shared
            .change(move |core| {
                let record = core.profile.record();
                if record.domain != domain || record.key != key {
                    return Err(ErrorCode::WrongRelay.into());
                }
                let before = stock(&core.read()?)?;
                core.write(|ctx| {
                    let mut profile = ctx.profile.clone();
                    profile.refused = None;
                    ctx.put_profile(profile)?;
                    ctx.enrol(token, VOUCHERS)
                })?;
                Ok(before)
            })
            .await?;
        self.wait_for(wait, move |core| {
            if let Some(refused) = core.profile.refused {
                return Err(refused.into());
            }
            let now = stock(&core.read()?)?;
            Ok((now > before).then_some(now))
        })
        .await
    }
}
