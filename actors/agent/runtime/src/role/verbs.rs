//! `role ...`, and `send` to a role.

use telesphor_vault::Table;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::show;
use crate::acts::standing::refuse_not_current;
use crate::api::Agent;
use crate::core::shared::clock;
use crate::core::{Ctx, names};
use crate::documents::send::SentRecord;
use crate::documents::show::{People, sent_view};
use crate::documents::write::Draft;
use crate::error::{Error, Result};
use crate::views::{DeskView, RoleView, SentView};

/// A role of an organisation, as a command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleAddress {
    /// The organisation: a contact.
    pub organisation: String,
    /// The role, as the organisation's roster writes it.
    pub role: String,
}

/// Where a letter goes on to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Then {
    /// To which role; of the same organisation.
    pub to: RoleAddress,
    /// How much later than the step before it must have been accepted there, milliseconds.
    pub after_ms: u64,
}

/// The way of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSend {
    /// To which role.
    pub to: RoleAddress,
    /// To which ones it goes on, each if nobody has accepted it in its time.
    pub then: Vec<Then>,
}

impl Agent {
    /// Makes a role of this organisation that can be written to, or gives one another name. Every
    /// contact is told.
    ///
    /// # Errors
    /// [`ErrorCode::Usage`] for a word that is no role; [`ErrorCode::TooMany`].
    pub async fn new_role(&self, role: &str, name: &str) -> Result<RoleView> {
        let (role, name) = (role.to_owned(), name.to_owned());
        let id = self
            .shared
            .change(move |core| core.write(|ctx| ctx.new_role(&role, &name)))
            .await?;
        let mut here = self.roles().await?.into_iter().filter(|r| r.id == id);
        here.next().ok_or(Error::fault("role"))
    }

    /// Every role that can be written to from here.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn roles(&self) -> Result<Vec<RoleView>> {
        self.look(|snapshot, profile| show::roles(snapshot, profile, clock()))
            .await
    }

    /// Letters at this organisation's desk, oldest first.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn desk(&self) -> Result<Vec<DeskView>> {
        self.look(show::desk).await
    }

    /// Signs a draft and writes it to a role. Returns as soon as it is in the outbox;
    /// [`Agent::wait_sent`] waits for more.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for a role that cannot be written to; [`ErrorCode::Usage`] for a
    /// way without times, through another organisation or twice through one role;
    /// [`ErrorCode::Unverified`] never: that the caller decides.
    pub async fn send_to_role(&self, to: RoleSend, draft: Draft) -> Result<SentView> {
        self.role_change(move |ctx| ctx.send_to_role(&to, draft)).await
    }

    /// Gives a role a document that is in the record already.
    ///
    /// # Errors
    /// As [`Agent::send_to_role`]; [`ErrorCode::Replaced`] and [`ErrorCode::Retracted`] for what
    /// is not current.
    pub async fn give_to_role(&self, to: RoleAddress, document: DocumentId) -> Result<SentView> {
        self.role_change(move |ctx| ctx.give_to_role(&to, document)).await
    }

    async fn role_change<F>(&self, f: F) -> Result<SentView>
    where
        F: FnOnce(&mut Ctx<'_, '_>) -> Result<(DocumentId, IdentityId)> + Send + 'static,
    {
        self.shared
            .change(move |core| {
                let profile = core.profile.clone();
                core.write(|ctx| {
                    let (document, role) = f(ctx)?;
                    let record: SentRecord = ctx
                        .get(Table::Receipts, &names::sent(&document, &role))?
                        .ok_or(Error::fault("sent"))?;
                    sent_view(ctx.tx, &People::load(ctx.tx, &profile)?, &record)
                })
            })
            .await
    }
}

impl Ctx<'_, '_> {
    fn give_to_role(&mut self, to: &RoleAddress, document: DocumentId) -> Result<(DocumentId, IdentityId)> {
        let kept = self.kept(&document)?.ok_or(Error::of(ErrorCode::NotFound))?;
        refuse_not_current(self.tx, &self.profile, &kept)?;
        let card = self.role_at(to)?.card;
        let step = telesphor_clinical::role::RoleStep {
            role: card.role,
            identity: card.identity,
            by: None,
        };
        let role = self.write_letter(&document, vec![step], None)?;
        Ok((document, role))
    }
}
